import type { Logger } from '../telemetry/logger.ts';
import { cursorNames, readCursor, type Cursor } from './cursor.ts';
import type { SpoolFiles } from './files.ts';
import {
  comparePositions,
  scanSegment,
  segmentNamed,
  type Position,
  type ScannedFrame,
  type Segment,
} from './segment.ts';

/** What a spool finds on disk at its start. */
export interface RecoveredSpool {
  /** Those that hold durable frames, in order; all sealed. */
  readonly segments: readonly Segment[];
  /** The highest index ever given as far as is known: a position must never be used twice, even when all segments are gone. */
  readonly lastSegmentIndex: number;
  /** By the names that were asked for. */
  readonly consumers: ReadonlyMap<string, RecoveredConsumer>;
}

/** Where a consumer stands, and what is left for it. */
export interface RecoveredConsumer {
  readonly cursor: Cursor;
  /** Where it stands instead of the cursor's position when nothing sound lies between the two. */
  readonly standsAt: Position | undefined;
  readonly pendingFrames: number;
  readonly pendingBytes: number;
}

export interface RecoveryOptions {
  readonly segmentDirectory: string;
  readonly cursorDirectory: string;
  /** Names of the consumers attached; one without a cursor starts at the oldest frame. */
  readonly consumers: readonly string[];
  readonly files: SpoolFiles;
  /** Each durable frame, oldest first. */
  readonly onFrame: (contentHash: string) => void;
  readonly onDamage: (segment: Segment, offset: number, bytes: number) => void;
  /** A write that the end of the process cut off, and that nobody was told of, was cut off the file too. */
  readonly onTorn: (bytes: number) => void;
  readonly logger: Logger;
}

/**
 * Reads every segment and cursor there is. Cuts an unfinished write off the newest segment and removes empty ones. Throws, and changes
 * nothing of it, where a segment holds frames of a newer Docket: who goes back to an older one must not lose what was acknowledged.
 */
export async function recoverSpool(options: RecoveryOptions): Promise<RecoveredSpool> {
  const { segmentDirectory, cursorDirectory, files } = options;
  let lastSegmentIndex = 0;
  const cursors = new Map<string, Cursor>();
  for (const name of await cursorNames(files, cursorDirectory)) {
    const cursor = await readCursor(files, cursorDirectory, name);
    if (cursor === undefined) continue;
    cursors.set(name, cursor);
    lastSegmentIndex = Math.max(lastSegmentIndex, cursor.committed.segment, cursor.inFlightEnd?.segment ?? 0);
  }
  const lags = options.consumers.map((name) => ({
    name,
    cursor: cursors.get(name) ?? { committed: { segment: 0, offset: 0 }, inFlightEnd: undefined },
    frames: 0,
    bytes: 0,
  }));
  const segments: Segment[] = [];
  const found = (await files.list(segmentDirectory)).flatMap((name) => segmentNamed(segmentDirectory, name) ?? []);
  for (const segment of found) {
    lastSegmentIndex = Math.max(lastSegmentIndex, segment.index);
    const frames = await recoverSegment(segment, segment === found.at(-1), options);
    if (segment.length === 0) {
      await files.unlink(segment.path);
      continue;
    }
    segments.push(segment);
    for (const { offset, size, frame } of frames) {
      options.onFrame(frame.contentHash);
      for (const lag of lags) {
        if (comparePositions({ segment: segment.index, offset }, lag.cursor.committed) < 0) continue;
        lag.frames += 1;
        lag.bytes += size;
      }
    }
  }
  const last = segments.at(-1);
  const consumers = lags.map(({ name, cursor, frames, bytes }): [string, RecoveredConsumer] => [
    name,
    {
      cursor,
      standsAt: frames === 0 ? behindAll(cursor, last) : undefined,
      pendingFrames: frames,
      pendingBytes: bytes,
    },
  ]);
  return { segments, lastSegmentIndex, consumers: new Map(consumers) };
}

/** Nothing sound is left for this consumer: what is only damaged is passed, or its segment would stay for as long as nothing comes. */
function behindAll({ committed, inFlightEnd }: Cursor, last: Segment | undefined): Position | undefined {
  if (last === undefined || inFlightEnd !== undefined) return undefined;
  const end = { segment: last.index, offset: last.length };
  return comparePositions(end, committed) > 0 ? end : undefined;
}

async function recoverSegment(
  segment: Segment,
  newest: boolean,
  { files, onDamage, onTorn, logger }: RecoveryOptions,
): Promise<readonly ScannedFrame[]> {
  const bytes = (await files.readFile(segment.path)) ?? Buffer.alloc(0);
  const scan = scanSegment(bytes, segment.salt);
  if (scan.unknownAt !== undefined) {
    throw new Error(
      `${segment.path} holds requests that a newer Docket took in (at byte ${scan.unknownAt}), which this one cannot read: ` +
        'start that Docket and let it store them, or move the file away',
    );
  }
  segment.length = scan.end;
  segment.sealed = true;
  for (const { offset, bytes: size } of scan.damage) onDamage(segment, offset, size);
  const rest = bytes.length - scan.end;
  if (rest > 0 && newest) {
    onTorn(rest);
    logger.warn({ segment: segment.index, bytes: rest }, 'an unfinished write was cut off');
    const file = await files.open(segment.path, 'write');
    try {
      await file.truncate(scan.end);
      await file.fdatasync();
    } finally {
      await file.close();
    }
  } else if (rest > 0) {
    onDamage(segment, scan.end, rest);
  }
  return scan.frames;
}
