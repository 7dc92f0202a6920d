import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Reservation } from './admission.ts';
import type { Decompressed } from './compression.ts';
import { XxHash32, xxHash32 } from './xx-hash-32.ts';

/** LZ4 frames (lz4_Frame_format.md and lz4_Block_format.md of lz4/lz4, 1.6.4). All numbers are little-endian. */
const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** Above the bits of a block's length: the block is not compressed. */
const PLAIN_BIT = 0x8000_0000;
/** What a block comes to at most, by the frame's header. */
const BLOCK_BYTES_MAX: ReadonlyMap<number, number> = new Map([
  [4, 64 * 1024],
  [5, 256 * 1024],
  [6, 1024 * 1024],
  [7, 4 * 1024 * 1024],
]);
const MATCH_BYTES_MIN = 4;
/** A length of this many goes on in the bytes that follow. */
const LENGTH_GOES_ON = 15;
/** Worked on between two turns of the event loop: some milliseconds. */
const BYTES_PER_TURN = 1024 * 1024;

interface Block {
  readonly start: number;
  readonly end: number;
  readonly isPlain: boolean;
  /** Bytes of the output. */
  readonly length: number;
  /** XXH32 of the block as it lies there, where the frame has these. */
  readonly checksum: number | undefined;
}

interface Frame {
  readonly blocks: readonly Block[];
  /** Each block stands for itself; else matches may reach back into the blocks before. */
  readonly isIndependent: boolean;
  /** Bytes of the output that the header names. */
  readonly contentBytes: number | undefined;
  /** XXH32 of the output. */
  readonly checksum: number | undefined;
  readonly end: number;
}

/**
 * Decompresses frames to at most `bytesMax` bytes. What comes out is counted first, from the lengths of literals and matches alone, and taken from
 * the reservation before memory is; the event loop gets its turns in between.
 */
export async function decompressLz4(
  compressed: Buffer,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  const frames: Frame[] = [];
  let length = 0;
  for (let at = 0; at < compressed.length;) {
    const skipped = skippableEnd(compressed, at);
    if (skipped !== undefined) {
      at = skipped;
      continue;
    }
    const frame = await frameAt(compressed, at, bytesMax - length);
    if (frame === undefined) return { kind: 'malformed' };
    if (frame === 'too_large') return { kind: 'too_large' };
    frames.push(frame);
    for (const block of frame.blocks) length += block.length;
    at = frame.end;
  }
  if (!reservation.tryGrow(length)) return { kind: 'no_memory' };
  const body = Buffer.allocUnsafe(length);
  let at = 0;
  let unbroken = 0;
  for (const { blocks, isIndependent, contentBytes, checksum } of frames) {
    const frameStart = at;
    const hash = checksum === undefined ? undefined : new XxHash32();
    for (const block of blocks) {
      const end = at + block.length;
      const { start, end: stop } = block;
      if (block.checksum !== undefined && xxHash32(compressed.subarray(start, stop)) !== block.checksum) {
        return { kind: 'malformed' };
      }
      if (block.isPlain) compressed.copy(body, at, start, stop);
      else if (!inflate(compressed, start, stop, body, at, isIndependent ? at : frameStart)) {
        return { kind: 'malformed' };
      }
      hash?.add(body, at, end);
      at = end;
      unbroken += block.length;
      if (unbroken < BYTES_PER_TURN) continue;
      unbroken = 0;
      await nextTurn();
    }
    if (contentBytes !== undefined && contentBytes !== at - frameStart) return { kind: 'malformed' };
    if (hash !== undefined && hash.digest() !== checksum) return { kind: 'malformed' };
  }
  return { kind: 'done', body };
}

/** Where a frame of something else ends, which decoders step over; undefined when there is none. */
function skippableEnd(bytes: Buffer, at: number): number | undefined {
  if (at + 8 > bytes.length || (bytes.readUInt32LE(at) & 0xffff_fff0) >>> 0 !== SKIPPABLE_MAGIC) return undefined;
  const end = at + 8 + bytes.readUInt32LE(at + 4);
  return end <= bytes.length ? end : undefined;
}

/** The frame at `at`, its blocks measured; undefined when it is not whole, or asks for a dictionary. */
async function frameAt(bytes: Buffer, at: number, bytesMax: number): Promise<Frame | 'too_large' | undefined> {
  if (at + 7 > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined;
  const flags = bytes[at + 4] ?? 0;
  const isIndependent = (flags & 0x20) !== 0;
  const hasBlockChecksums = (flags & 0x10) !== 0;
  const hasContentBytes = (flags & 0x08) !== 0;
  const hasChecksum = (flags & 0x04) !== 0;
  // The version is 1; one bit is reserved, and the last one tells of a dictionary.
  if (flags >> 6 !== 1 || (flags & 0x03) !== 0) return undefined;
  const blockBytes = bytes[at + 5] ?? 0;
  const blockBytesMax = (blockBytes & 0x8f) === 0 ? BLOCK_BYTES_MAX.get(blockBytes >> 4) : undefined;
  const headerEnd = at + 6 + (hasContentBytes ? 8 : 0);
  if (blockBytesMax === undefined || headerEnd >= bytes.length) return undefined;
  if (bytes[headerEnd] !== ((xxHash32(bytes.subarray(at + 4, headerEnd)) >>> 8) & 0xff)) return undefined;
  const contentBytes = hasContentBytes ? Number(bytes.readBigUInt64LE(at + 6)) : undefined;
  if (contentBytes !== undefined && contentBytes > bytesMax) return 'too_large';
  const blocks: Block[] = [];
  let next = headerEnd + 1;
  let length = 0;
  let unbroken = 0;
  for (;;) {
    if (next + 4 > bytes.length) return undefined;
    const head = bytes.readUInt32LE(next);
    const start = next + 4;
    if (head === 0) {
      const end = start + (hasChecksum ? 4 : 0);
      if (end > bytes.length) return undefined;
      return {
        blocks,
        isIndependent,
        contentBytes,
        checksum: hasChecksum ? bytes.readUInt32LE(start) : undefined,
        end,
      };
    }
    const isPlain = head >= PLAIN_BIT;
    const end = start + (isPlain ? head - PLAIN_BIT : head);
    next = end + (hasBlockChecksums ? 4 : 0);
    if (next > bytes.length || end === start) return undefined;
    const inside = isPlain ? end - start : outputBytes(bytes, start, end);
    if (inside === undefined || inside > blockBytesMax) return undefined;
    const checksum = hasBlockChecksums ? bytes.readUInt32LE(end) : undefined;
    blocks.push({ start, end, isPlain, length: inside, checksum });
    length += inside;
    if (length > bytesMax) return 'too_large';
    unbroken += end - start;
    if (unbroken < BYTES_PER_TURN) continue;
    unbroken = 0;
    await nextTurn();
  }
}

/** What the sequences in [at, end) come to; undefined when they are cut off. */
function outputBytes(bytes: Buffer, at: number, end: number): number | undefined {
  let length = 0;
  while (at < end) {
    const token = bytes[at++] as number;
    let literals = token >> 4;
    if (literals === LENGTH_GOES_ON) {
      for (let more = 255; more === 255;) {
        if (at >= end) return undefined;
        more = bytes[at++] as number;
        literals += more;
      }
    }
    at += literals;
    length += literals;
    // The last sequence has literals alone.
    if (at === end) return length;
    at += 2;
    if (at > end) return undefined;
    let match = (token & 15) + MATCH_BYTES_MIN;
    if ((token & 15) === LENGTH_GOES_ON) {
      for (let more = 255; more === 255;) {
        if (at >= end) return undefined;
        more = bytes[at++] as number;
        match += more;
      }
    }
    length += match;
  }
  return undefined;
}

/**
 * Fills `out` from `at` on with what the sequences in [from, to) say, whose lengths were found sound before; false when a match reaches back
 * beyond `begin`.
 */
function inflate(bytes: Buffer, from: number, to: number, out: Buffer, at: number, begin: number): boolean {
  for (;;) {
    const token = bytes[from++] as number;
    let literals = token >> 4;
    if (literals === LENGTH_GOES_ON) {
      for (let more = 255; more === 255;) {
        more = bytes[from++] as number;
        literals += more;
      }
    }
    if (literals < 32) for (const stop = at + literals; at < stop;) out[at++] = bytes[from++] as number;
    else {
      bytes.copy(out, at, from, from + literals);
      at += literals;
      from += literals;
    }
    if (from === to) return true;
    const offset = (bytes[from] as number) | ((bytes[from + 1] as number) << 8);
    from += 2;
    let match = (token & 15) + MATCH_BYTES_MIN;
    if ((token & 15) === LENGTH_GOES_ON) {
      for (let more = 255; more === 255;) {
        more = bytes[from++] as number;
        match += more;
      }
    }
    if (offset === 0 || offset > at - begin) return false;
    if (match > 32 && offset >= match) {
      out.copyWithin(at, at - offset, at - offset + match);
      at += match;
      continue;
    }
    // Byte by byte: a copy may reach into what it writes, which repeats it.
    for (const stop = at + match; at < stop; at += 1) out[at] = out[at - offset] as number;
  }
}
