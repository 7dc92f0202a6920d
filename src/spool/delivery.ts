import { createHash } from 'node:crypto';
import { createBackoff, type BackoffOptions } from '../pipeline/backoff.ts';
import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Logger } from '../telemetry/logger.ts';
import { writeCursor, type Cursor } from './cursor.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { DiskReserve } from './disk-reserve.ts';
import { errorCode, type SpoolFiles } from './files.ts';
import type { SpoolInstruments } from './instruments.ts';
import type { Position } from './segment.ts';
import type { FrameRun, SegmentReader } from './segment-reader.ts';
import { createWakeup } from './wakeup.ts';

/** Longest wait a consumer's `delayMs` can ask for. */
const DELAY_MS_MAX = 5 * 60_000;

export interface ConsumerStatus {
  readonly name: string;
  readonly pendingFrames: number;
  readonly pendingBytes: number;
  /** For how long the oldest frame that the consumer is not done with has been there; 0 when nothing is pending. */
  readonly oldestAgeMs: number;
  /** Attempts of the batch under way that failed, and why the last one did. */
  readonly failedAttempts: number;
  readonly lastFailure: string;
}

/** Drives one consumer: batch by batch, in order, with its cursor on disk. */
export interface Delivery {
  readonly name: string;
  start(): void;
  /** New durable frames behind everything else. */
  added(frames: number, bytes: number): void;
  /** Everything before this position is done with, and the cursor file says so. */
  released(): Position;
  status(nowMs: number): ConsumerStatus;
  /** Lets the consume call under way finish, then stops. */
  close(): Promise<void>;
}

export interface DeliveryOptions {
  readonly consumer: FrameConsumer;
  readonly cursor: Cursor;
  /** Where the consumer stands instead of the cursor's position when nothing sound lies between the two. */
  readonly standsAt: Position | undefined;
  readonly pendingFrames: number;
  readonly pendingBytes: number;
  readonly cursorDirectory: string;
  readonly files: SpoolFiles;
  readonly reader: SegmentReader;
  readonly deadLetters: DeadLetters;
  readonly reserve: DiskReserve;
  readonly backoff: BackoffOptions;
  readonly clock: () => number;
  /** The cursor moved. */
  readonly onProgress: () => void;
  readonly instruments: SpoolInstruments;
  readonly logger: Logger;
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { consumer, files, reader, deadLetters, reserve, instruments, logger } = options;
  const attributes = { consumer: consumer.name };
  const wakeup = createWakeup();
  const backoff = createBackoff(options.backoff);
  let { committed, inFlightEnd } = options.cursor;
  let written: Position = committed;
  committed = options.standsAt ?? committed;
  const pending = { frames: options.pendingFrames, bytes: options.pendingBytes };
  let oldestUnixMs: number | undefined;
  let failedAttempts = 0;
  let lastFailure = '';
  const closing = new AbortController();
  let running: Promise<void> | undefined;

  async function persist(end: Position | undefined): Promise<void> {
    await reserve.during(() =>
      writeCursor(files, options.cursorDirectory, consumer.name, { committed, inFlightEnd: end }),
    );
    written = committed;
    options.onProgress();
  }

  /** Waits for frames, and `lingerMs` for more of them. Writes the cursor before it sleeps. */
  async function awaitFrames(): Promise<void> {
    let limits = consumer.batch;
    let lingerUntil: number | undefined;
    while (!closing.signal.aborted && pending.frames < limits.framesMax && pending.bytes < limits.bytesMax) {
      let waitMs: number | undefined;
      if (pending.frames > 0) {
        if (lingerUntil === undefined) {
          // What it asks for may be something else by the time that frames come.
          limits = consumer.batch;
          lingerUntil = performance.now() + limits.lingerMs;
        }
        waitMs = lingerUntil - performance.now();
        if (waitMs <= 0) return;
      }
      if (written !== committed) await persist(undefined);
      else await wakeup.wait(waitMs);
    }
  }

  async function nextRun(): Promise<FrameRun | undefined> {
    if (inFlightEnd !== undefined) {
      const run = await reader.read(committed, { until: inFlightEnd });
      if (run.frames.length > 0) return run;
      inFlightEnd = undefined;
    }
    await awaitFrames();
    if (closing.signal.aborted) return undefined;
    const run = await reader.read(committed, consumer.batch);
    if (run.frames.length > 0) return run;
    // Frames that were counted as pending turned out damaged: there is nothing behind them.
    if (run.exhausted) {
      pending.frames = 0;
      pending.bytes = 0;
      committed = run.end;
    }
    return undefined;
  }

  async function consume(batch: FrameBatch): Promise<ConsumeOutcome> {
    try {
      return await consumer.consume(batch);
    } catch (error) {
      logger.error({ ...attributes, code: errorCode(error) }, 'a consumer threw; its batch is tried again');
      return { kind: 'retryable', reason: `the consumer failed: ${errorCode(error)}` };
    }
  }

  async function pause(delayMs: number): Promise<void> {
    const until = performance.now() + delayMs;
    for (let left = delayMs; !closing.signal.aborted && left > 0; left = until - performance.now())
      await wakeup.wait(left);
  }

  /** True when the batch is done with, false when the spool closed before. */
  async function deliver(run: FrameRun, redelivered: boolean): Promise<boolean> {
    const id = batchIdOf(run);
    for (let again = redelivered; !closing.signal.aborted; again = true) {
      const batch: FrameBatch = { id, frames: run.frames, redelivered: again };
      const outcome = await consume(batch);
      if (outcome.kind === 'accepted') {
        if (outcome.setAside > 0) instruments.setAsideItems.add(outcome.setAside, attributes);
        return true;
      }
      if (outcome.kind === 'permanent' && (await bury(batch, outcome.reason))) return true;
      failedAttempts += 1;
      lastFailure = outcome.reason;
      instruments.retries.add(1, attributes);
      const own = backoff.next();
      const asked = outcome.kind === 'retryable' ? outcome.delayMs : undefined;
      logger.warn({ ...attributes, batch: id, failedAttempts, reason: outcome.reason }, 'a batch is tried again');
      await pause(asked === undefined ? own : Math.min(asked, DELAY_MS_MAX));
    }
    return false;
  }

  async function bury(batch: FrameBatch, reason: string): Promise<boolean> {
    try {
      await reserve.during(() => deadLetters.add(consumer.name, batch, reason));
      logger.error({ ...attributes, batch: batch.id, frames: batch.frames.length, reason }, 'a batch was set aside');
      return true;
    } catch (error) {
      // Not kept means not done: the batch stays.
      logger.error({ ...attributes, code: errorCode(error) }, 'a batch could not be set aside');
      return false;
    }
  }

  async function deliverNext(): Promise<void> {
    const redelivered = inFlightEnd !== undefined;
    const run = await nextRun();
    if (run === undefined) return;
    const lastUnixMs = receivedAtMs(run.frames.at(-1));
    try {
      if (!(await deliverRun(run, redelivered && inFlightEnd !== undefined))) return;
    } finally {
      run.release();
    }
    committed = run.end;
    inFlightEnd = undefined;
    pending.frames = Math.max(0, pending.frames - run.frames.length);
    pending.bytes = pending.frames === 0 ? 0 : Math.max(0, pending.bytes - run.size);
    // What comes next is no older than what was just taken.
    oldestUnixMs = pending.frames === 0 ? undefined : lastUnixMs;
    failedAttempts = 0;
    lastFailure = '';
    backoff.reset();
    instruments.deliveredFrames.add(run.frames.length, attributes);
    options.onProgress();
  }

  async function deliverRun(run: FrameRun, again: boolean): Promise<boolean> {
    if (!again) {
      await persist(run.end);
      inFlightEnd = run.end;
    }
    oldestUnixMs = receivedAtMs(run.frames[0]);
    return deliver(run, again);
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await deliverNext();
      } catch (error) {
        // Reading a segment or writing the cursor failed. The position did not move.
        failedAttempts += 1;
        lastFailure = `the spool's files: ${errorCode(error)}`;
        logger.error(
          { ...attributes, code: errorCode(error) },
          'the spool could not be read or a cursor not be written',
        );
        await pause(backoff.next());
      }
    }
    try {
      if (written !== committed) await persist(inFlightEnd);
    } catch (error) {
      // The next start delivers the last batch again, with the same id.
      logger.warn({ ...attributes, code: errorCode(error) }, 'a cursor could not be written');
    }
    await reader.close();
  }

  return {
    name: consumer.name,
    start() {
      running ??= run();
    },
    added(frames, bytes) {
      pending.frames += frames;
      pending.bytes += bytes;
      wakeup.wake();
    },
    released: () => written,
    status(nowMs) {
      return {
        name: consumer.name,
        pendingFrames: pending.frames,
        pendingBytes: pending.bytes,
        oldestAgeMs: oldestUnixMs === undefined ? 0 : Math.max(0, nowMs - oldestUnixMs),
        failedAttempts,
        lastFailure,
      };
    },
    async close() {
      closing.abort();
      wakeup.wake();
      await running;
    },
  };
}

function receivedAtMs(frame: SpooledFrame | undefined): number | undefined {
  return frame === undefined ? undefined : Number(frame.receivedAtUnixNano / 1_000_000n);
}

function batchIdOf(run: FrameRun): string {
  const hash = createHash('sha256');
  for (const frame of run.frames) hash.update(frame.contentHash, 'hex');
  return hash.digest('hex');
}
