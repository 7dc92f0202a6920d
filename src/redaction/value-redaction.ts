import { WireReader } from '../otlp/protobuf/reader.ts';
import { anyValueText } from './any-value.ts';
import type { Chunk } from './chunked-text.ts';
import { bytesField, type Edits } from './edits.ts';
import type { Engine } from './engine.ts';
import type { KeyRule } from './key-rule.ts';
import { stringField, wholeString } from './message-field.ts';
import type { OpaqueFields } from './opaque-field.ts';
import type { WalkState } from './walk-state.ts';

/** Where an AnyValue lies: its length, and its content from `start` to `end`. */
export interface ValueRange {
  readonly lengthAt: number;
  readonly start: number;
  readonly end: number;
}

/** AnyValue levels; the receiver refuses 48, so that this bound is never met by what it lets through. */
const VALUE_DEPTH_MAX = 64;
/** Shorter integers are nobody's number. */
const NUMBER_DIGITS_MIN = 9;
/** Bytes of UTF-8 that one unit of a JavaScript string comes from at most. */
const UTF8_BYTES_MAX = 3;

/** Redacts the value of an attribute or the body of a log record, whatever its type, where the walk over a request is. */
export class ValueRedaction {
  readonly #walk: WalkState;
  readonly #opaque: OpaqueFields;
  readonly #engine: Engine;
  readonly #bytes: Buffer;
  readonly #edits: Edits;
  readonly #member: (tagAt: number, lengthAt: number, start: number, end: number) => number;

  /** @param member redacts a member of a value that is a list of them; returns by how much the list grows */
  constructor(
    walk: WalkState,
    opaque: OpaqueFields,
    member: (tagAt: number, lengthAt: number, start: number, end: number) => number,
  ) {
    this.#walk = walk;
    this.#opaque = opaque;
    this.#engine = walk.engine;
    this.#bytes = walk.bytes;
    this.#edits = walk.edits;
    this.#member = member;
  }

  /** The value as text. */
  text(value: ValueRange): string {
    const start = wholeString(this.#bytes, value.start, value.end);
    return start < 0 ? anyValueText(this.#bytes, value.start, value.end) : this.#walk.text(start, value.end);
  }

  /** Replaces a whole value that its key's name betrays; returns by how much the message around it grows. */
  sensitive(rule: KeyRule, value: ValueRange): number {
    const first = this.#bytes[value.start];
    // An empty value, or a boolean: says whether something is set, not what it is.
    if (first === undefined || value.end === value.start) return 0;
    if (first === 0x10 && value.end - value.start === 2) return 0;
    const text = this.text(value);
    const clean = this.#engine.text.replaceWhole(text, rule, this.#walk.textContext('', ''));
    if (clean === text) return 0;
    return this.#edits.replaceValue(value.lengthAt, value.end, clean);
  }

  /** Scrubs every text and number in a value; returns by how much the message around it grows. */
  plain(key: string, value: ValueRange): number {
    const grown = this.#anyValue(key, value.start, value.end, 0);
    return grown === 0 ? 0 : this.#edits.resize(value.lengthAt, value.start, value.end, grown);
  }

  /** Walks an AnyValue's content; returns by how much it grows. */
  #anyValue(key: string, start: number, end: number, depth: number): number {
    if (depth > VALUE_DEPTH_MAX) throw new RangeError('value nested too deep');
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag === 0x0a || tag === 0x3a) {
        const valueEnd = reader.lengthEnd();
        const valueAt = reader.pos;
        reader.pos = valueEnd;
        grown +=
          tag === 0x0a ? this.#stringValue(key, at, valueAt, valueEnd) : this.#bytesValue(key, at, valueAt, valueEnd);
      } else if (tag === 0x2a || tag === 0x32) {
        const valueEnd = reader.lengthEnd();
        const valueAt = reader.pos;
        reader.pos = valueEnd;
        const change = tag === 0x2a ? this.#list(key, valueAt, valueEnd, depth) : this.#members(valueAt, valueEnd);
        if (change !== 0) grown += this.#edits.resize(at, valueAt, valueEnd, change);
      } else if (tag === 0x18) {
        const integer = BigInt.asIntN(64, reader.varint64());
        grown += this.#integerValue(key, tagAt, reader.pos, integer);
      } else {
        reader.skip(tag);
        if (tag !== 0x10 && tag !== 0x21) grown += this.#opaque.field(tagAt, at, reader.pos);
      }
    }
    return grown;
  }

  #stringValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const piece = this.#walk.pieces.size === 0 ? undefined : this.#walk.pieces.get(start);
    const text = this.#walk.text(start, end);
    const clean = this.#engine.text.scrub(piece ?? text, this.#walk.textContext(key, ''));
    return clean === text ? 0 : this.#edits.replaceContent(lengthAt, end, clean);
  }

  /** A number of a card, an account or a person may come as an integer: as one in JSON, it becomes a text where it is found. */
  #integerValue(key: string, tagAt: number, end: number, integer: bigint): number {
    const digits = integer.toString();
    if (digits.length < NUMBER_DIGITS_MIN) return 0;
    const context = this.#walk.textContext(key === '' ? 'number' : key, '');
    if (this.#engine.text.isClean(digits, context.key, this.#walk.rules, this.#engine.policy.budgets)) return 0;
    const clean = this.#engine.text.scrub(digits, context);
    return clean === digits ? 0 : this.#edits.replaceField(tagAt, end, bytesField(1, Buffer.from(clean)));
  }

  #bytesValue(key: string, lengthAt: number, start: number, end: number): number {
    if (start === end) return 0;
    const raw = this.#bytes.subarray(start, end);
    if (raw.length > UTF8_BYTES_MAX * this.#engine.policy.budgets.valueBytes) {
      // Longer than any text that is read, so withheld: decoding megabytes into replacement characters first held up everybody else.
      const withheld = this.#engine.text.scrub(raw.toString('latin1'), this.#walk.textContext(key, ''));
      return this.#edits.replaceContent(lengthAt, end, withheld);
    }
    const text = raw.toString('utf8');
    const clean = this.#engine.text.scrub(text, this.#walk.textContext(key, ''));
    if (clean === text) return 0;
    // Bytes that are no text cannot be edited inside.
    const isText = Buffer.from(text).equals(raw);
    const kept = isText ? clean : this.#engine.markers.redacted('binary');
    return this.#edits.replaceContent(lengthAt, end, kept);
  }

  #list(key: string, start: number, end: number, depth: number): number {
    const chunks = listChunks(this.#bytes, start, end);
    // A command's words and the parts of one value may be the items of a list.
    if (chunks.length > 1) this.#walk.redactJoined(chunks, key, [' ', '']);
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    let index = 0;
    let previous = '';
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque.field(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const value = { lengthAt: at, start: reader.pos, end: valueEnd };
      reader.pos = valueEnd;
      this.#walk.path.push(`[${index}]`);
      const flag = /^--?([A-Za-z][\w.-]{1,63})$/.exec(previous)?.[1];
      const rule = flag === undefined ? undefined : this.#engine.scanner.sensitiveKey(flag);
      if (rule === undefined) {
        const change = this.#anyValue(flag ?? key, value.start, value.end, depth + 1);
        if (change !== 0) grown += this.#edits.resize(value.lengthAt, value.start, value.end, change);
      } else {
        grown += this.sensitive(rule, value);
      }
      this.#walk.path.pop();
      previous = stringField(this.#bytes, value.start, value.end, 1, 128);
      index += 1;
    }
    return grown;
  }

  #members(start: number, end: number): number {
    const reader = new WireReader(this.#bytes, start, end);
    let grown = 0;
    for (let tagAt = start, tag = reader.tag(); tag !== 0; tagAt = reader.pos, tag = reader.tag()) {
      const at = reader.pos;
      if (tag !== 0x0a) {
        reader.skip(tag);
        grown += this.#opaque.field(tagAt, at, reader.pos);
        continue;
      }
      const valueEnd = reader.lengthEnd();
      const valueAt = reader.pos;
      reader.pos = valueEnd;
      grown += this.#member(tagAt, at, valueAt, valueEnd);
    }
    return grown;
  }
}

/** The texts among the items of a list. */
function listChunks(bytes: Buffer, start: number, end: number): readonly Chunk[] {
  const reader = new WireReader(bytes, start, end);
  const chunks: Chunk[] = [];
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== 0x0a) {
      reader.skip(tag);
      continue;
    }
    const itemEnd = reader.lengthEnd();
    const item = wholeString(bytes, reader.pos, itemEnd);
    if (item >= 0) chunks.push({ at: item, text: bytes.toString('utf8', item, itemEnd) });
    reader.pos = itemEnd;
  }
  return chunks;
}
