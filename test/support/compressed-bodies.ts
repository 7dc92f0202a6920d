import { crc32c } from '../../src/pipeline/crc32c.ts';
import { xxHash32 } from '../../src/receiver/xx-hash-32.ts';

const BLOCK_BYTES_MAX = 128 * 1024;
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** One block of a Zstandard frame: bytes as they are, one byte many times, or bytes that are compressed already. */
export type ZstdBlock =
  | { readonly raw: Buffer }
  | { readonly byte: number; readonly times: number }
  | { readonly compressed: Buffer };

/** 128 KiB of zeros as the zstd command compresses them: two literals and a match that repeats them. */
export const ZSTD_ZEROS: ZstdBlock = { compressed: Buffer.from('1000000100fbff39c002', 'hex') };

/** A Zstandard frame by hand, without a checksum; with `contentSize` its header says what it comes to. */
export function zstdFrame(blocks: readonly ZstdBlock[], contentSize?: number): Buffer {
  const header = Buffer.alloc(contentSize === undefined ? 2 : 10);
  // A window of 8 MiB.
  header[1] = 13 << 3;
  if (contentSize !== undefined) {
    header[0] = 3 << 6;
    header.writeBigUInt64LE(BigInt(contentSize), 2);
  }
  const parts = blocks.map((block, at) => {
    const [type, size, content] =
      'raw' in block
        ? [0, block.raw.length, block.raw]
        : 'byte' in block
          ? [1, block.times, Buffer.from([block.byte])]
          : [2, block.compressed.length, block.compressed];
    const head = Buffer.alloc(3);
    head.writeUIntLE((size << 3) | (type << 1) | (at === blocks.length - 1 ? 1 : 0), 0, 3);
    return Buffer.concat([head, content]);
  });
  return Buffer.concat([ZSTD_MAGIC, header, ...parts]);
}

/** So many bytes of one value, in as many blocks as that takes. */
export function zstdRun(byte: number, length: number): ZstdBlock[] {
  const blocks: ZstdBlock[] = [];
  for (let left = length; left > 0; left -= BLOCK_BYTES_MAX)
    blocks.push({ byte, times: Math.min(left, BLOCK_BYTES_MAX) });
  return blocks;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** One element of a Snappy block: bytes as they are, or so many bytes again from so far back. */
export type SnappyElement = { readonly literal: Buffer } | { readonly back: number; readonly length: number };

/** A Snappy block by hand; `length` is what it claims to come to. */
export function snappyBlock(elements: readonly SnappyElement[], length = snappyOutput(elements).length): Buffer {
  return Buffer.concat([varint(length), ...elements.map(elementBytes)]);
}

function elementBytes(element: SnappyElement): Buffer {
  if ('literal' in element) {
    const { length } = element.literal;
    if (length <= 60) return Buffer.concat([Buffer.from([(length - 1) << 2]), element.literal]);
    const size = length <= 0x100 ? 1 : length <= 0x10000 ? 2 : 3;
    const head = Buffer.alloc(1 + size);
    head[0] = (59 + size) << 2;
    head.writeUIntLE(length - 1, 1, size);
    return Buffer.concat([head, element.literal]);
  }
  const { back, length } = element;
  if (length >= 4 && length <= 11 && back < 2048) {
    return Buffer.from([((back >> 8) << 5) | ((length - 4) << 2) | 1, back & 0xff]);
  }
  const wide = back > 0xffff;
  const head = Buffer.alloc(wide ? 5 : 3);
  head[0] = ((length - 1) << 2) | (wide ? 3 : 2);
  if (wide) head.writeUInt32LE(back, 1);
  else head.writeUInt16LE(back, 1);
  return head;
}

/** What the elements come to, byte by byte. */
export function snappyOutput(elements: readonly SnappyElement[]): Buffer {
  const out: number[] = [];
  for (const element of elements) {
    if ('literal' in element) out.push(...element.literal);
    else for (let each = 0; each < element.length; each += 1) out.push(out[out.length - element.back] ?? 0);
  }
  return Buffer.from(out);
}

/** A body as one Snappy block of literals, then the last byte again and again for `more` bytes. */
export function snappyWithRun(body: Buffer, more: number): Buffer {
  const parts: Buffer[] = [varint(body.length + more), elementBytes({ literal: body })];
  const run = elementBytes({ back: 1, length: 64 });
  for (let left = more; left > 0; left -= 64) {
    parts.push(left >= 64 ? run : elementBytes({ back: 1, length: left }));
  }
  return Buffer.concat(parts);
}

/** A Snappy stream whose chunks are these blocks, with the checksums of what they come to. */
export function snappyStream(chunks: readonly { readonly block: Buffer; readonly output: Buffer }[]): Buffer {
  const parts: Buffer[] = [Buffer.from('ff060000734e61507059', 'hex')];
  for (const { block, output } of chunks) {
    const head = Buffer.alloc(8);
    head.writeUIntLE(block.length + 4, 1, 3);
    const checksum = crc32c(output);
    head.writeUInt32LE((((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0, 4);
    parts.push(head, block);
  }
  return Buffer.concat(parts);
}

/** One sequence of an LZ4 block: bytes as they are, then so many again (4 or more) from so far back. */
export interface Lz4Sequence {
  readonly literal: Buffer;
  readonly back: number;
  readonly length: number;
}

/** One block of an LZ4 frame: bytes as they are, or sequences and the literals that every block ends with. */
export type Lz4Block =
  | { readonly plain: Buffer }
  | { readonly sequences: readonly Lz4Sequence[]; readonly last: Buffer };

/** Which blocks may reach back into those before (`linked`), and what the frame says of itself beside them. */
export interface Lz4FrameOptions {
  readonly linked?: boolean;
  readonly blockChecksums?: boolean;
  readonly contentBytes?: number;
  /** XXH32 of this, which should be what comes out. */
  readonly output?: Buffer;
}

/** An LZ4 frame by hand, of blocks of up to 4 MiB. */
export function lz4Frame(blocks: readonly Lz4Block[], options: Lz4FrameOptions = {}): Buffer {
  const { linked = false, blockChecksums = false, contentBytes, output } = options;
  const flags =
    0x40 |
    (linked ? 0 : 0x20) |
    (blockChecksums ? 0x10 : 0) |
    (contentBytes === undefined ? 0 : 0x08) |
    (output === undefined ? 0 : 0x04);
  const size = contentBytes === undefined ? [] : [littleEndian(BigInt(contentBytes), 8)];
  const descriptor = Buffer.concat([Buffer.from([flags, 7 << 4]), ...size]);
  const parts = [littleEndian(0x184d2204n, 4), descriptor, Buffer.from([(xxHash32(descriptor) >>> 8) & 0xff])];
  for (const block of blocks) {
    const content = 'plain' in block ? block.plain : lz4Block(block.sequences, block.last);
    const head = content.length + ('plain' in block ? 0x8000_0000 : 0);
    parts.push(littleEndian(BigInt(head), 4), content);
    if (blockChecksums) parts.push(littleEndian(BigInt(xxHash32(content)), 4));
  }
  parts.push(Buffer.alloc(4));
  if (output !== undefined) parts.push(littleEndian(BigInt(xxHash32(output)), 4));
  return Buffer.concat(parts);
}

function lz4Block(sequences: readonly Lz4Sequence[], last: Buffer): Buffer {
  const parts = sequences.flatMap(({ literal, back, length }) => [
    Buffer.from([(Math.min(15, literal.length) << 4) | Math.min(15, length - 4)]),
    lz4More(literal.length),
    literal,
    Buffer.from([back & 0xff, back >> 8]),
    lz4More(length - 4),
  ]);
  return Buffer.concat([...parts, Buffer.from([Math.min(15, last.length) << 4]), lz4More(last.length), last]);
}

/** What of a length does not fit its four bits. */
function lz4More(length: number): Buffer {
  if (length < 15) return Buffer.alloc(0);
  const rest = length - 15;
  return Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.from([rest % 255])]);
}

/** What the sequences and the last literals come to behind `before`, byte by byte. */
export function lz4Output(sequences: readonly Lz4Sequence[], last: Buffer, before: Buffer = Buffer.alloc(0)): Buffer {
  const out = [...before];
  for (const { literal, back, length } of sequences) {
    out.push(...literal);
    for (let each = 0; each < length; each += 1) out.push(out[out.length - back] ?? 0);
  }
  return Buffer.from([...out.slice(before.length), ...last]);
}

/** A body as an LZ4 frame of one block, then its last byte again and again for `more` bytes (4 or more), in blocks of 4 MiB at most. */
export function lz4WithRun(body: Buffer, more: number): Buffer {
  const most = 4 * 1024 * 1024;
  const blocks: Lz4Block[] = [{ plain: body }];
  for (let left = more; left > 0; left -= most) {
    const length = Math.min(left, most);
    blocks.push({ sequences: [{ literal: body.subarray(-1), back: 1, length: length - 1 }], last: Buffer.alloc(0) });
  }
  return lz4Frame(blocks);
}

function littleEndian(value: bigint, bytes: 4 | 8): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(value);
  return out.subarray(0, bytes);
}
