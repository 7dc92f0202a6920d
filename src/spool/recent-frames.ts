import type { SpooledFrame } from '../pipeline/frame.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { createSlabMemory } from '../pipeline/slab-memory.ts';
import { comparePositions, type Position, type RecentFrame, type Segment } from './segment.ts';

/**
 * The newest frames, in memory for consumers that keep up. Their bytes are copies in memory of their own: those that were appended belong
 * to a request that is over as soon as it is answered.
 */
export interface RecentFrames {
  add(segment: Segment, offset: number, frame: SpooledFrame, size: number): void;
  /** Drops what lies before `released`, and the oldest beyond the bound. */
  forget(released: Position | undefined): void;
}

const SLABS = 8;

export function createRecentFrames(bytesMax: number): RecentFrames {
  // What nobody holds is there for the next batch. More of it only stays resident: 28 to 44 MiB are in use under load (docs/benchmarks.md).
  const memory = createSlabMemory({ keptBytesMax: bytesMax / 2, slabBytes: Math.ceil(bytesMax / SLABS) });
  /** Oldest first. */
  const entries = new Set<{ readonly segment: Segment; readonly offset: number; readonly recent: RecentFrame }>();
  let bytes = 0;
  return {
    add(segment, offset, frame, size) {
      const piece = memory.take(frame.bytes.length);
      piece.bytes.set(frame.bytes);
      const recent = { frame: { ...frame, bytes: markRedacted<Uint8Array>(piece.bytes) }, size, memory: piece };
      segment.recent.set(offset, recent);
      entries.add({ segment, offset, recent });
      bytes += size;
    },
    forget(released) {
      for (const entry of entries) {
        const position = { segment: entry.segment.index, offset: entry.offset };
        const passed = released !== undefined && comparePositions(position, released) < 0;
        if (!passed && bytes <= bytesMax) return;
        entries.delete(entry);
        entry.segment.recent.delete(entry.offset);
        bytes -= entry.recent.size;
        entry.recent.memory.release();
      }
    },
  };
}
