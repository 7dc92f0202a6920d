/// <reference lib="es2024.string" />

/**
 * RFC 8785 canonical JSON of plain data, as `canonicalJson` of record/ gives it, as the UTF-8 that is hashed and stored: no text is made
 * of it. A bigint (nanoseconds) is written as the text of its decimal digits. Keys in `without` are left out at the top. Throws a
 * TypeError on what has no canonical form (a lone surrogate, a number that is not finite, anything that is not plain data).
 */
export function canonicalRow(row: Readonly<object>, without: ReadonlySet<string>): CanonicalRow {
  writer.row(row as Readonly<Record<string, unknown>>, without);
  return writer;
}

/** Valid until the next row is written: its memory is used again. */
export interface CanonicalRow {
  /** The row is in front; behind it lies anything. */
  readonly bytes: Buffer;
  readonly length: number;
  /** Where the value of the row's `content` lies; both 0 where `JSON.stringify` would give it another order of keys, or there is none. */
  readonly contentStart: number;
  readonly contentEnd: number;
}

const CAPACITY_FIRST = 64 * 1024;
/** More than this is not kept for the next row. */
const CAPACITY_KEPT = 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const HEX = Buffer.from('0123456789abcdef', 'latin1');

/** By byte: 0 stands as it is, 1 is written as hexadecimal, anything else behind a backslash. */
const ESCAPE = escapes();

function escapes(): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(1, 0, 0x20);
  for (const [text, letter] of ['\bb', '\tt', '\nn', '\ff', '\rr', '""', '\\\\']) {
    table[text?.charCodeAt(0) ?? 0] = letter?.charCodeAt(0) ?? 0;
  }
  return table;
}

/** Most of a row's texts are short and need no escape. */
const SHORT_MAX = 64;

/** Keys as they are written, a colon behind: a row's are the same few in every row. */
const keyBytes = new Map<string, Buffer>();
const KEYS_MAX = 1_024;

/** Keys of objects that were not in order, and the same in order: those of one kind come again and again. */
const sortings: { readonly keys: readonly string[]; readonly sorted: readonly string[] }[] = [];
const SORTINGS_MAX = 4;

class RowWriter implements CanonicalRow {
  bytes = Buffer.allocUnsafeSlow(CAPACITY_FIRST);
  length = 0;
  contentStart = 0;
  contentEnd = 0;
  /** A view of `bytes`. */
  #words = viewOf(this.bytes);
  /** UTF-8 of the text that is being escaped. */
  #raw = Buffer.allocUnsafeSlow(CAPACITY_FIRST);
  #rawWords = viewOf(this.#raw);
  /** An object's keys had to be sorted. */
  #sorted = false;

  row(row: Readonly<Record<string, unknown>>, without: ReadonlySet<string>): void {
    if (this.bytes.length > CAPACITY_KEPT) this.#setBytes(Buffer.allocUnsafeSlow(CAPACITY_FIRST));
    if (this.#raw.length > CAPACITY_KEPT) this.#setRaw(Buffer.allocUnsafeSlow(CAPACITY_FIRST));
    this.length = 0;
    this.contentStart = 0;
    this.contentEnd = 0;
    this.#byte(0x7b);
    for (const key of this.#keysOf(row)) {
      const value = row[key];
      if (value === undefined || without.has(key)) continue;
      this.#key(key);
      if (key !== 'content') {
        this.#value(value);
        continue;
      }
      const start = this.length;
      this.#sorted = false;
      this.#value(value);
      if (this.#sorted) continue;
      this.contentStart = start;
      this.contentEnd = this.length;
    }
    this.#byte(0x7d);
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case 'string':
        this.#text(value);
        return;
      case 'number':
        if (!Number.isFinite(value)) throw new TypeError('the number has no canonical form');
        this.#plain(String(value));
        return;
      case 'boolean':
        this.#plain(value ? 'true' : 'false');
        return;
      case 'bigint':
        this.#text(String(value));
        return;
      case 'object':
        if (value === null) this.#plain('null');
        else if (Array.isArray(value)) this.#array(value);
        else this.#object(value as Readonly<Record<string, unknown>>);
        return;
      default:
        throw new TypeError('the value has no canonical form');
    }
  }

  #array(values: readonly unknown[]): void {
    this.#byte(0x5b);
    for (let at = 0; at < values.length; at += 1) {
      if (at > 0) this.#byte(COMMA);
      const value = values[at];
      if (value === undefined) this.#plain('null');
      else this.#value(value);
    }
    this.#byte(0x5d);
  }

  /** Keys in UTF-16 order; those without a value are left out. */
  #object(object: Readonly<Record<string, unknown>>): void {
    this.#byte(0x7b);
    for (const key of this.#keysOf(object)) {
      const value = object[key];
      if (value === undefined) continue;
      this.#key(key);
      this.#value(value);
    }
    this.#byte(0x7d);
  }

  #keysOf(object: object): readonly string[] {
    const keys = Object.keys(object);
    let before = '';
    for (const key of keys) {
      if (key < before) {
        this.#sorted = true;
        return sortedKeys(keys);
      }
      before = key;
    }
    return keys;
  }

  /** The key and its colon, a comma before it unless it is the first. */
  #key(key: string): void {
    if (this.bytes[this.length - 1] !== 0x7b) this.#byte(COMMA);
    const known = keyBytes.get(key);
    if (known === undefined) {
      const start = this.length;
      this.#text(key);
      this.#byte(COLON);
      if (keyBytes.size < KEYS_MAX && key.length <= SHORT_MAX) {
        keyBytes.set(key, Buffer.from(this.bytes.subarray(start, this.length)));
      }
      return;
    }
    this.#reserve(known.length);
    const { bytes } = this;
    let at = this.length;
    for (let from = 0; from < known.length; from += 1) bytes[at++] = known[from] as number;
    this.length = at;
  }

  #text(value: string): void {
    if (value.length <= SHORT_MAX && this.#short(value)) return;
    if (!value.isWellFormed()) throw new TypeError('a lone surrogate has no canonical form');
    if (this.#raw.length < value.length * 3) this.#setRaw(Buffer.allocUnsafeSlow(value.length * 3));
    const raw = this.#raw;
    const rawWords = this.#rawWords;
    const size = raw.write(value, 'utf8');
    this.#reserve(size + 2);
    let { bytes } = this;
    let words = this.#words;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let from = 0; from < size;) {
      // Four bytes of which none is escaped at once; what is behind the text does not matter.
      if (from + 4 <= size) {
        const word = rawWords.getInt32(from, true);
        if (!hasEscape(word)) {
          words.setInt32(at, word, true);
          at += 4;
          from += 4;
          continue;
        }
      }
      for (const last = Math.min(from + 4, size); from < last; from += 1) {
        const byte = raw[from] as number;
        const escape = ESCAPE[byte] as number;
        if (escape === 0) {
          bytes[at++] = byte;
          continue;
        }
        // What is left, its closing quote, and the longest escape.
        if (at + size - from + 7 > bytes.length) {
          this.length = at;
          this.#reserve(size - from + 7);
          bytes = this.bytes;
          words = this.#words;
        }
        bytes[at++] = BACKSLASH;
        if (escape !== 1) {
          bytes[at++] = escape;
          continue;
        }
        bytes[at++] = 0x75;
        bytes[at++] = 0x30;
        bytes[at++] = 0x30;
        bytes[at++] = HEX[byte >>> 4] as number;
        bytes[at++] = HEX[byte & 15] as number;
      }
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** Writes a short text unless a character of it is escaped or takes more than a byte. */
  #short(value: string): boolean {
    this.#reserve(SHORT_MAX + 2);
    const { bytes } = this;
    let at = this.length;
    bytes[at++] = QUOTE;
    for (let from = 0; from < value.length; from += 1) {
      const unit = value.charCodeAt(from);
      if (unit > 0x7f || ESCAPE[unit] !== 0) return false;
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.length = at;
    return true;
  }

  /** Writes what is short and needs no escape, without quotes. */
  #plain(text: string): void {
    this.#reserve(text.length);
    for (let from = 0; from < text.length; from += 1) this.bytes[this.length + from] = text.charCodeAt(from);
    this.length += text.length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  #reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.#setBytes(grown);
  }

  #setBytes(bytes: Buffer<ArrayBuffer>): void {
    this.bytes = bytes;
    this.#words = viewOf(bytes);
  }

  #setRaw(raw: Buffer<ArrayBuffer>): void {
    this.#raw = raw;
    this.#rawWords = viewOf(raw);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** True when one of four bytes is below 0x20, a quote or a backslash; now and then when none is. */
function hasEscape(word: number): boolean {
  const quote = word ^ 0x2222_2222;
  const backslash = word ^ 0x5c5c_5c5c;
  return (
    ((((word - 0x2020_2020) & ~word) | ((quote - 0x0101_0101) & ~quote) | ((backslash - 0x0101_0101) & ~backslash)) &
      0x8080_8080) !==
    0
  );
}

function sortedKeys(keys: readonly string[]): readonly string[] {
  for (const known of sortings) {
    if (known.keys.length === keys.length && known.keys.every((key, at) => key === keys[at])) return known.sorted;
  }
  const sorted = keys.toSorted();
  sortings.unshift({ keys, sorted });
  if (sortings.length > SORTINGS_MAX) sortings.pop();
  return sorted;
}

const writer = new RowWriter();
