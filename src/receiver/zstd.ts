import { ZSTDDecoder } from 'zstddec';
import type { Reservation } from './admission.ts';
import type { Decompressed } from './compression.ts';

/** Zstandard frames (RFC 8878). All numbers are little-endian. */
const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const CHECKSUM_BYTES = 4;
/** What one block comes to at most. */
const BLOCK_BYTES_MAX = 128 * 1024;
const RAW_BLOCK = 0;
const RLE_BLOCK = 1;
const COMPRESSED_BLOCK = 2;

/** What a body comes to, told from its headers alone. */
export interface ZstdExtent {
  /** As far as the headers are exact about it: the body holds at least this, or is not whole. */
  readonly bytesMin: number;
  readonly bytesMax: number;
}

/**
 * Walks the headers of all frames and blocks of a body; nothing is decompressed, so that its size is known before memory is taken for
 * it. Undefined when they are not whole or ask for a dictionary.
 */
export function zstdExtent(bytes: Buffer): ZstdExtent | undefined {
  let at = 0;
  let bytesMin = 0;
  let bytesMax = 0;
  while (at < bytes.length) {
    if (at + 8 > bytes.length) return undefined;
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xffff_fff0) === SKIPPABLE_MAGIC) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    const frame = magic === MAGIC ? frameAt(bytes, at + 4) : undefined;
    if (frame === undefined) return undefined;
    at = frame.end;
    bytesMin += frame.bytesMin;
    bytesMax += frame.bytesMax;
  }
  return at === bytes.length ? { bytesMin, bytesMax } : undefined;
}

interface FrameExtent extends ZstdExtent {
  readonly end: number;
}

/** The frame whose header begins at `start`, behind the magic number. */
function frameAt(bytes: Buffer, start: number): FrameExtent | undefined {
  const descriptor = bytes[start] ?? 0;
  const contentSizeFlag = descriptor >> 6;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const isReserved = (descriptor & 0x08) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][contentSizeFlag] ?? 0;
  const windowAt = start + 1;
  const dictionaryAt = windowAt + (isSingleSegment ? 0 : 1);
  const contentSizeAt = dictionaryAt + dictionaryIdBytes;
  let at = contentSizeAt + contentSizeBytes;
  if (isReserved || at > bytes.length) return undefined;
  if (dictionaryIdBytes > 0 && bytes.readUIntLE(dictionaryAt, dictionaryIdBytes) !== 0) return undefined;
  const contentSize = contentSizeOf(bytes, contentSizeAt, contentSizeBytes);
  const window = isSingleSegment ? (contentSize ?? 0) : windowSizeOf(bytes[windowAt] ?? 0);
  const blockBytesMax = Math.min(window, BLOCK_BYTES_MAX);

  let exact = 0;
  let most = 0;
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) return undefined;
    const header = bytes.readUIntLE(at, 3);
    const type = (header >> 1) & 3;
    const size = header >> 3;
    isLast = (header & 1) === 1;
    at += 3 + (type === RLE_BLOCK ? 1 : size);
    if (size > blockBytesMax || at > bytes.length) return undefined;
    if (type === RAW_BLOCK || type === RLE_BLOCK) {
      exact += size;
      most += size;
    } else if (type === COMPRESSED_BLOCK) most += blockBytesMax;
    else return undefined;
  }
  at += hasChecksum ? CHECKSUM_BYTES : 0;
  if (at > bytes.length) return undefined;
  if (contentSize === undefined) return { end: at, bytesMin: exact, bytesMax: most };
  // What a header claims and its blocks cannot hold is a lie that no memory is taken for.
  return contentSize < exact || contentSize > most
    ? undefined
    : { end: at, bytesMin: contentSize, bytesMax: contentSize };
}

function contentSizeOf(bytes: Buffer, at: number, length: number): number | undefined {
  switch (length) {
    case 0:
      return undefined;
    case 2:
      return bytes.readUInt16LE(at) + 256;
    case 8:
      return Number(bytes.readBigUInt64LE(at));
    default:
      return bytes.readUIntLE(at, length);
  }
}

function windowSizeOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

let decoder: Promise<ZSTDDecoder> | undefined;

async function loadDecoder(): Promise<ZSTDDecoder> {
  const made = new ZSTDDecoder();
  await made.init();
  return made;
}

/**
 * Decompresses a body of one or more frames to at most `bytesMax` bytes, checksums verified, taking the output from the reservation
 * first. Node 20 has no Zstandard of its own; this is the reference implementation in WebAssembly, one body after another.
 */
export async function decompressZstd(
  compressed: Buffer,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  const extent = zstdExtent(compressed);
  if (extent === undefined) return { kind: 'malformed' };
  if (extent.bytesMin > bytesMax) return { kind: 'too_large' };
  if (extent.bytesMax === 0) return { kind: 'done', body: Buffer.alloc(0) };
  const capacity = Math.min(extent.bytesMax, bytesMax);
  if (!reservation.tryGrow(capacity)) return { kind: 'no_memory' };
  const zstd = await (decoder ??= loadDecoder());
  // Never more than the capacity, and nothing at all when the body is broken or has no room in it.
  const output = zstd.decode(compressed, capacity);
  if (output.length === 0) return { kind: extent.bytesMax > bytesMax ? 'too_large' : 'malformed' };
  return { kind: 'done', body: Buffer.from(output.buffer, output.byteOffset, output.byteLength) };
}
