/* oxlint-disable no-control-regex, no-misleading-character-class -- terminal escapes and invisible characters are what is sought */
/**
 * Texts inside the text: a view undoes the escapes of one layer and remembers where each character came from; a payload is a
 * base64 or hexadecimal run whose bytes are text.
 */

import type { TextPass } from './text-pass.ts';

/** A decoded text; `at[i]` is the offset, in the outer text, where the carrier of character i begins; one more entry for the end. */
export interface View {
  readonly text: string;
  readonly at: Int32Array;
  readonly encodings: readonly string[];
}

const escapes =
  /\\{1,16}u\{?([0-9a-fA-F]{4,6})\}?|\\{1,16}x([0-9a-fA-F]{2})|%([0-9a-fA-F]{2})|&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos|nbsp|colon|equals|period|commat|lowbar|hyphen|sol|num));|([\u00ad\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\u180e\u034f]{1,32})|(\u001b\[[0-9;:?]{0,32}[A-Za-z]|\\{1,4}(?:033|e|x1b|u001b)\[[0-9;]{0,16}m)|([\u00a0\u2000-\u200a\u2010-\u2015\u2024\u2044\u202f\u3000\uff01-\uff5e\ufe50-\ufe6b\u{1d400}-\u{1d7ff}\u2460-\u24ff\u2070-\u209c\u2100-\u214f\ufb00-\ufb06])|=([0-9A-F]{2})(?![A-Za-z0-9])|=\r?\n/gu;

/** What is undone only in a text that has another escape in it, as JSON writes it: colours of a terminal, lines that were broken. */
export const undoneAlongside = /\\(?:033|e)\[|=(?:\\[rn]|[\r\n])/;

/** Whether a special character of a text may begin an escape: not the `%` of a percentage, nor an `&` between words. */
export function beginsEscape(units: Uint16Array, at: number): boolean {
  const code = units[at];
  const next = units[at + 1] as number;
  if (code === 0x25) return isHexDigit(next) && isHexDigit(units[at + 2] as number);
  return code !== 0x26 || next === 0x23 || isLetter(next);
}

const isLetter = (code: number): boolean => (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
const isHexDigit = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66);

const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['colon', ':'],
  ['equals', '='],
  ['period', '.'],
  ['commat', '@'],
  ['lowbar', '_'],
  ['hyphen', '-'],
  ['sol', '/'],
  ['num', '#'],
]);

const dashes = /[\u2010-\u2015]/;

function percentBytes(bytes: readonly number[]): string {
  const buffer = Buffer.from(bytes);
  const text = buffer.toString('utf8');
  return text.includes('\ufffd') ? buffer.toString('latin1') : text;
}

const matchesBetweenLooks = 1023;
const noOffsets = new Int32Array(0);

/**
 * The text with one layer of escapes undone, or undefined when there is none.
 * @param outOfTime called now and then
 */
export function unescapedView(text: string, outOfTime: () => void): View | undefined {
  const parts: string[] = [];
  let at = noOffsets;
  const encodings = new Set<string>();
  let written = 0;
  let done = 0;
  let seen = 0;
  escapes.lastIndex = 0;
  const copy = (to: number): void => {
    if (to <= done) return;
    parts.push(text.slice(done, to));
    for (let i = done; i < to; i++) at[written++] = i;
  };
  for (let match = escapes.exec(text); match; match = escapes.exec(text)) {
    if ((++seen & matchesBetweenLooks) === 0) outOfTime();
    const start = match.index;
    let end = start + match[0].length;
    let decoded = '';
    let encoding = '';
    if (match[1] !== undefined || match[2] !== undefined) {
      const code = Number.parseInt(match[1] ?? match[2] ?? '', 16);
      decoded = code <= 0x10ffff ? String.fromCodePoint(code) : '';
      encoding = 'unicode-escape';
    } else if (match[3] !== undefined) {
      const bytes = [Number.parseInt(match[3], 16)];
      while (
        text[end] === '%' &&
        /^[0-9a-fA-F]{2}$/.test(text.slice(end + 1, end + 3)) &&
        (bytes[0] ?? 0) >= 0x80 &&
        bytes.length < 4
      ) {
        bytes.push(Number.parseInt(text.slice(end + 1, end + 3), 16));
        end += 3;
      }
      escapes.lastIndex = end;
      decoded = percentBytes(bytes);
      encoding = 'percent';
    } else if (match[4] !== undefined || match[5] !== undefined) {
      const code = match[4] !== undefined ? Number(match[4]) : Number.parseInt(match[5] ?? '', 16);
      decoded = code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
      encoding = 'html';
    } else if (match[6] !== undefined) {
      decoded = named.get(match[6]) ?? '';
      encoding = 'html';
    } else if (match[7] !== undefined) {
      encoding = 'zero-width';
    } else if (match[8] !== undefined) {
      encoding = 'ansi';
    } else if (match[9] !== undefined) {
      decoded = dashes.test(match[9]) ? '-' : match[9].normalize('NFKC');
      encoding = 'compatibility-form';
      if (decoded === match[9]) continue;
    } else {
      // Quoted-printable: only where the whole text looks like it, because `=41` also stands in queries.
      if (!/=3D|=\r?\n/.test(text)) continue;
      decoded = match[10] === undefined ? '' : String.fromCharCode(Number.parseInt(match[10], 16));
      encoding = 'quoted-printable';
    }
    // Most texts that may hold an escape hold none.
    if (at.length === 0) at = new Int32Array(text.length + 1);
    copy(start);
    // A decoded text longer than its carrier (ligatures) keeps its first characters only as far as the offsets reach.
    const room = Math.max(0, end - start);
    const kept = decoded.slice(0, Math.max(1, room));
    parts.push(kept);
    for (let i = 0; i < kept.length; i++) at[written++] = start;
    encodings.add(encoding);
    done = end;
  }
  if (encodings.size === 0) return undefined;
  copy(text.length);
  at[written] = text.length;
  return { text: parts.join(''), at: at.subarray(0, written + 1), encodings: [...encodings] };
}

/** Text that bytes in the outer text spell. The whole carrier is the span to replace. */
export interface Payload {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly encoding: 'base64' | 'hex';
}

/** What a unit of a run is: a small letter, a capital one, a digit, a sign; and whether it is none of hexadecimal. */
const runKind = new Uint8Array(128);
const notHex = 16;
for (const char of 'abcdefghijklmnopqrstuvwxyz') runKind[char.charCodeAt(0)] = 1;
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') runKind[char.charCodeAt(0)] = 2;
for (const char of '0123456789') runKind[char.charCodeAt(0)] = 4;
for (const char of '+/_-') runKind[char.charCodeAt(0)] = 8;
for (let code = 0; code < 128; code++)
  if (!/[0-9a-fA-F]/.test(String.fromCharCode(code))) runKind[code] = (runKind[code] as number) | notHex;
const longRunMin = 18;
const lonelyRunMin = 40;
const hexRunMin = 32;
const wrappedLine = /(?:\r?\n|\\r\\n|\\n)[ \t]{0,12}(?=[A-Za-z0-9+/_-]{4,})/y;
const runMax = 1_048_576;
const runsBetweenLooks = 63;

/** Hexadecimal whose bytes may all be printable: most ids and digests hold one that is not. */
function mayBeHexText(units: Uint16Array, start: number, end: number): boolean {
  const stop = Math.min(end, start + runMax);
  for (let i = start; i < stop; i += 2) {
    const high = units[i] as number;
    const low = units[i + 1] as number;
    if (high === 0x30) {
      // Tabs and line ends.
      if (low !== 0x39 && (low | 0x20) !== 0x61 && (low | 0x20) !== 0x64) return false;
    } else if (high === 0x31) {
      if (low !== 0x62 && low !== 0x42) return false;
    }
  }
  return true;
}

function printable(bytes: Buffer): boolean {
  let odd = 0;
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09 && byte !== 0x1b) return false;
    if (byte === 0x7f) return false;
    if (byte >= 0x80) odd++;
  }
  return odd * 4 <= bytes.length;
}

const sextets = new Uint8Array(128).fill(0xff);
const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
for (let i = 0; i < 64; i++) sextets[base64Alphabet.charCodeAt(i)] = i;
sextets[0x2d] = 62;
sextets[0x5f] = 63;

const groupsLooked = 3;

/** Whether the first bytes behind an offset are mostly printable: read from the characters, because most runs are no text. */
function looksLikeText(units: Uint16Array, start: number): boolean {
  let bad = 0;
  for (let at = start; at < start + groupsLooked * 4; at += 4) {
    const a = sextets[(units[at] as number) & 0x7f] as number;
    const b = sextets[(units[at + 1] as number) & 0x7f] as number;
    const c = sextets[(units[at + 2] as number) & 0x7f] as number;
    const d = sextets[(units[at + 3] as number) & 0x7f] as number;
    if (((a << 2) | (b >> 4)) < 0x09) bad += 3;
    if (a >= 32) bad++;
    if ((b & 8) !== 0) bad++;
    if ((c & 2) !== 0) bad++;
    if ((((c & 3) << 6) | d) < 0x09) bad += 3;
    if (bad > 3) return false;
  }
  return true;
}

/** Whether a run of base64 may be text at one of its four alignments. */
function mayBeText(units: Uint16Array, start: number): boolean {
  for (let shift = 0; shift < 4; shift++) if (looksLikeText(units, start + shift)) return true;
  return false;
}

/** @param start where the run begins in the units of its text */
function decodeBase64(run: string, units: Uint16Array, start: number): string | undefined {
  // The run may have begun inside a group of four: the bytes tell which of the four alignments is text.
  for (let shift = 0; shift < 4; shift++) {
    if (!looksLikeText(units, start + shift)) continue;
    const head = Buffer.from(run.slice(shift, shift + 24), 'base64');
    if (head.length < 8 || !printable(head)) continue;
    const bytes = Buffer.from(run.slice(shift), 'base64');
    // A cut end leaves at most a broken last character.
    const whole = bytes.subarray(0, Math.max(0, bytes.length - 1));
    if (printable(whole)) return bytes.toString('utf8');
    // Text first, something else behind it: what is text is looked at.
    const end = whole.findIndex((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x1b));
    if (end >= 16) return bytes.subarray(0, end).toString('latin1');
  }
  return undefined;
}

/**
 * Runs of base64 and hexadecimal that spell text.
 * @param pass the reading of this very text
 * @param outOfTime called now and then
 * @param onRun told of each long run, of 40 characters or with a dot behind it
 */
export function findPayloads(
  text: string,
  pass: TextPass,
  outOfTime: () => void,
  onRun: (start: number, end: number) => void,
): Payload[] {
  const payloads: Payload[] = [];
  const { units, runs, runCount } = pass;
  const { length } = text;
  for (let r = 0; r < runCount; r += 2) {
    if ((r & runsBetweenLooks) === runsBetweenLooks - 1) outOfTime();
    const from = runs[r] as number;
    const to = runs[r + 1] as number;
    const after = to < length ? (units[to] as number) : 0;
    if (to - from >= longRunMin && (to - from >= lonelyRunMin || after === 0x2e)) onRun(from, to);
    let seen = 0;
    for (let i = from; i < to; i++) seen |= runKind[units[i] as number] as number;
    // A word of prose or a path is no payload; digits alone are none either.
    if ((seen & 6) === 0 || (seen & 3) === 0) continue;
    if (payloads.length > 0 && from < (payloads.at(-1)?.end ?? 0)) continue;
    let end = to;
    while (end < length && units[end] === 0x3d && end - to < 2) end++;
    const isHex = (seen & notHex) === 0 && end === to && to - from >= hexRunMin && (to - from) % 2 === 0;
    if (isHex && mayBeHexText(units, from, to)) {
      const bytes = Buffer.from(text.slice(from, Math.min(to, from + runMax)), 'hex');
      if (printable(bytes)) {
        payloads.push({ start: from, end, text: bytes.toString('utf8'), encoding: 'hex' });
        continue;
      }
    }
    if (mayBeText(units, from)) readRun(from, end);
  }
  return payloads;

  function readRun(start: number, runEnd: number): void {
    let end = runEnd;
    let run = text.slice(start, end);
    outOfTime();
    // MIME and PEM wrap their lines; all lines but the last have the same length.
    if (run.length >= 56) {
      for (let line = 0; line < 4096; line++) {
        wrappedLine.lastIndex = end;
        const gap = wrappedLine.exec(text);
        if (!gap) break;
        const from = end + gap[0].length;
        const more = /^[A-Za-z0-9+/_-]{4,1024}={0,2}/.exec(text.slice(from, from + 1026));
        if (!more) break;
        run += more[0];
        end = from + more[0].length;
      }
    }
    if (run.length > runMax) run = run.slice(0, runMax);
    const decoded = decodeBase64(run, units, start);
    if (decoded !== undefined) payloads.push({ start, end, text: decoded, encoding: 'base64' });
  }
}
