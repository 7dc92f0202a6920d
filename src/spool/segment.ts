import { randomBytes } from 'node:crypto';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Piece } from '../pipeline/slab-memory.ts';
import { findHeader, parseFrame, SALT_BYTES } from './frame-codec.ts';

/** One file of the spool. Frames are only ever added at its end, and only while it is the newest. */
export interface Segment {
  readonly index: number;
  readonly path: string;
  readonly salt: Buffer;
  /** Bytes of it that hold durable frames; anything behind them in the file is not part of the spool. */
  length: number;
  /** No frame will be added any more. */
  sealed: boolean;
  /** Recently appended frames by offset, so that a consumer that keeps up needs no disk. */
  readonly recent: Map<number, RecentFrame>;
  /** Starts of damaged ranges that were counted already. */
  readonly countedDamage: Set<number>;
}

/** A frame that is in memory as well as on disk. */
export interface RecentFrame {
  readonly frame: SpooledFrame;
  /** Bytes on disk. */
  readonly size: number;
  /** What the frame's bytes lie in: retained by whoever goes on using them. */
  readonly memory: Piece;
}

/** Where a frame starts. Positions are ordered by segment, then offset. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export function comparePositions(left: Position, right: Position): number {
  return left.segment - right.segment || left.offset - right.offset;
}

// The salt is in the name, where a flipped bit of the content cannot reach it.
const NAME = /^(\d{12})-([0-9a-f]{16})\.segment$/;

export function newSegment(directory: string, index: number): Segment {
  const salt = randomBytes(SALT_BYTES);
  return segment(`${directory}/${String(index).padStart(12, '0')}-${salt.toString('hex')}.segment`, index, salt);
}

/** The segment of a file name, or undefined when the name is not one of a segment. */
export function segmentNamed(directory: string, name: string): Segment | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  return segment(`${directory}/${name}`, Number(match[1]), Buffer.from(match[2] ?? '', 'hex'));
}

function segment(path: string, index: number, salt: Buffer): Segment {
  return { index, path, salt, length: 0, sealed: false, recent: new Map(), countedDamage: new Set() };
}

export interface ScannedFrame {
  readonly offset: number;
  readonly size: number;
  readonly frame: SpooledFrame;
}

export interface SegmentScan {
  readonly frames: readonly ScannedFrame[];
  /** Damaged ranges, each one frame or a run of frames. */
  readonly damage: readonly { readonly offset: number; readonly bytes: number }[];
  /** Where an unfinished frame starts at the very end, or the length of the bytes when there is none. */
  readonly end: number;
  /** Where the first frame of a newer Docket starts: nothing behind it was looked at. */
  readonly unknownAt: number | undefined;
}

/** Every sound frame in `bytes` from `from` on. Damage is stepped over; offsets are those in `bytes`. */
export function scanSegment(bytes: Buffer, salt: Buffer, from = 0): SegmentScan {
  const frames: ScannedFrame[] = [];
  const damage: { offset: number; bytes: number }[] = [];
  let at = from;
  while (at < bytes.length) {
    const parsed = parseFrame(bytes, at, salt);
    if (parsed.kind === 'frame') {
      frames.push({ offset: at, size: parsed.size, frame: parsed.frame });
      at += parsed.size;
    } else if (parsed.kind === 'short') {
      return { frames, damage, end: at, unknownAt: undefined };
    } else if (parsed.kind === 'unknown') {
      return { frames, damage, end: bytes.length, unknownAt: at };
    } else {
      const next = parsed.size === undefined ? findHeader(bytes, at + 1, salt) : at + parsed.size;
      damage.push({ offset: at, bytes: Math.min(bytes.length, next === -1 ? bytes.length : next) - at });
      if (next === -1) break;
      at = next;
    }
  }
  return { frames, damage, end: bytes.length, unknownAt: undefined };
}
