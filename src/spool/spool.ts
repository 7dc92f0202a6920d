import type { Meter } from '@opentelemetry/api';
import { basename } from 'node:path';
import type { BackoffOptions } from '../pipeline/backoff.ts';
import type { FrameConsumer } from '../pipeline/consumer.ts';
import type { Frame, SpooledFrame } from '../pipeline/frame.ts';
import { ACCEPTED, type ExportOutcome } from '../pipeline/outcome.ts';
import type { Logger } from '../telemetry/logger.ts';
import { isConsumerName } from './cursor.ts';
import { createDamageLog, type DamagedRange } from './damage-log.ts';
import { createDiskReserve } from './disk-reserve.ts';
import { createDeadLetters, type DeadLetter } from './dead-letters.ts';
import { createDedupWindow, hashesIn } from './dedup-window.ts';
import { createDelivery, type ConsumerStatus, type Delivery } from './delivery.ts';
import { lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { createSpoolFiles, errorCode, replaceFile, type SpoolFiles } from './files.ts';
import { contentHashOf, encodeFrame, type EncodedFrame } from './frame-codec.ts';
import { createGroupCommit, type AppendedFrame, type GroupCommit } from './group-commit.ts';
import { createSpoolInstruments } from './instruments.ts';
import { createRecentFrames } from './recent-frames.ts';
import { recoverSpool } from './recovery.ts';
import { comparePositions, newSegment, type Position, type Segment } from './segment.ts';
import { createRefusalDelay, REFUSAL_REASONS, type RefusalReason } from './refusal-delay.ts';
import { createSegmentReader, type SegmentReader } from './segment-reader.ts';
import { createWakeup } from './wakeup.ts';

const SEGMENT_BYTES = 64 * 1024 * 1024;
const BYTES_MAX = 4 * 1024 * 1024 * 1024;
/** How many of the newest frames are recognised when they come again. */
const DEDUP_WINDOW_FRAMES = 65_536;
const DEAD_LETTER_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes that may wait for the disk; beyond it the disk is the bottleneck and senders are told to come back. */
const WAITING_BYTES_MAX = 256 * 1024 * 1024;
const RECENT_BYTES_MAX = 32 * 1024 * 1024;
/** `drain` looks at least this often; deliveries wake it earlier. */
const DRAIN_CHECK_MS = 50;
const DISK_FULL = 'the disk is full; send the request again later';
const TOO_MANY_RECEIPTS = 'more was redacted in this request than one frame can say; send it in smaller requests';
const CONSUMER_BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 30_000, factor: 2 };

export interface SpoolOptions {
  readonly directory: string;
  /** A segment is ended when the next frame would make it larger. 64 MiB by default. */
  readonly segmentBytes?: number;
  /** Most bytes of all segments; beyond it appends are refused until consumers catch up. 4 GiB by default. */
  readonly bytesMax?: number;
  /** Bytes of recent frames kept in memory for consumers that keep up. 32 MiB by default. */
  readonly recentBytesMax?: number;
  /** Most bytes of the dead-letter folder; the oldest make room. 256 MiB by default. */
  readonly deadLetterBytesMax?: number;
  /** Waits between attempts of a batch; 100 ms doubling to 30 s by default. */
  readonly backoff?: BackoffOptions;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  readonly files?: SpoolFiles;
}

export interface SpoolStatus {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly segments: number;
  readonly consumers: readonly ConsumerStatus[];
  /** Since the start: */
  readonly duplicates: number;
  readonly corruptFrames: number;
  readonly tornBytes: number;
  /** What was ever stepped over and nobody has dealt with yet, oldest first, of earlier starts too. */
  readonly damaged: readonly DamagedRange[];
  /** Everything in the dead-letter folder, oldest first. */
  readonly deadLetters: readonly DeadLetter[];
}

/**
 * The only queue: an append-only, checksummed log of redacted requests on local disk, and the loops that hand it to the
 * consumers.
 *
 * It guarantees that an accepted frame is on the device and is delivered to every consumer at least once, in order, over
 * crashes too; that a frame which was refused is not delivered because of this append; and that it never uses more than
 * `bytesMax` (and one frame) of disk. It does not look into a frame.
 */
export interface Spool {
  /** Before `start`. Each consumer has a cursor under its name; a new name starts at the oldest frame kept. */
  attach(consumer: FrameConsumer): void;
  /** Recovers what is on disk and starts the consumers. Throws when another process has the directory. */
  start(): Promise<void>;
  /**
   * What an append of about so many bytes would be refused with as things are, or undefined: asked before work is put into a
   * frame that a full spool would not take.
   */
  refusal(bytes: number): ExportOutcome | undefined;
  /**
   * `accepted` when the frame is durable, `retryable` when nothing was kept, `permanent` when its receipts and facts are too large for any
   * frame. Never rejects. The frame's bytes are not looked at after
   * that.
   */
  append(frame: Frame): Promise<ExportOutcome>;
  status(): SpoolStatus;
  /** True when every consumer caught up within the time. */
  drain(timeoutMs: number): Promise<boolean>;
  /**
   * True when, within the time, every consumer is past what was appended before the call and none of it is on disk any
   * more.
   */
  passed(timeoutMs: number): Promise<boolean>;
  /** Refuses further appends, makes the waiting ones durable, and lets consume calls under way finish. */
  close(): Promise<void>;
}

export function createSpool(options: SpoolOptions): Spool {
  const { directory, logger } = options;
  const files = options.files ?? createSpoolFiles();
  const clock = options.clock ?? Date.now;
  const bytesMax = options.bytesMax ?? BYTES_MAX;
  const segmentBytes = Math.min(options.segmentBytes ?? SEGMENT_BYTES, Math.ceil(bytesMax / 4));
  const segmentDirectory = `${directory}/segments`;
  const cursorDirectory = `${directory}/cursors`;

  const consumers: FrameConsumer[] = [];
  const deliveries: Delivery[] = [];
  const readers: SegmentReader[] = [];
  const segments: Segment[] = [];
  const dedup = createDedupWindow(DEDUP_WINDOW_FRAMES);
  const underway = new Map<string, Promise<ExportOutcome>>();
  const recent = createRecentFrames(options.recentBytesMax ?? RECENT_BYTES_MAX);
  const progress = createWakeup();
  const instruments = createSpoolInstruments(options.meter, () => ({
    bytes: bytesOnDisk(),
    bytesMax,
    segments: segments.length,
    deadLetterBytes: deadLetters.bytes(),
    consumers: consumerStatuses(),
  }));
  // What alerts go by stands at 0 from the start: of a counter that appears as 1, nobody sees the increase.
  instruments.corruptFrames.add(0);
  for (const reason of REFUSAL_REASONS) instruments.refused.add(0, { reason });
  const deadLetters = createDeadLetters({
    directory: `${directory}/dead-letter`,
    bytesMax: options.deadLetterBytesMax ?? DEAD_LETTER_BYTES_MAX,
    files,
    clock,
    instruments,
  });

  const reserve = createDiskReserve(files, directory, logger);
  const damageLog = createDamageLog({ directory, files, logger });
  const refusalDelay = createRefusalDelay();

  let state: 'new' | 'open' | 'closed' = 'new';
  let lock: DirectoryLock | undefined;
  let commits: GroupCommit | undefined;
  let lastSegmentIndex = 0;
  let duplicates = 0;
  let corruptFrames = 0;
  let tornBytes = 0;
  let releasing = false;
  let released = Promise.resolve();
  let releaseAgain = false;

  function bytesOnDisk(): number {
    return segments.reduce((sum, segment) => sum + segment.length, 0);
  }

  function consumerStatuses(): ConsumerStatus[] {
    const now = clock();
    return deliveries.map((delivery) => delivery.status(now));
  }

  function countDamage(segment: Segment, offset: number, bytes: number): void {
    if (segment.countedDamage.has(offset)) return;
    segment.countedDamage.add(offset);
    corruptFrames += 1;
    instruments.corruptFrames.add(1);
    damageLog.note({ segment: basename(segment.path), offset, bytes, foundAtUnixMs: clock() });
    logger.error({ segment: segment.index, offset, bytes }, 'a damaged frame in the spool was stepped over');
  }

  // ---- recovery

  async function recover(): Promise<void> {
    const remembered = await files.readFile(`${directory}/dedup-window`);
    if (remembered !== undefined) for (const hash of hashesIn(remembered)) dedup.add(hash);
    const recovered = await recoverSpool({
      segmentDirectory,
      cursorDirectory,
      consumers: consumers.map(({ name }) => name),
      files,
      onFrame: (contentHash) => dedup.add(contentHash),
      onDamage: countDamage,
      onTorn(bytes) {
        tornBytes += bytes;
        instruments.tornBytes.add(bytes);
      },
      logger,
    });
    lastSegmentIndex = recovered.lastSegmentIndex;
    segments.push(...recovered.segments);
    for (const consumer of consumers) {
      const found = recovered.consumers.get(consumer.name);
      if (found === undefined) throw new Error(`nothing was recovered for the consumer ${consumer.name}`);
      const reader = createSegmentReader({ files, segments, onDamage: countDamage, logger });
      readers.push(reader);
      deliveries.push(
        createDelivery({
          consumer,
          ...found,
          cursorDirectory,
          files,
          reader,
          deadLetters,
          reserve,
          backoff: options.backoff ?? CONSUMER_BACKOFF,
          clock,
          onProgress,
          instruments,
          logger,
        }),
      );
    }
  }

  // ---- appending

  function onDurable(segment: Segment, appended: readonly AppendedFrame[]): void {
    let bytes = 0;
    for (const { frame, offset, size } of appended) {
      dedup.add(frame.contentHash);
      bytes += size;
      if (deliveries.length === 0) continue;
      recent.add(segment, offset, frame, size);
    }
    refusalDelay.durable(bytes);
    recent.forget(undefined);
    for (const delivery of deliveries) delivery.added(appended.length, bytes);
  }

  function refuse(reason: RefusalReason, message: string, bytes: number): ExportOutcome {
    instruments.refused.add(1, { reason });
    const retryAfterMs = refusalDelay.of(reason, bytes, commits?.pendingBytes() ?? 0);
    return { kind: 'retryable', message, retryAfterMs };
  }

  function acknowledgeDuplicate(): ExportOutcome {
    duplicates += 1;
    instruments.duplicates.add(1);
    return ACCEPTED;
  }

  function refusalWhenFull(bytes: number, commits: GroupCommit): ExportOutcome | undefined {
    const used = bytesOnDisk() + commits.pendingBytes();
    if (used + bytes <= bytesMax || used === 0) return undefined;
    release();
    return refuse('full', 'the spool is full; send the request again later', bytes);
  }

  async function appendNew(frame: SpooledFrame, commits: GroupCommit): Promise<ExportOutcome> {
    if (!reserve.held()) {
      await reserve.take();
      if (!reserve.held()) return refuse('disk', DISK_FULL, frame.bytes.length);
    }
    let encoded: EncodedFrame;
    try {
      encoded = encodeFrame(frame);
    } catch {
      // Receipts and facts beyond what one string can hold: the same request would fail again.
      instruments.unencodable.add(1);
      return { kind: 'permanent', code: 'too_large', message: TOO_MANY_RECEIPTS };
    }
    if (commits.pendingBytes() + encoded.size > WAITING_BYTES_MAX && commits.pendingBytes() > 0) {
      return refuse('busy', 'the spool waits for the disk; send the request again later', encoded.size);
    }
    const full = refusalWhenFull(encoded.size, commits);
    if (full !== undefined) return full;
    try {
      await commits.append(frame, encoded);
      return ACCEPTED;
    } catch (error) {
      const code = errorCode(error);
      const message =
        code === 'ENOSPC' || code === 'EDQUOT' ? DISK_FULL : 'the spool could not write; send the request again later';
      return refuse('disk', message, encoded.size);
    }
  }

  // ---- releasing

  function onProgress(): void {
    progress.wake();
    release();
  }

  /** Removes segments that every consumer is past. Runs alone; a call while it runs makes it run once more. */
  function release(): void {
    releaseAgain = true;
    if (releasing) return;
    releasing = true;
    released = releaseSegments();
  }

  async function releaseSegments(): Promise<void> {
    while (releaseAgain) {
      releaseAgain = false;
      const slowest = deliveries.map((delivery) => delivery.released()).sort(comparePositions)[0];
      if (slowest === undefined) break;
      recent.forget(slowest);
      try {
        await releaseUpTo(slowest);
      } catch (error) {
        logger.error({ code: errorCode(error) }, 'a segment that is done with could not be removed; it is tried again');
      }
    }
    releasing = false;
  }

  async function releaseUpTo(slowest: Position): Promise<void> {
    const newest = segments.at(-1);
    // The newest segment is ended early when it is what fills the spool, or nothing would ever make room again.
    if (newest !== undefined && !newest.sealed && bytesOnDisk() > bytesMax / 2 && isPast(slowest, newest)) {
      await commits?.seal();
    }
    const done = segments.filter((segment) => segment.sealed && isPast(slowest, segment));
    if (done.length === 0) return;
    // The hashes outlive their frames: a retry may come after the frame was stored and its segment removed.
    try {
      await replaceFile(files, directory, 'dedup-window', dedup.toBytes());
    } catch (error) {
      // A full disk must not keep segments from making room: a retry after a restart may then be kept twice.
      logger.warn({ code: errorCode(error) }, 'the deduplication window could not be written');
    }
    for (const segment of done) {
      for (const reader of readers) await reader.forget(segment);
      await files.unlink(segment.path);
      segments.splice(segments.indexOf(segment), 1);
    }
    refusalDelay.released(done.reduce((sum, { length }) => sum + length, 0));
    progress.wake();
  }

  function isPast(position: Position, segment: Segment): boolean {
    return comparePositions(position, { segment: segment.index, offset: segment.length }) >= 0;
  }

  return {
    attach(consumer) {
      if (state !== 'new') throw new Error('consumers are attached before the spool starts');
      if (!isConsumerName(consumer.name))
        throw new Error(`a consumer's name is lower-case letters, digits and dashes: ${consumer.name}`);
      if (consumers.some(({ name }) => name === consumer.name))
        throw new Error(`two consumers are named ${consumer.name}`);
      consumers.push(consumer);
      instruments.deadLetterFrames.add(0, { consumer: consumer.name });
    },

    async start() {
      if (state !== 'new') throw new Error('a spool starts once');
      await files.makeDirectory(segmentDirectory);
      await files.makeDirectory(cursorDirectory);
      lock = await lockDirectory(directory);
      try {
        await deadLetters.start();
        await damageLog.start();
        await reserve.take();
        await recover();
      } catch (error) {
        await lock.release();
        throw error;
      }
      commits = createGroupCommit({
        directory: segmentDirectory,
        files,
        segmentBytes,
        nextSegment: () => newSegment(segmentDirectory, (lastSegmentIndex += 1)),
        onSegment: (segment) => segments.push(segment),
        onSegmentGone: (segment) => segments.splice(segments.indexOf(segment), 1),
        onDurable,
        instruments,
        logger,
      });
      state = 'open';
      for (const delivery of deliveries) delivery.start();
      release();
    },

    refusal: (bytes) => (commits === undefined ? undefined : refusalWhenFull(bytes, commits)),

    async append(frame) {
      if (state !== 'open' || commits === undefined)
        return refuse('closed', 'the spool is closed; send the request again later', frame.bytes.length);
      const contentHash = contentHashOf(frame);
      if (dedup.has(contentHash)) return acknowledgeDuplicate();
      const first = underway.get(contentHash);
      if (first !== undefined) {
        const outcome = await first;
        return outcome.kind === 'accepted' ? acknowledgeDuplicate() : outcome;
      }
      const outcome = appendNew({ ...frame, contentHash }, commits);
      underway.set(contentHash, outcome);
      try {
        return await outcome;
      } finally {
        underway.delete(contentHash);
      }
    },

    status() {
      return {
        bytes: bytesOnDisk(),
        bytesMax,
        segments: segments.length,
        consumers: consumerStatuses(),
        duplicates,
        corruptFrames,
        tornBytes,
        damaged: damageLog.list(),
        deadLetters: deadLetters.list(),
      };
    },

    async drain(timeoutMs) {
      const until = performance.now() + timeoutMs;
      for (;;) {
        const waiting = commits?.pendingBytes() ?? 0;
        if (waiting === 0 && consumerStatuses().every(({ pendingFrames }) => pendingFrames === 0)) return true;
        const left = until - performance.now();
        if (left <= 0) return false;
        await progress.wait(Math.min(left, DRAIN_CHECK_MS));
      }
    },

    async passed(timeoutMs) {
      const until = performance.now() + timeoutMs;
      const held = [...segments];
      while (held.some((segment) => segments.includes(segment))) {
        // Frames that come meanwhile go into a segment of their own.
        if (held.some((segment) => !segment.sealed)) await commits?.seal();
        release();
        await released;
        const left = until - performance.now();
        if (!held.some((segment) => segments.includes(segment))) break;
        if (left <= 0 || state !== 'open') return false;
        await progress.wait(Math.min(left, DRAIN_CHECK_MS));
      }
      return true;
    },

    async close() {
      if (state === 'closed') return;
      state = 'closed';
      await commits?.close();
      await Promise.all(deliveries.map((delivery) => delivery.close()));
      await released;
      await damageLog.close();
      instruments.close();
      await lock?.release();
    },
  };
}
