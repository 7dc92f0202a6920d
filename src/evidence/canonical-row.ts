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

/** How objects with these keys are written: a row's, and those in it, come with the same keys again and again. */
interface Layout {
  /** As `Object.keys` gives them. */
  readonly keys: readonly string[];
  /** In the order they are written, which is that of UTF-16. */
  readonly order: readonly string[];
  readonly isSorted: boolean;
  /** By place in `order`, the key as it is written: a comma, its text, a colon. */
  readonly texts: readonly KeyText[];
  /** By place in `order`, what the last object there was written by. */
  readonly inner: (Layout | undefined)[];
}

interface KeyText {
  /** Its bytes by four, padded. */
  readonly words: Int32Array;
  readonly length: number;
}

const layouts: Layout[] = [];
const LAYOUTS_MAX = 64;

function layoutOf(keys: readonly string[]): Layout {
  for (const known of layouts) if (sameKeys(known.keys, keys)) return known;
  const order = keys.toSorted();
  const layout = {
    keys,
    order,
    isSorted: sameKeys(order, keys),
    texts: order.map(keyText),
    inner: order.map(() => undefined),
  };
  if (layouts.length < LAYOUTS_MAX) layouts.push(layout);
  return layout;
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

function keyText(key: string): KeyText {
  if (!key.isWellFormed()) throw new TypeError('a lone surrogate has no canonical form');
  const bytes = Buffer.from(`,${JSON.stringify(key)}:`);
  const words = new Int32Array(Math.ceil(bytes.length / 4));
  const padded = Buffer.alloc(words.length * 4);
  bytes.copy(padded);
  for (let at = 0; at < words.length; at += 1) words[at] = padded.readInt32LE(at * 4);
  return { words, length: bytes.length };
}

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
  #rowLayout: Layout | undefined;

  row(row: Readonly<Record<string, unknown>>, without: ReadonlySet<string>): void {
    if (this.bytes.length > CAPACITY_KEPT) this.#setBytes(Buffer.allocUnsafeSlow(CAPACITY_FIRST));
    if (this.#raw.length > CAPACITY_KEPT) this.#setRaw(Buffer.allocUnsafeSlow(CAPACITY_FIRST));
    this.length = 0;
    this.contentStart = 0;
    this.contentEnd = 0;
    const layout = this.#layout(row, this.#rowLayout);
    this.#rowLayout = layout;
    const { order } = layout;
    for (let at = 0; at < order.length; at += 1) {
      const key = order[at] as string;
      const value = row[key];
      if (value === undefined || without.has(key)) continue;
      this.#key(layout, at);
      const start = this.length;
      this.#sorted = false;
      this.#value(value, layout, at);
      if (key !== 'content' || this.#sorted) continue;
      this.contentStart = start;
      this.contentEnd = this.length;
    }
    this.#close(0);
  }

  /** `layout` and `at`: of what the value stands in, and where. */
  #value(value: unknown, layout: Layout, at: number): void {
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
        else if (Array.isArray(value)) this.#array(value, layout, at);
        else this.#object(value as Readonly<Record<string, unknown>>, layout, at);
        return;
      default:
        throw new TypeError('the value has no canonical form');
    }
  }

  #array(values: readonly unknown[], layout: Layout, place: number): void {
    this.#byte(0x5b);
    for (let at = 0; at < values.length; at += 1) {
      if (at > 0) this.#byte(COMMA);
      const value = values[at];
      if (value === undefined) this.#plain('null');
      else this.#value(value, layout, place);
    }
    this.#byte(0x5d);
  }

  /** Keys in UTF-16 order; those without a value are left out. */
  #object(object: Readonly<Record<string, unknown>>, outer: Layout, place: number): void {
    const layout = this.#layout(object, outer.inner[place]);
    outer.inner[place] = layout;
    if (!layout.isSorted) this.#sorted = true;
    const { order } = layout;
    const start = this.length;
    for (let at = 0; at < order.length; at += 1) {
      const value = object[order[at] as string];
      if (value === undefined) continue;
      this.#key(layout, at);
      this.#value(value, layout, at);
    }
    this.#close(start);
  }

  #layout(object: object, last: Layout | undefined): Layout {
    const keys = Object.keys(object);
    return last !== undefined && sameKeys(last.keys, keys) ? last : layoutOf(keys);
  }

  #key(layout: Layout, at: number): void {
    const { words, length } = layout.texts[at] as KeyText;
    // What pads the last four bytes is written over.
    this.#reserve(length + 3);
    const target = this.#words;
    for (let word = 0; word < words.length; word += 1) {
      target.setInt32(this.length + word * 4, words[word] as number, true);
    }
    this.length += length;
  }

  /** Ends the object that began at `start`: the comma before its first key becomes its brace. */
  #close(start: number): void {
    if (this.length === start) this.#byte(COMMA);
    this.bytes[start] = 0x7b;
    this.#byte(0x7d);
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

const writer = new RowWriter();
