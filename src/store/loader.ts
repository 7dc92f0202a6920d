import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { SIGNALS, type Signal } from '../otlp/signal.ts';
import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Database } from './database.ts';
import { EngineError } from './engine-error.ts';
import type { StoreInstruments } from './instruments.ts';
import { createBlockMemory, type BlockMemory } from './native/block-memory.ts';
import { blockBytes, type NativeBlock } from './native/column.ts';
import { createLogEncoder } from './native/logs.ts';
import { createMetricEncoder } from './native/metrics.ts';
import { receiptBlock } from './native/receipts.ts';
import type { FrameSlice, SliceEncoder, TableBlock, TelemetryTable } from './native/slice.ts';
import { createTraceEncoder } from './native/traces.ts';
import { unloadableBlock, type Unloadable } from './native/unloadable.ts';

/** Part of every deduplication token. Raise it when the rows made from the same frame change. */
const ROWS_VERSION = 1;

const DAY_NANOS = 86_400_000_000_000n;

const MiB = 1024 * 1024;

/** Encoded between two turns of the event loop: about 10 ms of work. */
const BYTES_PER_TURN = MiB;

/**
 * A block is ended when it holds so much, however small the frames are: rows repeat what resource and scope say, so that 24 MiB of frames can
 * be gigabytes of rows. The largest blocks of ordinary frames stay below it.
 */
const BLOCK_BYTES = 64 * MiB;

/** A batch of this size tells that the next ones will be large too. */
const BUSY_BYTES = MiB;

const ENCODERS: Readonly<Record<Signal, (memory: BlockMemory) => SliceEncoder>> = {
  traces: createTraceEncoder,
  logs: createLogEncoder,
  metrics: createMetricEncoder,
};

export interface LoaderOptions {
  readonly database: Database;
  readonly instruments: StoreInstruments;
  readonly logger: Logger;
}

/**
 * The spool's consumer that fills the telemetry tables: several frames, one insert a table. Idempotent: a batch delivered
 * again inserts nothing twice, because every insert's token follows from the batch's id. Rows that ClickHouse refuses for what
 * they are get set aside in `unloadable_items`, their neighbours land.
 */
export function createLoader(options: LoaderOptions): FrameConsumer {
  const { database, instruments, logger } = options;

  const memory = createBlockMemory();
  /** The last batch was a large one. */
  let busy = false;

  async function insert(table: string, block: NativeBlock, token: string): Promise<void> {
    const started = performance.now();
    let outcome = 'accepted';
    try {
      await database.insert('telemetry', table, block, token);
      instruments.rows.add(block.rows, { table });
      instruments.bytes.add(blockBytes(block), { table });
    } catch (error) {
      outcome = error instanceof EngineError ? error.kind : 'retryable';
      throw error;
    } finally {
      instruments.inserts.add(1, { table, outcome });
      instruments.insertDuration.record((performance.now() - started) / 1000, { table });
    }
  }

  /** Blocks of the first of the slices, as many as make a large block. A frame that cannot be walked goes to `aside` whole. */
  async function encode(signal: Signal, slices: readonly FrameSlice[], aside: Unloadable[]): Promise<Encoded> {
    const started = performance.now();
    let rest = slices;
    for (;;) {
      const encoder = ENCODERS[signal](memory);
      let bad: FrameSlice | undefined;
      let bytes = 0;
      let taken = 0;
      for (const slice of rest) {
        if (encoder.bytes >= BLOCK_BYTES) break;
        taken += 1;
        try {
          encoder.add(slice);
        } catch (error) {
          if (!(error instanceof OtlpDecodeError)) throw error;
          aside.push({ slice, table: '', code: 0, reason: `not a ${signal} request: ${error.message}` });
          bad = slice;
          break;
        }
        bytes += slice.frame.bytes.length;
        if (bytes >= BYTES_PER_TURN) {
          bytes = 0;
          await nextTurn();
        }
      }
      if (bad === undefined) {
        instruments.encodeDuration.record((performance.now() - started) / 1000, { signal });
        return { encoder, blocks: encoder.finish(), slices: rest.slice(0, taken), left: rest.slice(taken) };
      }
      // The encoder holds half a row now: start over without the frame.
      encoder.release();
      const failed = bad;
      rest = rest.filter((slice) => slice !== failed);
    }
  }

  // What became of the inserts of the batch under way, by token: in (null), or refused for their rows. A batch that comes back sends
  // only what is neither. What was cut must be cut again, even if the whole would be taken by then, and what is in must not be
  // cut, even if it would be refused by then: the halves' tokens are not the whole's.
  const settled = new Map<string, EngineError | null>();
  let settledOf = '';

  /** Why ClickHouse refuses the rows for what they are, now or at an earlier attempt; null when they are in. */
  async function insertRows(table: TelemetryTable, block: NativeBlock, token: string): Promise<EngineError | null> {
    const before = settled.get(token);
    if (before !== undefined) return before;
    let refusal: EngineError | null = null;
    try {
      await insert(table, block, token);
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'data') throw error;
      refusal = error;
    }
    settled.set(token, refusal);
    return refusal;
  }

  /** Inserts what `slices` hold for one table; `path` names the slices within the batch. */
  async function insertTable(
    table: TelemetryTable,
    block: NativeBlock,
    slices: readonly FrameSlice[],
    token: (table: string, path: string) => string,
    path: string,
    aside: Unloadable[],
  ): Promise<void> {
    const error = await insertRows(table, block, token(table, path));
    if (error === null) return;
    const only = slices[0];
    if (only === undefined) return;
    if (slices.length === 1 && only.to - only.from === 1) {
      aside.push({ slice: only, table, code: error.code ?? 0, reason: error.message });
      return;
    }
    let half = 0;
    for (const part of halves(slices)) {
      await insertAll(only.frame.signal, part, `${path}${half}`, token, aside, table);
      half += 1;
    }
  }

  /** Inserts what `slices` hold, a block a table at a time; for `only` one table when it is given. */
  async function insertAll(
    signal: Signal,
    slices: readonly FrameSlice[],
    path: string,
    token: (table: string, path: string) => string,
    aside: Unloadable[],
    only?: TelemetryTable,
  ): Promise<void> {
    let left = slices;
    for (let part = 0; left.length > 0; part += 1) {
      const encoded = await encode(signal, left, aside);
      // What is cut in two was counted as a whole.
      if (only === undefined) instruments.clampedTimes.add(encoded.encoder.clampedTimes, { signal });
      for (const { table, block } of encoded.blocks) {
        if (only !== undefined && table !== only) continue;
        await insertTable(table, block, encoded.slices, token, part === 0 ? path : `${path}+${part}/`, aside);
      }
      // Only now: an insert that failed may still be read from, and its batch comes back.
      encoded.encoder.release();
      ({ left } = encoded);
    }
  }

  async function load(batch: FrameBatch): Promise<number> {
    const token = (table: string, path: string): string =>
      createHash('sha256').update(`${batch.id}\n${table}\n${ROWS_VERSION}\n${path}`).digest('hex');
    const aside: Unloadable[] = [];
    if (settledOf !== batch.id) {
      settledOf = batch.id;
      settled.clear();
    }
    for (const [day, frames] of byDay(batch.frames)) {
      for (const signal of SIGNALS) {
        const slices = frames
          .filter((frame) => frame.signal === signal)
          .map((frame) => ({ frame, from: 0, to: frame.items }));
        await insertAll(signal, slices, `${day}/`, token, aside);
      }
      const receipts = receiptBlock(frames);
      if (receipts.rows > 0) await insert('redaction_receipts', receipts, token('redaction_receipts', `${day}/`));
      const ofDay = aside.filter((each) => dayOf(each.slice.frame) === day);
      if (ofDay.length > 0) {
        await insert('unloadable_items', unloadableBlock(ofDay), token('unloadable_items', `${day}/`));
      }
    }
    let items = 0;
    for (const { slice, table, code } of aside) {
      const count = slice.to - slice.from;
      items += count;
      instruments.setAside.add(count, { signal: slice.frame.signal });
      logger.warn(
        { table, code, items: count, frame: slice.frame.contentHash },
        'items set aside: no table takes them',
      );
    }
    return items;
  }

  return {
    name: 'loader',
    /** Asked for before each batch: while much comes in, waiting longer makes fewer, larger parts and less to merge. */
    get batch() {
      return { framesMax: 4096, bytesMax: 24 * MiB, lingerMs: busy ? 750 : 250 };
    },
    async consume(batch): Promise<ConsumeOutcome> {
      busy = batch.frames.reduce((sum, frame) => sum + frame.bytes.length, 0) >= BUSY_BYTES;
      try {
        return { kind: 'accepted', setAside: await load(batch) };
      } catch (error) {
        instruments.retries.add(1);
        if (error instanceof EngineError) return { kind: 'retryable', reason: error.message };
        // A defect here or a full disk: nothing of it may quote content, so only the error's name is passed on.
        return { kind: 'retryable', reason: `loader: ${error instanceof Error ? error.name : 'unknown error'}` };
      }
    },
  };
}

interface Encoded {
  readonly encoder: SliceEncoder;
  readonly blocks: readonly TableBlock[];
  /** The slices that are in the blocks. */
  readonly slices: readonly FrameSlice[];
  /** Those behind them, that are in none yet. */
  readonly left: readonly FrameSlice[];
}

function dayOf(frame: SpooledFrame): bigint {
  return frame.receivedAtUnixNano / DAY_NANOS;
}

/** One insert must lie in one partition (a day of receipt) to be atomic. */
function byDay(frames: readonly SpooledFrame[]): ReadonlyMap<bigint, SpooledFrame[]> {
  const days = new Map<bigint, SpooledFrame[]>();
  for (const frame of frames) {
    const day = dayOf(frame);
    const list = days.get(day);
    if (list === undefined) days.set(day, [frame]);
    else list.push(frame);
  }
  return days;
}

/** Cuts the slices into two of about equally many items; the same slices are always cut alike. */
function halves(slices: readonly FrameSlice[]): readonly [FrameSlice[], FrameSlice[]] {
  const total = slices.reduce((sum, slice) => sum + slice.to - slice.from, 0);
  const middle = Math.ceil(total / 2);
  const left: FrameSlice[] = [];
  const right: FrameSlice[] = [];
  let seen = 0;
  for (const slice of slices) {
    const items = slice.to - slice.from;
    if (seen + items <= middle) left.push(slice);
    else if (seen >= middle) right.push(slice);
    else {
      const cut = slice.from + middle - seen;
      left.push({ ...slice, to: cut });
      right.push({ ...slice, from: cut });
    }
    seen += items;
  }
  return [left, right];
}
