/**
 * Builds protobuf bytes in one growing buffer. Nested messages: `const at = writer.begin(field)`, write the fields,
 * `writer.end(at)`. The length is written in place; when it needs more than the one byte reserved the content moves.
 */
export class WireWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written so far, copied out. */
  finish(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.#length));
  }

  varintField(field: number, value: number | bigint): void {
    this.#varint(field << 3);
    this.varint(value);
  }

  fixed32Field(field: number, value: number): void {
    this.#varint((field << 3) | 5);
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32LE(value >>> 0, this.#length);
  }

  fixed64Field(field: number, value: bigint): void {
    this.#varint((field << 3) | 1);
    this.fixed64(value);
  }

  doubleField(field: number, value: number): void {
    this.#varint((field << 3) | 1);
    this.double(value);
  }

  stringField(field: number, value: string): void {
    this.#varint((field << 3) | 2);
    const bytes = Buffer.byteLength(value, 'utf8');
    this.#varint(bytes);
    this.#reserve(bytes);
    this.#buffer.write(value, this.#length, 'utf8');
    this.#length += bytes;
  }

  bytesField(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2);
    this.#varint(value.length);
    this.raw(value);
  }

  /** Opens a length-delimited field; returns the mark for `end`. */
  begin(field: number): number {
    this.#varint((field << 3) | 2);
    this.#reserve(1);
    this.#length += 1;
    return this.#length;
  }

  end(mark: number): void {
    const content = this.#length - mark;
    let lengthBytes = 1;
    for (let rest = content >>> 7; rest > 0; rest >>>= 7) lengthBytes += 1;
    if (lengthBytes > 1) {
      this.#reserve(lengthBytes - 1);
      this.#buffer.copyWithin(mark - 1 + lengthBytes, mark, this.#length);
      this.#length += lengthBytes - 1;
    }
    let rest = content;
    let at = mark - 1;
    while (rest > 0x7f) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[at] = rest;
  }

  /** A bare varint; negative numbers are written as 64-bit two's complement (int32/int64 fields). */
  varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= 0xffffffff) {
      this.#varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    this.#reserve(10);
    while (rest > 0x7fn) {
      this.#buffer[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#buffer[this.#length++] = Number(rest);
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64LE(BigInt.asUintN(64, value), this.#length);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleLE(value, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #varint(value: number): void {
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    let capacity = this.#buffer.length * 2;
    while (capacity < this.#length + bytes) capacity *= 2;
    const grown = Buffer.allocUnsafe(capacity);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}
