import { OtlpDecodeError } from '../decode-error.ts';

/** Protobuf wire types (https://protobuf.dev/programming-guides/encoding/#structure). */
export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_GROUP_START = 3;
export const WIRE_GROUP_END = 4;
export const WIRE_FIXED32 = 5;

/** Deepest nesting of unknown groups that is skipped; deeper is malformed. */
const GROUP_DEPTH_MAX = 100;

/**
 * A cursor over protobuf bytes that builds no objects: callers read a tag, then read or skip its value. Positions are
 * absolute offsets into `bytes`, so a caller can remember a range and splice it later.
 *
 * Every read is bounds-checked against `end`; a violation throws OtlpDecodeError and leaves the cursor undefined.
 * Nested messages are walked by the same reader: `const outer = reader.enter()` narrows `end` to the length-delimited
 * field that starts at the cursor, `reader.leave(outer)` restores it. No recursion is needed and none happens here.
 */
export class WireReader {
  readonly bytes: Buffer;
  pos: number;
  end: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = start;
    this.end = end;
  }

  /** A view of exactly `bytes`, for work on several bytes at a time. */
  get words(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length));
  }

  /** Next tag as `fieldNumber << 3 | wireType`, or 0 at the end of the current message. */
  tag(): number {
    if (this.pos >= this.end) return 0;
    const tag = this.varint32();
    if (tag >>> 3 === 0) throw new OtlpDecodeError(`field number 0 at byte ${this.pos}`);
    return tag;
  }

  /** A varint's low 32 bits, unsigned. Longer encodings (up to 10 bytes) are read whole and truncated, as protobuf does. */
  varint32(): number {
    const bytes = this.bytes;
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.end) throw new OtlpDecodeError(`varint cut at byte ${this.pos}`);
      const byte = bytes[this.pos++] ?? 0;
      if (shift < 32) result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw new OtlpDecodeError(`varint longer than 10 bytes at byte ${this.pos}`);
  }

  /** A varint's 64 bits, unsigned. */
  varint64(): bigint {
    const bytes = this.bytes;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= this.end) throw new OtlpDecodeError(`varint cut at byte ${this.pos}`);
      const byte = bytes[this.pos++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    }
    throw new OtlpDecodeError(`varint longer than 10 bytes at byte ${this.pos}`);
  }

  fixed32(): number {
    const at = this.#take(4);
    return this.bytes.readUInt32LE(at);
  }

  fixed64(): bigint {
    const at = this.#take(8);
    return this.words.getBigUint64(at, true);
  }

  double(): number {
    const at = this.#take(8);
    return this.bytes.readDoubleLE(at);
  }

  /** Enters the length-delimited field at the cursor: `end` becomes its end. Returns the outer end for `leave`. */
  enter(): number {
    const length = this.varint32();
    const inner = this.pos + length;
    if (inner > this.end) {
      throw new OtlpDecodeError(`field at byte ${this.pos} claims ${length} bytes, ${this.end - this.pos} remain`);
    }
    const outer = this.end;
    this.end = inner;
    return outer;
  }

  /** Leaves the current message: the cursor moves to its end, `end` becomes `outer`. */
  leave(outer: number): void {
    this.pos = this.end;
    this.end = outer;
  }

  /** End offset of the length-delimited field whose length is at the cursor; the cursor is then at its first byte. */
  lengthEnd(): number {
    const length = this.varint32();
    const end = this.pos + length;
    if (end > this.end) {
      throw new OtlpDecodeError(`field at byte ${this.pos} claims ${length} bytes, ${this.end - this.pos} remain`);
    }
    return end;
  }

  /** The length-delimited field at the cursor as UTF-8 text. Invalid sequences become U+FFFD. */
  string(): string {
    const end = this.lengthEnd();
    const text = this.bytes.toString('utf8', this.pos, end);
    this.pos = end;
    return text;
  }

  /** The length-delimited field at the cursor as lower-case hex. */
  hex(): string {
    const end = this.lengthEnd();
    const text = this.bytes.toString('hex', this.pos, end);
    this.pos = end;
    return text;
  }

  /** The length-delimited field at the cursor, as a view of the same memory. */
  view(): Buffer {
    const end = this.lengthEnd();
    const view = this.bytes.subarray(this.pos, end);
    this.pos = end;
    return view;
  }

  /** Skips the value of a field whose tag was just read, whatever its wire type (unknown groups included, R47). */
  skip(tag: number): void {
    switch (tag & 7) {
      case WIRE_VARINT:
        this.#skipVarint();
        return;
      case WIRE_FIXED64:
        this.#take(8);
        return;
      case WIRE_BYTES:
        this.pos = this.lengthEnd();
        return;
      case WIRE_GROUP_START:
        this.#skipGroup(tag >>> 3);
        return;
      case WIRE_FIXED32:
        this.#take(4);
        return;
      default:
        throw new OtlpDecodeError(`wire type ${tag & 7} at byte ${this.pos}`);
    }
  }

  #take(length: number): number {
    const at = this.pos;
    if (at + length > this.end) throw new OtlpDecodeError(`fixed value cut at byte ${at}`);
    this.pos = at + length;
    return at;
  }

  #skipVarint(): void {
    for (let length = 0; length < 10; length += 1) {
      if (this.pos >= this.end) throw new OtlpDecodeError(`varint cut at byte ${this.pos}`);
      if ((this.bytes[this.pos++] ?? 0) < 0x80) return;
    }
    throw new OtlpDecodeError(`varint longer than 10 bytes at byte ${this.pos}`);
  }

  /** Groups carry no length: walk to the matching end tag with an explicit stack of open field numbers. */
  #skipGroup(field: number): void {
    const open = [field];
    while (open.length > 0) {
      const tag = this.tag();
      if (tag === 0) throw new OtlpDecodeError(`group ${open.at(-1)} is not closed`);
      const wireType = tag & 7;
      if (wireType === WIRE_GROUP_START) {
        if (open.length >= GROUP_DEPTH_MAX) throw new OtlpDecodeError(`groups nested deeper than ${GROUP_DEPTH_MAX}`);
        open.push(tag >>> 3);
      } else if (wireType === WIRE_GROUP_END) {
        if (open.pop() !== tag >>> 3) throw new OtlpDecodeError(`group end ${tag >>> 3} closes another group`);
      } else {
        this.skip(tag);
      }
    }
  }
}
