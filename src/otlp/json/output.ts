import { OtlpSizeError } from '../decode-error.ts';
import type { Integer64 } from './integer.ts';

const COPY_LOOP_MAX = 48;

/**
 * Protobuf bytes being written, for the transcoder's inner loop: whole tags, halves of 64-bit values, ranges of bytes. Throws
 * OtlpSizeError beyond `bytesMax`: the JSON `0,` becomes eight bytes in a packed list, so a body within the limit may write four
 * times as much.
 */
export class Output {
  #bytes: Buffer;
  #length = 0;
  readonly #bytesMax: number;
  readonly #double = new DataView(new ArrayBuffer(8));

  constructor(capacity: number, bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(capacity);
    this.#bytesMax = bytesMax;
  }

  /** What was written, as a view of memory nobody else holds. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  varint(value: number): void {
    this.#reserve(5);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  varint64(value: Integer64): void {
    let { low, high } = value;
    this.#reserve(10);
    while (high > 0 || low > 0x7f) {
      this.#bytes[this.#length++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  fixed32(value: number): void {
    this.#reserve(4);
    const bytes = this.#bytes;
    bytes[this.#length] = value & 0xff;
    bytes[this.#length + 1] = (value >>> 8) & 0xff;
    bytes[this.#length + 2] = (value >>> 16) & 0xff;
    bytes[this.#length + 3] = value >>> 24;
    this.#length += 4;
  }

  fixed64(value: Integer64): void {
    this.fixed32(value.low);
    this.fixed32(value.high);
  }

  double(value: number): void {
    this.#double.setFloat64(0, value, true);
    this.fixed32(this.#double.getUint32(0, true));
    this.fixed32(this.#double.getUint32(4, true));
  }

  /** A length-delimited value copied from [start, end) of `source`. */
  range(source: Buffer, start: number, end: number): void {
    const length = end - start;
    this.varint(length);
    this.#reserve(length);
    if (length > COPY_LOOP_MAX) {
      source.copy(this.#bytes, this.#length, start, end);
      this.#length += length;
      return;
    }
    const bytes = this.#bytes;
    let to = this.#length;
    for (let at = start; at < end; at += 1) bytes[to++] = source[at] ?? 0;
    this.#length = to;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Starts a length-delimited value; returns where its content starts, for `close`. */
  open(lengthBytes: number): number {
    this.#reserve(lengthBytes);
    this.#length += lengthBytes;
    return this.#length;
  }

  /** Writes the length in front of the content, moving the content when another width was set aside for it. */
  close(contentStart: number, lengthBytes: number): void {
    const content = this.#length - contentStart;
    let needed = 1;
    for (let rest = content >>> 7; rest > 0; rest >>>= 7) needed += 1;
    if (needed !== lengthBytes) {
      if (needed > lengthBytes) this.#reserve(needed - lengthBytes);
      this.#bytes.copyWithin(contentStart + needed - lengthBytes, contentStart, this.#length);
      this.#length += needed - lengthBytes;
    }
    let at = contentStart - lengthBytes;
    let rest = content;
    while (rest > 0x7f) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const needed = this.#length + bytes;
    if (needed > this.#bytesMax) throw new OtlpSizeError(`the request is larger than ${this.#bytesMax} bytes`);
    const grown = Buffer.allocUnsafe(Math.max(Math.min(this.#bytes.length * 2, this.#bytesMax), needed));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
