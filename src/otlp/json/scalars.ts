import { OtlpDecodeError } from '../decode-error.ts';
import type { CompiledField } from './compiled-schema.ts';
import { isJsonNumber, type JsonCursor } from './cursor.ts';
import { enumValue } from './enum-names.ts';
import { Integer64 } from './integer.ts';
import type { Output } from './output.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;

/** An exponent beyond this cannot name a 64-bit integer; BigInt must not be asked to build it. */
const EXPONENT_MAX = 40;
const INTEGER_TEXT_MAX = 128;

const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit += 1) {
  HEX[digit.toString(16).charCodeAt(0)] = digit;
  HEX[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Reads scalar values at a JSON cursor and writes them, tag and all, as the field's kind demands. */
export class ScalarTranscoder {
  readonly #json: JsonCursor;
  readonly #out: Output;
  readonly #integer = new Integer64();

  constructor(json: JsonCursor, out: Output) {
    this.#json = json;
    this.#out = out;
  }

  /** One value, whose first byte is `first`. */
  single(field: CompiledField, first: number): void {
    this.#out.varint(field.tag);
    this.#value(field, first);
  }

  /** A list whose `[` was read. Numbers are packed. `position.index` follows the element being read. */
  list(field: CompiledField, position: { index: number }): void {
    const json = this.#json;
    const packed = (field.tag & 7) !== 2;
    let contentStart = 0;
    let next = json.peek();
    if (next === CLOSE_BRACKET) {
      json.pos += 1;
      return;
    }
    if (packed) {
      this.#out.varint(field.packedTag);
      contentStart = this.#out.open(1);
    }
    for (;;) {
      position.index += 1;
      if (!packed) this.#out.varint(field.tag);
      this.#value(field, next);
      next = json.peek();
      json.pos += 1;
      if (next === CLOSE_BRACKET) break;
      if (next !== COMMA) {
        json.pos -= 1;
        throw json.expected("',' or ']'");
      }
      next = json.peek();
    }
    if (packed) this.#out.close(contentStart, 1);
  }

  #value(field: CompiledField, first: number): void {
    switch (field.schema.kind) {
      case 'string':
        this.#string(first);
        return;
      case 'traceId':
      case 'spanId':
        this.#id(first);
        return;
      case 'base64':
        this.#base64(first);
        return;
      case 'bool':
        this.#bool();
        return;
      case 'double':
        this.#double(first);
        return;
      case 'enum':
        this.#enum(field.schema.name, first);
        return;
      case 'uint32':
        this.#out.varint(this.#unsigned32(first));
        return;
      case 'fixed32':
        this.#out.fixed32(this.#unsigned32(first));
        return;
      case 'sint32': {
        const value = this.#signed32(first);
        this.#out.varint(((value << 1) ^ (value >> 31)) >>> 0);
        return;
      }
      case 'int64':
        this.#readInteger(first, true);
        this.#out.varint64(this.#integer);
        return;
      case 'sfixed64':
        this.#readInteger(first, true);
        this.#out.fixed64(this.#integer);
        return;
      case 'uint64':
        this.#readInteger(first, false);
        this.#out.varint64(this.#integer);
        return;
      case 'fixed64':
        this.#readInteger(first, false);
        this.#out.fixed64(this.#integer);
        return;
      case 'message':
        throw new Error('a message is not a scalar');
    }
  }

  #string(first: number): void {
    const json = this.#json;
    if (first !== QUOTE) throw json.expected('a string');
    json.readString();
    if (json.escaped) this.#bytes(Buffer.from(json.string()));
    else this.#out.range(json.bytes, json.start, json.end);
  }

  #bytes(bytes: Buffer): void {
    this.#out.range(bytes, 0, bytes.length);
  }

  #id(first: number): void {
    const json = this.#json;
    if (first === OPEN_BRACE) {
      this.#bytes(this.#bytesObject());
      return;
    }
    if (first !== QUOTE) throw json.expected('a string of hex digits');
    json.readString();
    const { bytes, start, end } = json;
    const digits = end - start;
    if (digits % 2 !== 0) throw new OtlpDecodeError('expected an even number of hex digits');
    this.#out.varint(digits / 2);
    for (let at = start; at < end; at += 2) {
      const high = HEX[bytes[at] ?? 0] ?? -1;
      const low = HEX[bytes[at + 1] ?? 0] ?? -1;
      if (high < 0 || low < 0) throw new OtlpDecodeError('expected hex digits');
      this.#out.byte((high << 4) | low);
    }
  }

  #base64(first: number): void {
    const json = this.#json;
    if (first === OPEN_BRACE) {
      this.#bytes(this.#bytesObject());
      return;
    }
    if (first !== QUOTE) throw json.expected('a string in base64');
    json.readString();
    const text = json.escaped ? json.string() : json.bytes.toString('latin1', json.start, json.end);
    // Both alphabets, padded or not.
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    const isPadded = padding > 0;
    if (!BASE64.test(text) || (text.length - padding) % 4 === 1 || (isPadded && text.length % 4 !== 0)) {
      throw new OtlpDecodeError('expected base64');
    }
    this.#bytes(Buffer.from(text, 'base64'));
  }

  #bool(): void {
    if (this.#json.tryWord('true')) this.#out.varint(1);
    else if (this.#json.tryWord('false')) this.#out.varint(0);
    else throw this.#json.expected('true or false');
  }

  #double(first: number): void {
    const json = this.#json;
    const quoted = first === QUOTE;
    if (quoted) json.readString();
    else json.readNumber();
    const text = json.bytes.toString('latin1', json.start, json.end);
    if (quoted && text === 'NaN') this.#out.double(Number.NaN);
    else if (quoted && text === 'Infinity') this.#out.double(Number.POSITIVE_INFINITY);
    else if (quoted && text === '-Infinity') this.#out.double(Number.NEGATIVE_INFINITY);
    else {
      const value = isJsonNumber(text) ? Number(text) : Number.NaN;
      if (!Number.isFinite(value)) throw new OtlpDecodeError('expected a 64-bit floating-point number');
      this.#out.double(value);
    }
  }

  #enum(fieldName: string, first: number): void {
    const json = this.#json;
    if (first === QUOTE) {
      const before = json.pos;
      json.readString();
      const value = enumValue(fieldName, json.string());
      if (value !== undefined) {
        this.#out.varint(value);
        return;
      }
      json.pos = before;
    }
    this.#signed32(first);
    this.#out.varint64(this.#integer);
  }

  #unsigned32(first: number): number {
    this.#readInteger(first, false);
    if (this.#integer.high !== 0) throw new OtlpDecodeError('expected an unsigned 32-bit integer');
    return this.#integer.low;
  }

  #signed32(first: number): number {
    this.#readInteger(first, true);
    const { low, high, negative } = this.#integer;
    const fits = negative ? high === 0xffffffff && low >= 0x80000000 : high === 0 && low < 0x80000000;
    if (!fits) throw new OtlpDecodeError('expected a signed 32-bit integer');
    return low | 0;
  }

  /** Reads an integer, as a number or as a string of one, into `#integer`. */
  #readInteger(first: number, signed: boolean): void {
    const json = this.#json;
    const integer = this.#integer;
    if (first === OPEN_BRACE) this.#longObject();
    else {
      if (first === QUOTE) json.readString();
      else json.readNumber();
      if (!integer.readDigits(json.bytes, json.start, json.end)) this.#unusualInteger();
    }
    if (signed ? !integer.fitsSigned : integer.negative) {
      throw new OtlpDecodeError(signed ? 'expected a signed 64-bit integer' : 'expected an unsigned 64-bit integer');
    }
  }

  /** An integer written with an exponent or a fraction of zeros: `1.5e3`, `2.0`. */
  #unusualInteger(): void {
    const json = this.#json;
    const wrong = new OtlpDecodeError('expected a 64-bit integer');
    if (json.end - json.start > INTEGER_TEXT_MAX) throw wrong;
    const text = json.bytes.toString('latin1', json.start, json.end);
    if (!isJsonNumber(text)) throw wrong;
    const [mantissa = '', exponentText = '0'] = text.toLowerCase().split('e');
    const [whole = '', fraction = ''] = mantissa.split('.');
    const exponent = Number(exponentText) - fraction.length;
    if (Math.abs(exponent) > EXPONENT_MAX + INTEGER_TEXT_MAX) throw wrong;
    const digits = BigInt(whole.replace('-', '') + fraction) * (mantissa.startsWith('-') ? -1n : 1n);
    const scale = 10n ** BigInt(Math.abs(exponent));
    if (exponent < 0 && digits % scale !== 0n) throw wrong;
    if (!this.#integer.setBigInt(exponent < 0 ? digits / scale : digits * scale)) throw wrong;
  }

  /** `{"low":…,"high":…,"unsigned":…}`: a protobufjs Long that went through JSON.stringify. */
  #longObject(): void {
    const value = this.#object();
    const low = 'low' in value ? value.low : undefined;
    const high = 'high' in value ? value.high : undefined;
    if (!Number.isInteger(low) || !Number.isInteger(high)) throw new OtlpDecodeError('expected a 64-bit integer');
    const unsigned = 'unsigned' in value && value.unsigned === true;
    const bits = (BigInt.asUintN(32, BigInt(Number(high))) << 32n) | BigInt.asUintN(32, BigInt(Number(low)));
    this.#integer.setBigInt(unsigned ? bits : BigInt.asIntN(64, bits));
  }

  /** `{"type":"Buffer","data":[…]}` or `{"data":[…]}`: bytes that went through JSON.stringify. */
  #bytesObject(): Buffer {
    const value = this.#object();
    const data: unknown = 'data' in value ? value.data : undefined;
    const isByte = (each: unknown): boolean => Number.isInteger(each) && Number(each) >= 0 && Number(each) <= 255;
    if (!Array.isArray(data) || !data.every(isByte)) throw new OtlpDecodeError('expected bytes');
    return Buffer.from(data as number[]);
  }

  /** The object at the cursor. Its nesting was bounded by stepping over it first. */
  #object(): object {
    const json = this.#json;
    const start = json.pos;
    json.skipValue();
    try {
      return JSON.parse(json.bytes.toString('utf8', start, json.pos)) as object;
    } catch {
      throw new OtlpDecodeError('malformed object');
    }
  }
}
