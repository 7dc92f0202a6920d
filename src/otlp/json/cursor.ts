import { OtlpDecodeError } from '../decode-error.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Deepest nesting of values that are stepped over because nobody knows their field. */
const SKIP_DEPTH_MAX = 1000;

const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** True for exactly the numbers that JSON allows. */
export function isJsonNumber(text: string): boolean {
  return NUMBER.test(text);
}

/**
 * A cursor over JSON text as UTF-8 bytes. It makes no objects: strings and numbers are byte ranges, `start` to `end`, of the
 * token read last. No recursion. Errors name the byte offset and what was expected, never what was there.
 */
export class JsonCursor {
  readonly bytes: Buffer;
  pos = 0;
  /** The token read last: a string's content without its quotes, or a number. */
  start = 0;
  end = 0;
  /** Whether the string read last has escapes that `string` must undo. */
  escaped = false;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next byte that is not white space, not consumed; -1 at the end. */
  peek(): number {
    const bytes = this.bytes;
    let pos = this.pos;
    let byte = bytes[pos] ?? -1;
    while (byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)) {
      pos += 1;
      byte = bytes[pos] ?? -1;
    }
    this.pos = pos;
    return byte;
  }

  expect(byte: number): void {
    if (this.peek() !== byte) throw this.expected(`'${String.fromCharCode(byte)}'`);
    this.pos += 1;
  }

  expected(what: string): OtlpDecodeError {
    return new OtlpDecodeError(`expected ${what} at byte ${this.pos}`);
  }

  /** Reads a string, which must start at the cursor. */
  readString(): void {
    const bytes = this.bytes;
    const start = this.pos + 1;
    let pos = start;
    this.escaped = false;
    for (;;) {
      const byte = bytes[pos] ?? -1;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        this.escaped = true;
        pos += 2;
      } else if (byte < 0x20) {
        throw new OtlpDecodeError(
          byte === -1 ? 'the text ends inside a string' : `control character in a string at byte ${pos}`,
        );
      } else {
        pos += 1;
      }
    }
    this.start = start;
    this.end = pos;
    this.pos = pos + 1;
  }

  /** The string read last. Escapes are undone; a lone surrogate becomes U+FFFD when it is written as UTF-8. */
  string(): string {
    const raw = this.bytes.toString('utf8', this.start, this.end);
    if (!this.escaped) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      throw new OtlpDecodeError(`invalid escape in the string at byte ${this.start}`);
    }
  }

  /** Reads the characters of a number (its grammar is for the caller to judge) or fails. */
  readNumber(): void {
    const bytes = this.bytes;
    const start = this.pos;
    let pos = start;
    for (;;) {
      const byte = bytes[pos] ?? -1;
      // 0-9 + - . e E
      const isNumber =
        (byte >= 0x30 && byte <= 0x39) ||
        byte === 0x2b ||
        byte === 0x2d ||
        byte === 0x2e ||
        byte === 0x65 ||
        byte === 0x45;
      if (!isNumber) break;
      pos += 1;
    }
    if (pos === start) throw this.expected('a number');
    this.start = start;
    this.end = pos;
    this.pos = pos;
  }

  /** Consumes the word if it is there. */
  tryWord(word: string): boolean {
    const end = this.pos + word.length;
    if (this.bytes.toString('latin1', this.pos, end) !== word) return false;
    this.pos = end;
    return true;
  }

  /** Steps over one value of any kind. */
  skipValue(): void {
    const closers: number[] = [];
    for (;;) {
      const first = this.peek();
      let opened = false;
      if (first === OPEN_BRACE || first === OPEN_BRACKET) {
        if (closers.length >= SKIP_DEPTH_MAX) throw new OtlpDecodeError(`values nested deeper than ${SKIP_DEPTH_MAX}`);
        this.pos += 1;
        const closer = first === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET;
        if (this.peek() === closer) {
          this.pos += 1;
        } else {
          closers.push(closer);
          if (closer === CLOSE_BRACE) this.#skipKey();
          opened = true;
        }
      } else {
        this.#skipScalar(first);
      }
      if (opened) continue;
      if (this.#closeFinished(closers)) return;
    }
  }

  /** After a value: closes what ends here. True when the outermost value has ended. */
  #closeFinished(closers: number[]): boolean {
    for (;;) {
      const closer = closers.at(-1);
      if (closer === undefined) return true;
      const next = this.peek();
      if (next === COMMA) {
        this.pos += 1;
        if (closer === CLOSE_BRACE) this.#skipKey();
        return false;
      }
      if (next !== closer) throw this.expected(`',' or '${String.fromCharCode(closer)}'`);
      this.pos += 1;
      closers.pop();
    }
  }

  #skipKey(): void {
    if (this.peek() !== QUOTE) throw this.expected('a field name');
    this.readString();
    this.expect(COLON);
  }

  #skipScalar(first: number): void {
    if (first === QUOTE) {
      this.readString();
      return;
    }
    if (this.tryWord('true') || this.tryWord('false') || this.tryWord('null')) return;
    this.readNumber();
    if (!isJsonNumber(this.bytes.toString('latin1', this.start, this.end))) {
      throw new OtlpDecodeError(`malformed number at byte ${this.start}`);
    }
  }
}
