/**
 * Finds the value that a key with a telling name introduces: `password=…`, `"api_key": "…"`, `--token …`, `X-Api-Key: …`,
 * `<secret>…</secret>`, `{"name":"DB_PASSWORD","value":"…"}`, `SET PASSWORD '…'`. Hand-written and linear instead of a regular
 * expression, because keys stand everywhere in telemetry.
 */
import { isHarmlessValue } from './harmless-value.ts';
import { isOpaque } from './opaque-token.ts';
import { classifyKey, type SensitiveKey } from './sensitive-key.ts';
import { isPlaceholder } from './validators.ts';

export interface Assignment {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly class: string;
}

const keySpanMax = 96;
const valueMax = 8192;

function isKeyCode(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f ||
    code === 0x2d ||
    code === 0x2e
  );
}

/** The identifier around a keyword, as far as it can be one. An escape before it (`\n`) is no part of it. */
export function keyAround(text: string, start: number, end: number): { readonly start: number; readonly end: number } {
  let from = start;
  while (from > 0 && start - from < keySpanMax && isKeyCode(text.charCodeAt(from - 1))) from--;
  if (from > 0 && text[from - 1] === '\\' && from < start && /[nrtbf]/.test(text[from] ?? '')) from++;
  let to = end;
  while (to < text.length && to - end < keySpanMax && isKeyCode(text.charCodeAt(to))) to++;
  return { start: from, end: to };
}

const pairValue =
  /["'\\]{0,8}\s{0,4},?\s{0,40}["'\\]{0,8}(?:value|val|stringValue|string_value|current|default|data|content|text|secret)["'\\]{0,8}\s{0,4}[:=]\s{0,4}(?:\{\s{0,8}["'\\]{0,8}\w{1,16}["'\\]{0,8}\s{0,4}:\s{0,4})?/iy;
const assign =
  /["'`\\\])]{0,10}(?:\s{0,12}(?:=>|:=|::?:?=?|={1,3}|!==?|\|\||<-|~>)){1,3}[ \t]{0,12}|["'`\\\])]{0,8}\s{0,4}(?:\?=|,=|>=|>)[ \t]{0,4}/y;
const listed = /(["'`]|\\+["'])\s{0,4},\s{0,12}(?=["'`\\])/y;
const spaced = /[ \t]{1,8}(?:is|was|are|of|for|to|equals)?[ \t:=]{0,4}/y;
const scheme =
  /(?:Bearer|Basic|Digest|Token|ApiKey|Api-Key|GenieKey|Negotiate|Bot|Splunk|SSWS|AWS4-HMAC-SHA256|OAuth|Hawk|DPoP|Key|JWT)(?:\s|%20|\+){1,4}/iy;
const open = /(?:[rbfuLR@]{0,2})(\\{0,15}["'`])/y;
const callShape =
  /^[A-Za-z_$][\w$.]{0,80}\($|^(?:self|this|config|settings|options|args|params|request|req|ctx|os|process|env|props|data|credentials?|secrets|vars|var|local|module)\.[A-Za-z_]/;
const innerPair = /^[\w.-]{1,48}[=:]/;

function sticky(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

let bareText = '';
let bareFrom = 0;
let bareTo = 0;

/** Keys may follow each other by the thousand; the end of one run of characters is found once. */
function bareEnd(text: string, from: number): number {
  if (text === bareText && from > bareFrom && from < bareTo) return bareTo;
  bareTo = findBareEnd(text, from);
  bareText = text;
  bareFrom = from;
  return bareTo;
}

function findBareEnd(text: string, from: number): number {
  let i = from;
  const limit = Math.min(text.length, from + valueMax);
  for (; i < limit; i++) {
    const code = text.charCodeAt(i);
    if (
      code <= 0x20 ||
      code === 0x22 ||
      code === 0x27 ||
      code === 0x60 ||
      code === 0x26 ||
      code === 0x3c ||
      code === 0x3e ||
      code === 0x5c ||
      code === 0x7c
    )
      break;
    if (code === 0x40 && text.slice(Math.max(0, from - 160), from).includes('://')) break;
    if (
      (code === 0x2c || code === 0x3b) &&
      (/[\s"']/.test(text[i + 1] ?? ' ') || innerPair.test(text.slice(i + 1, i + 50)))
    )
      break;
  }
  while (i > from && /[,;)}\]]/.test(text[i - 1] ?? '')) {
    const closer = text[i - 1] ?? '';
    const opener = closer === ')' ? '(' : closer === '}' ? '{' : closer === ']' ? '[' : '';
    if (opener !== '' && text.slice(from, i).includes(opener)) break;
    i--;
  }
  return i;
}

interface Value {
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/** The value at an offset: the inside of a quoted text, or the run of characters up to a delimiter. */
function valueAt(text: string, at: number): Value | undefined {
  const opening = sticky(open, text, at);
  if (opening) {
    const quote = opening[1] ?? '"';
    const start = at + opening[0].length;
    let end = start;
    const limit = Math.min(text.length, start + valueMax);
    const mark = quote.at(-1) ?? '"';
    const depth = quote.length - 1;
    for (; end < limit; end++) {
      const code = text.charCodeAt(end);
      if (text[end] === mark) {
        let slashes = 0;
        while (text[end - 1 - slashes] === '\\' && end - 1 - slashes >= start) slashes++;
        if (slashes <= depth) {
          end -= slashes;
          break;
        }
      } else if (code === 0x0a && mark !== '`' && depth === 0 && text.indexOf(mark, end) < 0) break;
    }
    if (end < limit || limit < text.length) return end > start ? { start, end, quoted: true } : undefined;
    // The closing quote is cut off: the line, as far as it is one value.
    const line = /[^\r\n]*/y;
    line.lastIndex = start;
    const rest = line.exec(text)?.[0] ?? '';
    const stop = / [([]/.exec(rest)?.index ?? rest.length;
    return stop > 0 ? { start, end: start + stop, quoted: true } : undefined;
  }
  const end = bareEnd(text, at);
  return end > at ? { start: at, end, quoted: false } : undefined;
}

/** Cookies that hold only settings (`theme=dark; Path=/`) are no secret. */
function cookieHasSecret(value: string): boolean {
  return value.split(/[;,]\s{0,4}/).some((part) => {
    const equals = part.indexOf('=');
    const name = part.slice(0, Math.max(0, equals)).trim();
    const content = part.slice(equals + 1);
    if (/^(?:path|domain|expires|max-age|samesite|priority)$/i.test(name)) return false;
    return content.length >= 8 && /\d/.test(content) && /[A-Za-z]/.test(content);
  });
}

const wholeLine = /[^\r\n"'`\\<>]{0,4096}/y;

const memberMark = /\\{0,15}["']\s{0,4}:/y;
const wordsOnly = /^[A-Za-z][A-Za-z_.-]{1,60}$/;

/** `TOKEN="traceId":"…"`, `token=integrity: …`, `token=api_key = …`: what stands there is the name of the next value, which is judged by that. */
function isNameOfAnother(text: string, value: Value): boolean {
  const found = text.slice(value.start, Math.min(value.end, value.start + 64));
  if (value.quoted) return wordsOnly.test(found) && sticky(memberMark, text, value.end) !== null;
  if (found.endsWith(':')) return wordsOnly.test(found.slice(0, -1));
  return /^\s{1,4}[=:]\s/.test(text.slice(value.end, value.end + 8)) && wordsOnly.test(found);
}

function accept(
  text: string,
  value: Value,
  key: SensitiveKey,
  separator: 'assign' | 'list' | 'space' | 'flag',
): Assignment | undefined {
  let { start, end } = value;
  if (key.rule === 'authorization-key' || key.rule === 'cookie-key') {
    if (!value.quoted) end = Math.max(end, start + (sticky(wholeLine, text, start)?.[0].length ?? 0));
  }
  let schemed = false;
  if (key.rule !== 'cookie-key' && key.rule !== 'password-key') {
    const named = sticky(scheme, text, start);
    if (named && start + named[0].length < end + 4096) {
      schemed = true;
      start += named[0].length;
      if (start >= end) end = bareEnd(text, start);
    }
  }
  while (end > start && text.charCodeAt(end - 1) <= 0x20) end--;
  while (start < end && text.charCodeAt(start) <= 0x20) start++;
  if (end <= start) return undefined;
  // Judged by its head, so that many keys before one long run stay cheap.
  const found = text.slice(start, Math.min(end, start + 1024));
  if (isPlaceholder(found) || isHarmlessValue(found, key.rule)) return undefined;
  if (found.startsWith('-----BEGIN') && isHarmlessValue(text.slice(start, start + 512), key.rule)) return undefined;
  if (isNameOfAnother(text, { start, end, quoted: value.quoted })) return undefined;
  if (!value.quoted && callShape.test(found + (text[end] === '(' ? '(' : ''))) return undefined;
  if (/^[[{(]/.test(found) && !value.quoted) return undefined;
  // Sentences are no tokens and too long for passphrases; what is secret inside them is found by itself.
  const spaces = found.split(/\s+/).length - 1;
  if (
    key.rule !== 'cookie-key' &&
    key.rule !== 'authorization-key' &&
    spaces >= (key.rule === 'password-key' ? 7 : 2) &&
    !found.includes('-----')
  )
    return undefined;
  if (key.rule === 'cookie-key' && !cookieHasSecret(found)) return undefined;
  // `authorization denied for …`: prose, unless a scheme or something that looks like a token follows.
  if (
    key.rule === 'authorization-key' &&
    !schemed &&
    (separator === 'space' || spaces > 1) &&
    !found.split(/\s+/).some((word) => isOpaque(word, 10))
  )
    return undefined;
  if (key.strength === 'weak' || (separator === 'space' && key.rule !== 'authorization-key')) {
    if (separator === 'space' && key.strength === 'weak' && /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(found))
      return undefined;
    if (separator === 'space' && /^[\w.]{2,40}[=:]/.test(found)) return undefined;
    if (isOpaque(found, key.strength === 'weak' ? 14 : 10)) return { start, end, rule: key.rule, class: key.class };
    const passwordLike =
      key.rule === 'password-key' &&
      found.length >= 6 &&
      ((value.quoted && !/\s/.test(found)) || (/\d/.test(found) && /[^\d]/.test(found)));
    return passwordLike ? { start, end, rule: key.rule, class: key.class } : undefined;
  }
  if (key.rule !== 'password-key' && key.class !== 'pii.card_security_code') {
    // A short number or a single common word behind `token` or `secret` names something; it is none.
    if (/^-?\d{1,7}(?:\.\d{1,4})?$/.test(found)) return undefined;
    if (!value.quoted && separator !== 'flag' && /^[a-z]{1,12}$/i.test(found)) return undefined;
    if (found.length < 4) return undefined;
  } else if (!value.quoted && separator === 'assign' && /^(?:\d|[a-z]{1,3})$/i.test(found)) return undefined;
  return { start, end, rule: key.rule, class: key.class };
}

/** The value the key at [start, end) introduces, if its name and the value's looks make it a secret. */
export function assignmentAt(text: string, start: number, end: number): Assignment | undefined {
  const name = text.slice(start, end);
  const key = classifyKey(name);
  if (!key) return undefined;
  const pair = sticky(pairValue, text, end);
  if (pair) {
    const value = valueAt(text, end + pair[0].length);
    if (value) return accept(text, value, key, 'assign');
  }
  const assigned = sticky(assign, text, end);
  if (assigned) {
    let at = end + assigned[0].length;
    if (/[\r\n]/.test(text[at] ?? '')) {
      const quotedKey = /["']/.test(assigned[0]);
      const space = /\s{0,64}/y;
      const next = at + (sticky(space, text, at)?.[0].length ?? 0);
      if (!quotedKey || !/["'\\]/.test(text[next] ?? '')) return undefined;
      at = next;
    }
    if (assigned[0].includes('>') && /^\s/.test(text.slice(at, at + 1))) return undefined;
    const value = valueAt(text, at);
    return value ? accept(text, value, key, 'assign') : undefined;
  }
  const flag = name.startsWith('-') && !name.endsWith('-');
  const inList = sticky(listed, text, end);
  if (inList) {
    const value = valueAt(text, end + inList[0].length);
    return value && (flag || isOpaque(text.slice(value.start, value.end)))
      ? accept(text, value, key, flag ? 'flag' : 'list')
      : undefined;
  }
  const gap = sticky(spaced, text, end);
  if (gap) {
    const value = valueAt(text, end + gap[0].length);
    if (!value || (flag && text[value.start] === '-')) return undefined;
    return accept(text, value, key, flag ? 'flag' : 'space');
  }
  return undefined;
}
