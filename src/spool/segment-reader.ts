import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Piece } from '../pipeline/slab-memory.ts';
import type { Logger } from '../telemetry/logger.ts';
import { errorCode, type SpoolFile, type SpoolFiles } from './files.ts';
import { findHeader, parseFrame } from './frame-codec.ts';
import { comparePositions, type Position, type RecentFrame, type Segment } from './segment.ts';

/** Bytes fetched at a time when frames come from disk. */
const READ_AHEAD_BYTES = 1024 * 1024;

export interface FrameRun {
  readonly frames: readonly SpooledFrame[];
  /** Bytes the frames take on disk. */
  readonly size: number;
  /** Where the next run starts. */
  readonly end: Position;
  /** Nothing durable is left behind `end`. */
  readonly exhausted: boolean;
  /** Called once, when nobody looks at the frames' bytes any more. */
  release(): void;
}

export interface RunLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
}

/** Reads frames in order for one consumer: from memory where they are recent, else from the segment's file. */
export interface SegmentReader {
  /** The frames from `from` up to `limits`, or up to exactly `until` when that is given. At least one, if there is one. */
  read(from: Position, limits: RunLimits | { readonly until: Position }): Promise<FrameRun>;
  /** Lets go of a segment that is about to be removed: a file that is still open keeps its room on the disk. */
  forget(segment: Segment): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentReaderOptions {
  readonly files: SpoolFiles;
  /** All segments in order; the spool adds and removes. */
  readonly segments: readonly Segment[];
  readonly onDamage: (segment: Segment, offset: number, bytes: number) => void;
  readonly logger: Logger;
}

export function createSegmentReader(options: SegmentReaderOptions): SegmentReader {
  const { files, segments } = options;
  let opened: { readonly segment: Segment; readonly file: SpoolFile } | undefined;
  let chunk: { readonly segment: Segment; readonly start: number; readonly bytes: Buffer } | undefined;

  async function closeOpened(): Promise<void> {
    const closing = opened;
    opened = undefined;
    try {
      await closing?.file.close();
    } catch (error) {
      // It was only read: nothing can be lost.
      options.logger.warn({ code: errorCode(error) }, 'a segment that was read did not close cleanly');
    }
  }

  async function load(segment: Segment, start: number, length: number): Promise<Buffer> {
    if (opened?.segment !== segment) {
      await closeOpened();
      opened = { segment, file: await files.open(segment.path, 'read') };
    }
    const bytes = Buffer.allocUnsafeSlow(Math.min(length, segment.length - start));
    const filled = await opened.file.read(bytes, start);
    chunk = { segment, start, bytes: bytes.subarray(0, filled) };
    return chunk.bytes;
  }

  /** The frame at `offset`, or where to go on when what is there is damaged. */
  async function frameOnDisk(segment: Segment, offset: number): Promise<Pick<RecentFrame, 'frame' | 'size'> | number> {
    let bytes: Buffer;
    let at = 0;
    if (chunk?.segment === segment && offset >= chunk.start && offset < chunk.start + chunk.bytes.length) {
      bytes = chunk.bytes;
      at = offset - chunk.start;
    } else {
      bytes = await load(segment, offset, READ_AHEAD_BYTES);
    }
    let parsed = parseFrame(bytes, at, segment.salt);
    if (parsed.kind === 'short' && offset + parsed.size <= segment.length) {
      bytes = await load(segment, offset, Math.max(READ_AHEAD_BYTES, parsed.size));
      at = 0;
      parsed = parseFrame(bytes, at, segment.salt);
      // The frame's whole size is known only now that its header is read.
      if (parsed.kind === 'short' && offset + parsed.size <= segment.length) {
        bytes = await load(segment, offset, parsed.size);
        parsed = parseFrame(bytes, at, segment.salt);
      }
    }
    if (parsed.kind === 'frame') return parsed;
    const next = await behindDamage(segment, offset, parsed);
    options.onDamage(segment, offset, next - offset);
    return next;
  }

  async function behindDamage(
    segment: Segment,
    offset: number,
    parsed: Exclude<ReturnType<typeof parseFrame>, { kind: 'frame' }>,
  ): Promise<number> {
    if (parsed.kind === 'short') return segment.length;
    // None is there at the start, and nobody else writes: what cannot be read is not stepped over.
    if (parsed.kind === 'unknown') throw new Error('a segment holds a frame of a newer Docket');
    if (parsed.size !== undefined) return offset + parsed.size;
    const rest = await load(segment, offset, segment.length - offset);
    const next = findHeader(rest, 1, segment.salt);
    return next === -1 ? segment.length : offset + next;
  }

  return {
    async read(from, limits) {
      const frames: SpooledFrame[] = [];
      const held: Piece[] = [];
      const release = (): void => {
        for (const memory of held) memory.release();
      };
      let bytes = 0;
      let size = 0;
      let end = from;
      const run = (exhausted: boolean): FrameRun => ({ frames, size, end, exhausted, release });
      try {
        for (;;) {
          const segment = segments.find(({ index }) => index >= end.segment);
          if (segment === undefined) return run(true);
          if (segment.index > end.segment) end = { segment: segment.index, offset: 0 };
          if ('until' in limits && comparePositions(end, limits.until) >= 0) return run(false);
          if (end.offset >= segment.length) {
            const next = segments.find(({ index }) => index > segment.index);
            if (next === undefined) return run(true);
            end = { segment: next.index, offset: 0 };
            continue;
          }
          // Without a wait before it is held, a recent frame cannot be forgotten meanwhile.
          const recent = segment.recent.get(end.offset);
          const found = recent ?? (await frameOnDisk(segment, end.offset));
          if (typeof found === 'number') {
            end = { segment: segment.index, offset: found };
            continue;
          }
          const length = found.frame.bytes.length;
          if ('framesMax' in limits && frames.length > 0 && bytes + length > limits.bytesMax) return run(false);
          if (recent !== undefined) {
            recent.memory.retain();
            held.push(recent.memory);
          }
          frames.push(found.frame);
          bytes += length;
          size += found.size;
          end = { segment: segment.index, offset: end.offset + found.size };
          if ('framesMax' in limits && (frames.length >= limits.framesMax || bytes >= limits.bytesMax)) {
            return run(false);
          }
        }
      } catch (error) {
        release();
        throw error;
      }
    },
    async forget(segment) {
      if (chunk?.segment === segment) chunk = undefined;
      if (opened?.segment === segment) await closeOpened();
    },
    async close() {
      chunk = undefined;
      await closeOpened();
    },
  };
}
