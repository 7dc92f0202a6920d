/**
 * Walks JSON text by offset without building values, so that an edit replaces exactly one string and everything else,
 * formatting and big numbers and duplicate keys included, stays as it was. Text that ends too early (an attribute
 * cut by a length limit) is walked as far as it goes.
 */
export interface JsonToken {
  readonly kind: 'key' | 'string' | 'scalar';
  /** Offsets of the content: inside the quotes of a string, the literal's own for a number or a word. */
  readonly start: number;
  readonly end: number;
  /** Innermost object key around the token, unescaped; '' at the top. */
  readonly key: string;
  /** Path from the root: `.a.b[2]`. */
  readonly path: string;
  /** For an array item: the string item just before it; '' otherwise. */
  readonly previousItem: string;
  /** Which object the token is a member of, by order of opening; -1 in an array or at the top. */
  readonly object: number;
}

const CONTAINER_DEPTH_MAX = 128;
const LITERAL = /(?:-?\d[\d.eE+-]*|true|false|null|-|t|tr|tru|f|fa|fal|fals|n|nu|nul)/y;
const START = /^\s*(?:\{\s*(?:["}]|$)|\[\s*(?:["[\]{\d-]|true|false|null|$))/;

interface Frame {
  readonly isObject: boolean;
  readonly id: number;
  readonly path: string;
  readonly key: string;
  member: string;
  index: number;
  previousItem: string;
  expect: 'key' | 'colon' | 'value' | 'comma';
}

/** True when the text can only be meant as a JSON object or array; whether it is one, walking it tells. */
export function looksLikeJson(text: string): boolean {
  return START.test(text);
}

/**
 * Gives each key, string and scalar to `visit`, in order. Returns false when the text is not JSON (or nests deeper than
 * 128): what `visit` was given before that must then be thrown away.
 */
export function walkJson(text: string, visit: (token: JsonToken) => void): boolean {
  const stack: Frame[] = [];
  let objects = 0;
  let at = 0;
  let finished = false;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      at += 1;
      continue;
    }
    if (finished) return false;
    const frame = stack.at(-1);
    if (code === 0x7d || code === 0x5d) {
      if (frame === undefined || frame.isObject !== (code === 0x7d)) return false;
      stack.pop();
      at += 1;
      const outer = stack.at(-1);
      if (outer === undefined) finished = true;
      else outer.expect = 'comma';
      continue;
    }
    if (code === 0x2c) {
      if (frame === undefined || frame.expect !== 'comma') return false;
      frame.expect = frame.isObject ? 'key' : 'value';
      frame.index += 1;
      at += 1;
      continue;
    }
    if (code === 0x3a) {
      if (frame === undefined || frame.expect !== 'colon') return false;
      frame.expect = 'value';
      at += 1;
      continue;
    }
    if (frame !== undefined && frame.expect !== 'value' && !(frame.expect === 'key' && code === 0x22)) return false;
    const path =
      frame === undefined ? '' : frame.isObject ? `${frame.path}.${frame.member}` : `${frame.path}[${frame.index}]`;
    const key = frame === undefined ? '' : frame.isObject ? frame.member : frame.key;
    if (code === 0x7b || code === 0x5b) {
      if (stack.length >= CONTAINER_DEPTH_MAX) return false;
      const isObject = code === 0x7b;
      stack.push({
        isObject,
        id: isObject ? objects : -1,
        path,
        key,
        member: '',
        index: 0,
        previousItem: '',
        expect: isObject ? 'key' : 'value',
      });
      if (isObject) objects += 1;
      at += 1;
      continue;
    }
    if (frame === undefined) return false;
    if (code === 0x22) {
      const start = at + 1;
      const end = stringEnd(text, start);
      if (frame.expect === 'key') {
        visit({ kind: 'key', start, end, key: '', path: frame.path, previousItem: '', object: frame.id });
        frame.member = unescapeJson(text.slice(start, end));
        frame.expect = 'colon';
      } else {
        const object = frame.isObject ? frame.id : -1;
        visit({ kind: 'string', start, end, key, path, previousItem: frame.previousItem, object });
        if (!frame.isObject) frame.previousItem = text.slice(start, Math.min(end, start + 128));
        frame.expect = 'comma';
      }
      at = end + 1;
      continue;
    }
    LITERAL.lastIndex = at;
    const literal = LITERAL.exec(text)?.[0];
    if (literal === undefined) return false;
    const end = at + literal.length;
    visit({
      kind: 'scalar',
      start: at,
      end,
      key,
      path,
      previousItem: frame.previousItem,
      object: frame.isObject ? frame.id : -1,
    });
    frame.previousItem = '';
    frame.expect = 'comma';
    at = end;
  }
  return true;
}

/** Index of the closing quote, or the text's end when there is none. */
function stringEnd(text: string, start: number): number {
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
