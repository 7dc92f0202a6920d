import { crc32c } from '../pipeline/crc32c.ts';
import { createTimeSlice } from '../pipeline/time-slice.ts';
import type { Reservation } from './admission.ts';
import type { Decompressed } from './compression.ts';

/**
 * Snappy in both of its forms (format_description.txt and framing_format.txt of google/snappy): one block, and a stream of chunks that each
 * hold a block. HTTP calls the first `snappy` and the second `x-snappy-framed`; over gRPC `snappy` is the second. Which one a body is shows in its
 * first bytes, and older Collectors sent the second under the name of the first, so that is what is gone by.
 */
const STREAM_START = Buffer.from([0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59]);
const COMPRESSED_CHUNK = 0x00;
const PLAIN_CHUNK = 0x01;
const STREAM_START_CHUNK = 0xff;
/** From here on chunks of a type that is not known may be skipped. */
const SKIPPABLE_CHUNK = 0x80;
const CHUNK_BYTES_MAX = 65_536;
const CHECKSUM_BYTES = 4;
/** Three bytes say at most "64 bytes from there"; what claims to be larger is a lie that no memory is taken for. */
const EXPANSION_MAX = 64 / 3;

/** Decompressed between two looks at the clock: some 4 ms of work. */
const STEP_BYTES = 1024 * 1024;

/**
 * Decompresses a body to at most `bytesMax` bytes: its whole size is told by its headers, and taken from the reservation first. The event
 * loop has its turn in between: the largest body takes a fifth of a second.
 */
export async function decompressSnappy(
  compressed: Buffer,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  const isFramed = compressed.subarray(0, STREAM_START.length).equals(STREAM_START);
  const pieces = isFramed ? chunksOf(compressed) : [blockOf(compressed, 0, compressed.length)];
  let length = 0;
  for (const piece of pieces) {
    if (piece === undefined) return { kind: 'malformed' };
    length += piece.length;
  }
  if (length > bytesMax) return { kind: 'too_large' };
  if (!reservation.tryGrow(length)) return { kind: 'no_memory' };
  const body = Buffer.allocUnsafe(length);
  const slice = createTimeSlice();
  let at = 0;
  for (const piece of pieces) {
    if (piece === undefined) return { kind: 'malformed' };
    const end = at + piece.length;
    if (piece.isPlain) compressed.copy(body, at, piece.start, piece.end);
    else {
      const place: Place = { from: piece.start, at };
      do {
        if (slice.isOver()) await slice.next();
        if (!inflate(compressed, place, piece.end, body, at, end)) return { kind: 'malformed' };
      } while (place.from < piece.end);
      if (place.at !== end) return { kind: 'malformed' };
    }
    if (piece.checksum !== undefined && piece.checksum !== masked(crc32c(body.subarray(at, end)))) {
      return { kind: 'malformed' };
    }
    at = end;
  }
  return { kind: 'done', body };
}

/** Where what becomes one stretch of the output lies. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly isPlain: boolean;
  /** Of the output. */
  readonly length: number;
  /** Masked CRC-32C of the output. */
  readonly checksum: number | undefined;
}

/** The block in [start, end), behind the length of its output (a varint of 32 bits). */
function blockOf(bytes: Buffer, start: number, end: number, checksum?: number): Piece | undefined {
  let length = 0;
  for (let at = start, scale = 1; at < Math.min(end, start + 5); at += 1, scale *= 128) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) * scale;
    if (byte >= 0x80) continue;
    if (length > (end - at - 1) * EXPANSION_MAX) return undefined;
    return { start: at + 1, end, isPlain: false, length, checksum };
  }
  return undefined;
}

/** The chunks of a stream; an undefined one is not whole, and nothing comes behind it. */
function chunksOf(bytes: Buffer): (Piece | undefined)[] {
  const pieces: (Piece | undefined)[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) return [undefined];
    const type = bytes[at] ?? 0;
    const start = at + 4;
    const end = start + bytes.readUIntLE(at + 1, 3);
    if (end > bytes.length) return [undefined];
    if (type === COMPRESSED_CHUNK || type === PLAIN_CHUNK) {
      const piece = chunkAt(bytes, start, end, type === PLAIN_CHUNK);
      if (piece === undefined || piece.length > CHUNK_BYTES_MAX) return [undefined];
      pieces.push(piece);
    } else if (type === STREAM_START_CHUNK) {
      if (!bytes.subarray(at, end).equals(STREAM_START)) return [undefined];
    } else if (type < SKIPPABLE_CHUNK) return [undefined];
    at = end;
  }
  return pieces;
}

function chunkAt(bytes: Buffer, start: number, end: number, isPlain: boolean): Piece | undefined {
  const from = start + CHECKSUM_BYTES;
  if (from > end) return undefined;
  const checksum = bytes.readUInt32LE(start);
  return isPlain ? { start: from, end, isPlain, length: end - from, checksum } : blockOf(bytes, from, end, checksum);
}

/** Rotated and added to, for the CRC of something that holds CRCs is no good one. */
function masked(checksum: number): number {
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}

/** How far a block is decompressed: where its next element is, and where its output goes. */
interface Place {
  from: number;
  at: number;
}

/**
 * Fills [begin, end) of `out`, which the block's output begins and ends with, from the elements in [place.from, to) of `bytes`, a step of them;
 * false when they are not whole or come to more.
 */
function inflate(bytes: Buffer, place: Place, to: number, out: Buffer, begin: number, end: number): boolean {
  let { from, at } = place;
  const until = at + STEP_BYTES;
  while (from < to && at < until) {
    const tag = bytes[from++] ?? 0;
    let length = (tag >> 2) + 1;
    if ((tag & 3) === 0) {
      if (length > 60) {
        const more = length - 60;
        if (from + more > to) return false;
        length = bytes.readUIntLE(from, more) + 1;
        from += more;
      }
      if (from + length > to || at + length > end) return false;
      if (length < 32) for (const stop = at + length; at < stop;) out[at++] = bytes[from++] as number;
      else {
        bytes.copy(out, at, from, from + length);
        at += length;
        from += length;
      }
      continue;
    }
    let offset: number;
    if ((tag & 3) === 1) {
      if (from >= to) return false;
      length = ((tag >> 2) & 7) + 4;
      offset = ((tag >> 5) << 8) | (bytes[from++] as number);
    } else {
      const size = (tag & 3) === 2 ? 2 : 4;
      if (from + size > to) return false;
      offset = size === 2 ? bytes.readUInt16LE(from) : bytes.readUInt32LE(from);
      from += size;
    }
    if (offset === 0 || offset > at - begin || at + length > end) return false;
    // Byte by byte: a copy may reach into what it writes, which repeats it.
    for (const stop = at + length; at < stop; at += 1) out[at] = out[at - offset] as number;
  }
  place.from = from;
  place.at = at;
  return true;
}
