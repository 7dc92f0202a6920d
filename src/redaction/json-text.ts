const CONTAINER_DEPTH_MAX = 128;
const LITERAL = /(?:-?\d[\d.eE+-]*|true|false|null|-|t|tr|tru|f|fa|fal|fals|n|nu|nul)/y;
const START = /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:["[\]{\d-]|true|false|null|$))/;
const PREVIOUS_ITEM_MAX = 128;

export type JsonTokenKind = 'key' | 'string' | 'scalar' | 'close';

interface Frame {
  readonly isObject: boolean;
  readonly id: number;
  /** Key in force when the container opened. */
  readonly outerKey: string;
  member: string;
  index: number;
  previousStart: number;
  previousEnd: number;
  expect: 'key' | 'colon' | 'value' | 'comma';
}

/** True when the text can only be meant as a JSON object or array; whether it is one, walking it tells. */
export function looksLikeJson(text: string): boolean {
  return START.test(text);
}

/**
 * Walks JSON text by offset without building values, so that an edit replaces exactly one string and everything else,
 * formatting and big numbers and duplicate keys included, stays as it was. Text that ends too early (an attribute cut by a
 * length limit) is walked as far as it goes. `next` moves to each key, string, scalar and end of an object, in order; the fields
 * then tell about it. When the text is not JSON, or nests deeper than 128, `next` gives false and `failed` is true: what was seen
 * before that must then be thrown away.
 */
export class JsonCursor {
  kind: JsonTokenKind = 'scalar';
  /** Offsets of the content: inside the quotes of a string, the literal's own for a number or a word. */
  start = 0;
  end = 0;
  /** Innermost object key around the token, unescaped; '' at the top. */
  key = '';
  /** Which object the token is a member of (or which one ends), by order of opening; -1 in an array or at the top. */
  object = -1;
  /** Key that holds the object the token is a member of; '' at the top and in an array. */
  holder = '';
  failed = false;

  readonly #text: string;
  readonly #stack: Frame[] = [];
  #objects = 0;
  #at = 0;
  #finished = false;
  #itemStart = 0;
  #itemEnd = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Path of the token from the root: `.a.b[2]`. */
  path(): string {
    let path = '';
    const last = this.#stack.length - 1;
    for (const [depth, frame] of this.#stack.entries()) {
      if (depth === last && this.kind === 'key') break;
      // The index has moved on when the token was read, not before the comma: it is still the token's.
      path += frame.isObject ? `.${frame.member}` : `[${frame.index}]`;
    }
    return path;
  }

  /** For an array item: the string item just before it; '' otherwise. */
  previousItem(): string {
    return this.#text.slice(this.#itemStart, Math.min(this.#itemEnd, this.#itemStart + PREVIOUS_ITEM_MAX));
  }

  /** For the second of exactly two strings in an array, the first: a name and its value, as headers are listed; '' otherwise. */
  pairName(): string {
    const name = this.previousItem();
    if (name === '' || this.#itemEnd - this.#itemStart > PREVIOUS_ITEM_MAX) return '';
    let before = this.#itemStart - 2;
    while (before > 0 && isSpace(this.#text.charCodeAt(before))) before -= 1;
    let after = this.kind === 'string' ? this.end + 1 : this.end;
    while (after < this.#text.length && isSpace(this.#text.charCodeAt(after))) after += 1;
    return this.#text.charCodeAt(before) === 0x5b && this.#text.charCodeAt(after) === 0x5d ? name : '';
  }

  next(): boolean {
    const text = this.#text;
    const stack = this.#stack;
    let at = this.#at;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
        at += 1;
        continue;
      }
      if (this.#finished) return this.#fail();
      const frame = stack[stack.length - 1];
      if (code === 0x7d || code === 0x5d) {
        if (frame === undefined || frame.isObject !== (code === 0x7d)) return this.#fail();
        stack.pop();
        at += 1;
        const outer = stack[stack.length - 1];
        if (outer === undefined) this.#finished = true;
        else outer.expect = 'comma';
        if (!frame.isObject) continue;
        this.kind = 'close';
        this.object = frame.id;
        this.#at = at;
        return true;
      }
      if (code === 0x2c) {
        if (frame === undefined || frame.expect !== 'comma') return this.#fail();
        frame.expect = frame.isObject ? 'key' : 'value';
        frame.index += 1;
        at += 1;
        continue;
      }
      if (code === 0x3a) {
        if (frame === undefined || frame.expect !== 'colon') return this.#fail();
        frame.expect = 'value';
        at += 1;
        continue;
      }
      if (frame !== undefined && frame.expect !== 'value' && !(frame.expect === 'key' && code === 0x22)) {
        return this.#fail();
      }
      const key = frame === undefined ? '' : frame.isObject ? frame.member : frame.outerKey;
      if (code === 0x7b || code === 0x5b) {
        if (stack.length >= CONTAINER_DEPTH_MAX) return this.#fail();
        const isObject = code === 0x7b;
        stack.push({
          isObject,
          id: isObject ? this.#objects : -1,
          outerKey: key,
          member: '',
          index: 0,
          previousStart: 0,
          previousEnd: 0,
          expect: isObject ? 'key' : 'value',
        });
        if (isObject) this.#objects += 1;
        at += 1;
        continue;
      }
      if (frame === undefined) return this.#fail();
      this.object = frame.id;
      this.holder = frame.isObject ? frame.outerKey : '';
      if (code === 0x22) {
        const start = at + 1;
        const end = stringEnd(text, start);
        this.start = start;
        this.end = end;
        this.#at = end + 1;
        if (frame.expect === 'key') {
          this.kind = 'key';
          this.key = '';
          frame.member = unescapeJson(text.slice(start, end));
          frame.expect = 'colon';
          return true;
        }
        this.kind = 'string';
        this.key = key;
        this.#itemStart = frame.previousStart;
        this.#itemEnd = frame.previousEnd;
        if (!frame.isObject) {
          frame.previousStart = start;
          frame.previousEnd = end;
        }
        frame.expect = 'comma';
        return true;
      }
      LITERAL.lastIndex = at;
      const literal = LITERAL.exec(text)?.[0];
      if (literal === undefined) return this.#fail();
      this.kind = 'scalar';
      this.start = at;
      this.end = at + literal.length;
      this.key = key;
      this.#itemStart = frame.previousStart;
      this.#itemEnd = frame.previousEnd;
      frame.previousStart = 0;
      frame.previousEnd = 0;
      frame.expect = 'comma';
      this.#at = this.end;
      return true;
    }
    this.#at = at;
    return false;
  }

  #fail(): boolean {
    this.failed = true;
    this.#at = this.#text.length;
    return false;
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Index of the closing quote, or the text's end when there is none. */
export function stringEnd(text: string, start: number): number {
  let at = start;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    let slashes = 0;
    while (quote - 1 - slashes >= start && text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return quote;
    at = quote + 1;
  }
}

/** The text a JSON string's content stands for; an escape that was cut off at the end is dropped, a wrong one is kept as it is. */
export function unescapeJson(raw: string): string {
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw.replace(
      /\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt])|(?:u[0-9a-fA-F]{0,3})?$)/g,
      (whole, hex?: string, one?: string) => {
        if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
        if (one === undefined) return '';
        return ESCAPES.get(one) ?? (one === '' ? whole : one);
      },
    );
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** The content of a JSON string that stands for `text`, without the quotes. */
export function escapeJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
