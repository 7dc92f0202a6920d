/**
 * Personal data that is recognised by its punctuation and digits: payment cards, phone numbers, bank accounts,
 * network addresses, wallets, identity numbers. One forward pass over the digits; everything else hangs on single characters.
 */
import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

import { countrySpecs, electronicFormatIBAN, isValidIBAN } from 'ibantools';
import { parsePhoneNumberFromString } from 'libphonenumber-js';

import { identityNumberOf } from './identity-number.ts';
import type { TextPass } from './text-pass.ts';
import { digitsOf, passesLuhn } from './validators.ts';

export interface PersonalDatum {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly class: string;
  readonly priority: number;
}

export const personalRuleVersion = 1;
export const personalRuleIds: readonly string[] = [
  'email',
  'credit-card',
  'phone',
  'iban',
  'ip-address',
  'mac-address',
  'crypto-wallet',
];

const phoneLookupsMax = 128;

const digitKind = 1;
const letterKind = 2;
/** Digits, ASCII letters, `_`. */
const wordKind = 4;
const hexKind = 8;
/** May stand between the digits of one number. */
const gapKind = 16;
/** May stand in a word that announces a telephone number, or between it and the number. */
const phoneKind = 32;
/** What a UTF-16 unit is; 0 beyond Latin-1. */
const kinds = new Uint8Array(256);
const addKind = (characters: string, kind: number): void => {
  for (const char of characters) kinds[char.charCodeAt(0)] = (kinds[char.charCodeAt(0)] as number) | kind;
};
addKind('0123456789', digitKind | wordKind | hexKind);
addKind('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', letterKind | wordKind);
addKind('abcdefABCDEF', hexKind);
addKind('_', wordKind);
addKind(' -.()/\u00a0', gapKind);
addKind('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"\'\\ :=.,()#-', phoneKind);
const kindOf = (code: number): number => (code < 256 ? (kinds[code] as number) : 0);

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isLetter = (code: number): boolean => (kindOf(code) & letterKind) !== 0;
const isWord = (code: number): boolean => (kindOf(code) & wordKind) !== 0;
const isHex = (code: number): boolean => (kindOf(code) & hexKind) !== 0;

/** The letters of `\n`, `\r`, `\t`, `\b` and `\f`. */
const isEscapeLetter = (code: number): boolean =>
  code === 0x6e || code === 0x72 || code === 0x74 || code === 0x62 || code === 0x66;

/** What stands before an offset that is not the first; a line end where one is written out as JSON does, `\n`. */
function unitBefore(units: Uint16Array, at: number): number {
  const before = units[at - 1] as number;
  return at > 1 && units[at - 2] === 0x5c && isEscapeLetter(before) ? 0x0a : before;
}

const phoneWords =
  /(?:phone|tel|telephone|call(?:ed|ing|s|er)?(?: me)?|mobile|cell|fax|sms|whatsapp|callback|dial|reach(?:ed)?|contact|handy|messages?|text(?: me)?|my number|his number|her number|(?:us|uk|their|our) number|number is|msisdn|ring|hotline|telefon\w{0,3}|numaram)[\w"'\\ :=.,()#-]{0,24}$/i;
/** Longer than the longest of these words with what may stand behind it; all of that is of `kinds[…] & phoneKind`. */
const phoneReach = 36;
const phoneWordMin = 3;
const otherNumber =
  /(?:order|item|invoice|ticket|account|acct|tracking|customer|case|ref|reference|port|line|error|code|version|build|job|run|seq|sequence|shard|size|bytes|count|offset|timestamp|ts|time|duration|pid|uid|gid|id|ids|index|row|page|status|sku|serial|commit|issue|pr|block|height|amount|total|price|cost)[ "'\\:=#_[,-]{0,8}$/i;
const cardNetworks =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[0-9]\d{14}|2[2-7]\d{14}|2200\d{12}|3[47]\d{13}|3(?:0|6|8|9)\d{12,14}|35\d{14}|(?:2131|1800)\d{11}|5[06-8]\d{10,17}|6\d{11,18}|9792\d{12}|81\d{14,17})$/;

function isCard(digits: string): boolean {
  return cardNetworks.test(digits) && passesLuhn(digits) && !/^(\d)\1+$/.test(digits);
}

const base58Only = /^[1-9A-HJ-NP-Za-km-z]+$/;
const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Base58Check, as Bitcoin and its relatives use: the last four bytes are the head of a double SHA-256. */
export function isBase58Check(value: string): boolean {
  // Hexadecimal ids fail here, before there is arithmetic.
  if (!base58Only.test(value)) return false;
  let number = 0n;
  for (const char of value) {
    const index = base58.indexOf(char);
    number = number * 58n + BigInt(index);
  }
  let hex = number.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  const zeros = /^1*/.exec(value)?.[0].length ?? 0;
  const bytes = Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex, 'hex')]);
  if (bytes.length !== 25) return false;
  const digest = createHash('sha256')
    .update(createHash('sha256').update(bytes.subarray(0, 21)).digest())
    .digest();
  return digest.subarray(0, 4).equals(bytes.subarray(21));
}

const ibanShape = /[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){8,32}/y;
/** Characters of a country's account numbers, by its two letters in either case; 0 for no country. */
const ibanLengths = new Uint8Array(1024);
const countryOf = (first: number, second: number): number => ((first & 0x1f) << 5) | (second & 0x1f);
for (const [country, { chars }] of Object.entries(countrySpecs))
  ibanLengths[countryOf(country.charCodeAt(0), country.charCodeAt(1))] = chars ?? 0;

/** Where the account number ends that begins at two letters with a digit behind them; -1 when there is none. */
function ibanAt(text: string, units: Uint16Array, start: number): number {
  const wanted = ibanLengths[countryOf(units[start] as number, units[start + 1] as number)] as number;
  if (wanted === 0) return -1;
  ibanShape.lastIndex = start;
  const match = ibanShape.exec(text);
  if (!match) return -1;
  let count = 0;
  let end = start;
  while (end < start + match[0].length && count < wanted) if (isWord(text.charCodeAt(end++))) count++;
  if (count < wanted || isWord(text.charCodeAt(end))) return -1;
  return isValidIBAN((electronicFormatIBAN(text.slice(start, end)) ?? '').toUpperCase()) ? end : -1;
}

/** `2026-11-22`, with nothing behind it that would make it part of a longer number. */
function isDateAt(units: Uint16Array, i: number, length: number): boolean {
  if (i + 10 > length || units[i + 4] !== 0x2d || units[i + 7] !== 0x2d || units[i] === 0x30) return false;
  const month = units[i + 5] as number;
  if (month !== 0x30 && month !== 0x31) return false;
  for (const at of dateDigits) if (!isDigit(units[i + at] as number)) return false;
  const after = i + 10 < length ? (units[i + 10] as number) : 0;
  return (
    !isDigit(after) &&
    after !== 0x2d &&
    !(
      after === 0x20 &&
      i + 11 < length &&
      isDigit(units[i + 11] as number) &&
      !(i + 13 < length && units[i + 13] === 0x3a)
    )
  );
}

const dateDigits = [1, 2, 3, 6, 8, 9];

const cardWord = /(?:card|cc|pan|amex|visa|maestro|kreditkarte|tarjeta)[\w"' :=#.-]{0,16}$/i;
const spacedHardware =
  /(?:[0-9A-Fa-f]{2} ){5}(?:[0-9A-Fa-f]{2} [0-9A-Fa-f]{2} )?[0-9A-Fa-f]{2}(?! ?[0-9A-Fa-f]{2}\b|\w)/y;
const dottedHardware = /[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2,3}(?![\w.])/y;

/** The end of an EUI-48 or EUI-64 whose groups are parted by spaces or dots; -1 when none begins here. Digits alone are no hardware address. */
function hardwareEnd(text: string, units: Uint16Array, start: number): number {
  const spaced = units[start + 2] === 0x20 && units[start + 5] === 0x20;
  if (!spaced && !(units[start + 4] === 0x2e && units[start + 9] === 0x2e)) return -1;
  const pattern = spaced ? spacedHardware : dottedHardware;
  if (spaced && /[0-9A-Fa-f]{2} $/.test(text.slice(Math.max(0, start - 3), start))) return -1;
  pattern.lastIndex = start;
  const match = pattern.exec(text);
  return match && /[A-Fa-f]/.test(match[0]) ? start + match[0].length : -1;
}

const versionWord =
  /(?:version|ver|v|release|chrome|safari|firefox|edge?|opr|webkit|mobile|build|os|python|node|java|kernel|tag|semver|sdk|api)[ /:="'-]{0,3}$/i;

/** Digits with at most two other characters between them: what may be written of one number. Of the last one read. */
const cluster = {
  end: 0,
  digits: 0,
  /** Where its first run of digits ends. */
  run: 0,
  /** Between its digits. */
  dots: 0,
  /** Two characters between two of its digits. */
  isLoose: false,
};

function readCluster(units: Uint16Array, from: number, length: number): void {
  const limit = Math.min(length, from + clusterMax);
  let end = from;
  let run = from;
  let digits = 0;
  let gap = 0;
  let dots = 0;
  let dotsBetween = 0;
  let isLoose = false;
  for (let i = from; i < limit; i++) {
    const kind = kindOf(units[i] as number);
    if ((kind & digitKind) !== 0) {
      if (gap === 0 && run === i) run++;
      if (gap === 2) isLoose = true;
      digits++;
      end = i + 1;
      gap = 0;
      dotsBetween = dots;
    } else if ((kind & gapKind) === 0 || ++gap > 2) break;
    else if (units[i] === 0x2e) dots++;
  }
  cluster.end = end;
  cluster.digits = digits;
  cluster.run = run;
  cluster.dots = dotsBetween;
  cluster.isLoose = isLoose;
}

const clusterMax = 32;
const addressDots = 3;
const dottedShape = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])/;

/** Where the word that begins at an offset ends when dashes, dots, slashes and a check digit in parentheses count as its own; -1 for short ones. */
function dashedEnd(units: Uint16Array, start: number, length: number): number {
  const limit = Math.min(length, start + dashedMax);
  let end = start;
  while (end < limit) {
    const code = units[end] as number;
    if (!isWord(code)) {
      if (code !== 0x2d && code !== 0x2b && code !== 0x2f && code !== 0x2e) break;
      if (end === start || end + 1 >= length || !isWord(units[end + 1] as number)) break;
    }
    end++;
  }
  if (end - start < dashedMin) return -1;
  if (units[end] === 0x28 && end + 2 < length && units[end + 2] === 0x29) {
    const check = units[end + 1] as number;
    if (isDigit(check) || check === 0x41) return end + 3;
  }
  return end;
}

const dashedMin = 6;
const dashedMax = 23;

/** Whether the digits among these units pass the check of payment cards. */
function holdsLuhn(units: Uint16Array, start: number, end: number): boolean {
  let sum = 0;
  let isDoubled = false;
  for (let i = end - 1; i >= start; i--) {
    const code = units[i] as number;
    if (!isDigit(code)) continue;
    const digit = code - 0x30;
    sum += isDoubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
    isDoubled = !isDoubled;
  }
  return sum % 10 === 0;
}

const cardDigitsMin = 12;
const cardDigitsMax = 19;

/** The payment card at a cluster of digits, the one last read. */
function cardAt(
  text: string,
  units: Uint16Array,
  start: number,
): { readonly start: number; readonly end: number } | undefined {
  const { end, digits, run } = cluster;
  const length = run - start;
  const checked = digits <= cardDigitsMax && holdsLuhn(units, start, end);
  // Any other cluster neither is a card nor begins with one.
  if (!checked && length !== 4 && length < cardDigitsMin) return undefined;
  const card = cardIn(text, start, end);
  if (card !== undefined) return card;
  // Numbers of air travel cards and of other networks, when the text says that it is a card.
  return checked && cardWord.test(text.slice(Math.max(0, start - 32), start)) ? { start, end } : undefined;
}

function cardIn(
  text: string,
  start: number,
  end: number,
): { readonly start: number; readonly end: number } | undefined {
  const value = text.slice(start, end);
  if (/[./()]/.test(value)) {
    const first = /^\d{12,19}/.exec(value);
    return first && isCard(first[0]) ? { start, end: start + first[0].length } : undefined;
  }
  const whole = digitsOf(value);
  if (whole.length >= 12 && whole.length <= 19 && isCard(whole)) return { start, end };
  // Numbers may follow each other: the first one that is a card by itself.
  const first = /^(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{12,19})/.exec(value);
  if (first && isCard(digitsOf(first[0]))) return { start, end: start + first[0].length };
  return undefined;
}

/** `x123`, `ext. 12` behind a number. */
function extensionLength(text: string, at: number): number {
  return /^[ ,]{0,2}(?:x|ext\.?) ?\d{1,5}/i.exec(text.slice(at, at + 12))?.[0].length ?? 0;
}

/** Whether a word right before an offset says that a telephone number follows. */
function isCalledPhone(text: string, units: Uint16Array, from: number): boolean {
  let start = from;
  while (start > 0 && from - start < phoneReach && (kindOf(units[start - 1] as number) & phoneKind) !== 0) start--;
  return from - start >= phoneWordMin && phoneWords.test(text.slice(start, from));
}

/** The telephone number at a cluster of digits, the one last read. */
function phoneAt(
  text: string,
  units: Uint16Array,
  start: number,
  alone: boolean,
  lookups: { left: number },
): { readonly start: number; readonly end: number } | undefined {
  const { end, digits, run, dots } = cluster;
  let from = start;
  if (from > 0 && units[from - 1] === 0x28) from--;
  const isOpened = from < start;
  const before = from > 0 ? (units[from - 1] as number) : 0;
  const plus = before === 0x2b || (before === 0x28 && from > 1 && units[from - 2] === 0x2b) || before === fullWidthPlus;
  if (plus) from--;
  else if (digits < 7 || digits > 15) return undefined;
  if (from > 0 && isWord(units[from - 1] as number) && !(from > 1 && isEscapeSign(units[from - 2] as number)))
    return undefined;
  const to = end;
  const value = text.slice(from, to);
  if (run - start >= 7 && /^\+?(\d)\1{6,}$/.test(value)) return undefined;
  if (plus) {
    if (digits < 7 || digits > 17) return undefined;
    // Beyond the bound the shape alone decides: rather one number too many than seconds of looking up.
    if (--lookups.left < 0) return { start: from, end: to };
    const told = digits >= 8 && digits <= 15 && isCalledPhone(text, units, from);
    if (!told && parsePhoneNumberFromString(value)?.isPossible() !== true) return undefined;
    return { start: from, end: to + extensionLength(text, to) };
  }
  const next = run < end ? (units[run] as number) : 0;
  const isParted = next === 0x2d || next === 0x2e || next === 0x2f;
  if (isParted && !isOpened && otherShape.test(value)) return undefined;
  if ((digits === 10 || digits === 11) && nationalShape.test(value))
    return { start: from, end: to + extensionLength(text, to) };
  if (units[start] === 0x30) {
    if (digits >= 9 && /^00[1-9]/.test(value) && /[ -]/.test(value)) return { start: from, end: to };
    if (digits >= 9 && digits <= 12 && dots === 0 && (value.match(/[ -]/g)?.length ?? 0) >= 2)
      return { start: from, end: to };
    if (alone && /^0\d{9,10}$/.test(value)) return { start: from, end: to };
  }
  if (isCalledPhone(text, units, from) && !otherNumber.test(text.slice(Math.max(0, from - 56), from))) {
    return { start: from, end: to + extensionLength(text, to) };
  }
  return undefined;
}

/** A date, a network address, a decimal number. */
const otherShape = /^\d{4}-\d\d-\d\d|^\d\d?[./]\d\d?[./]\d{2,4}|^\d{1,3}(?:\.\d{1,3}){3}|^\d+\.\d+$/;
/** As in North America, of ten digits or of eleven. */
const nationalShape = /^(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{0,2}\d{3}[ .-]\d{4}$/;

const isEscapeSign = (code: number): boolean => code === 0x5c || code === 0x25;

/**
 * Cards, phones, accounts, IPv4 addresses, wallets and identity numbers: everything that begins at a digit.
 * @param pass the reading of this very text
 * @param alone numbers that mean somebody only when they stand alone count when they are the whole text
 */
export function findNumbers(
  text: string,
  pass: TextPass,
  found: PersonalDatum[],
  outOfTime: () => void,
  alone: boolean,
): void {
  const { length } = text;
  const { units, digits: starts, digitCount } = pass;
  const trimmed = alone && length <= 64 ? text.trim() : '';
  const offset = trimmed !== '' && trimmed.length <= 40 ? text.indexOf(trimmed) : -1;
  if (offset >= 0) {
    const identity = identityNumberOf(trimmed, true);
    if (identity)
      found.push({
        start: offset,
        end: offset + trimmed.length,
        rule: identity.id,
        class: identity.class,
        priority: 45,
      });
  }
  const lookups = { left: phoneLookupsMax };
  let i = -1;
  for (let round = 0; round < digitCount; round++) {
    const at = starts[round] as number;
    if (at <= i) continue;
    i = at;
    if ((round & 255) === 255) outOfTime();
    const before = i > 0 ? unitBefore(units, i) : 0x20;
    let isRead = false;
    if (!isWord(before)) {
      if (isDateAt(units, i, length)) {
        i += 9;
        continue;
      }
      // Most numbers are counts, ports, times: few digits, no letters.
      let run = i + 1;
      while (run < length && isDigit(units[run] as number)) run++;
      if (run - i < 7 && (run >= length || !isWord(units[run] as number))) {
        if (run >= length || (kindOf(units[run] as number) & gapKind) === 0) {
          i = run - 1;
          continue;
        }
        readCluster(units, i, length);
        isRead = true;
        const skipped = shortNumberEnd(units, i);
        if (skipped > 0) {
          i = skipped - 1;
          continue;
        }
      }
    }
    // The word around the digits: identity numbers, accounts and wallets mix letters in.
    let wordStart = i;
    while (wordStart > 0 && i - wordStart < 8 && isLetter(units[wordStart - 1] as number)) wordStart--;
    if (wordStart > 0 && units[wordStart - 1] === 0x5c && isEscapeLetter(units[wordStart] as number)) wordStart++;
    const lead = i - wordStart;
    const bounded = wordStart === 0 || !isWord(unitBefore(units, wordStart));
    if (lead === 2 && i + 1 < length && isDigit(units[i + 1] as number)) {
      const end = ibanAt(text, units, wordStart);
      if (end > 0) {
        found.push({ start: wordStart, end, rule: 'iban', class: 'pii.iban', priority: 60 });
        i = end - 1;
        continue;
      }
    }
    const hardware = bounded && lead < 4 ? hardwareEnd(text, units, wordStart) : -1;
    if (hardware > 0) {
      found.push({ start: wordStart, end: hardware, rule: 'mac-address', class: 'pii.mac_address', priority: 49 });
      i = hardware - 1;
      continue;
    }
    let wordEnd = i;
    const wordLimit = Math.min(length, wordStart + 64);
    while (wordEnd < wordLimit && isWord(units[wordEnd] as number)) wordEnd++;
    if (bounded && wordEnd - wordStart >= 8 && wordEnd - wordStart <= 24) {
      const dashed = dashedEnd(units, wordStart, length);
      const dashedText = dashed > 0 && dashed !== wordEnd ? text.slice(wordStart, dashed) : '';
      const identity = identityNumberOf(text.slice(wordStart, wordEnd), false) ?? identityNumberOf(dashedText, false);
      if (identity) {
        const stop = identity.shape.test(dashedText) ? Math.max(wordEnd, dashed) : wordEnd;
        found.push({ start: wordStart, end: stop, rule: identity.id, class: identity.class, priority: 50 });
      }
    }
    if (
      lead === 0 &&
      bounded &&
      (text[i] === '1' || text[i] === '3') &&
      wordEnd - i >= 26 &&
      wordEnd - i <= 35 &&
      isBase58Check(text.slice(i, wordEnd))
    ) {
      found.push({ start: i, end: wordEnd, rule: 'crypto-wallet', class: 'pii.crypto_wallet', priority: 55 });
      i = wordEnd - 1;
      continue;
    }
    if (lead > 0 && isLetter(before) && !(text[wordStart - 1] === '\\')) {
      i = Math.max(i, Math.min(wordEnd, length) - 1);
      continue;
    }
    if (!isRead) readCluster(units, i, length);
    const { end, digits } = cluster;
    if (digits < 4) {
      i = end - 1;
      continue;
    }
    const dotted = cluster.dots >= addressDots && cluster.run - i <= 3 ? dottedShape.exec(text.slice(i, end)) : null;
    if (dotted && isIPv4(dotted[0])) {
      const after = text[i + dotted[0].length] ?? '';
      if (
        !isWord(before) &&
        before !== 0x2e &&
        !isWord(after.charCodeAt(0)) &&
        after !== '-' &&
        !versionWord.test(text.slice(Math.max(0, i - 16), i))
      ) {
        const prefix =
          /^\/\d{1,2}(?!\d)/.exec(text.slice(i + dotted[0].length, i + dotted[0].length + 4))?.[0].length ?? 0;
        found.push({
          start: i,
          end: i + dotted[0].length + prefix,
          rule: 'ip-address',
          class: 'pii.ip_address',
          priority: 45,
        });
      }
      i += dotted[0].length - 1;
      continue;
    }
    if (
      digits >= 7 &&
      !isWord(before) &&
      (end >= length || !isLetter(units[end] as number) || extensionLength(text, end) > 0)
    ) {
      const card = digits >= cardDigitsMin ? cardAt(text, units, i) : undefined;
      if (card) {
        found.push({ ...card, rule: 'credit-card', class: 'pii.credit_card', priority: 58 });
        i = card.end - 1;
        continue;
      }
      // Identity numbers are never written with two characters between two digits.
      const identity = cluster.isLoose ? undefined : identityNumberOf(text.slice(i, end), false);
      if (identity) {
        found.push({ start: i, end, rule: identity.id, class: identity.class, priority: 50 });
        i = end - 1;
        continue;
      }
      const phone = phoneAt(text, units, i, offset >= 0, lookups);
      // A look-up in the tables of numbering plans costs as much as kilobytes of other text.
      if (lookups.left < phoneLookupsMax) outOfTime();
      if (phone) {
        found.push({ ...phone, rule: 'phone', class: 'pii.phone', priority: 48 });
        i = Math.max(end, phone.end) - 1;
        continue;
      }
    }
    i = Math.max(i, Math.min(end, wordEnd > i ? wordEnd : end) - 1);
  }
}

/**
 * Where a number of fewer than seven digits, between two characters that belong to no word, ends that can be nothing here: no address, no
 * card, no account; -1 when it may be one. Of the cluster last read, at whose start it stands.
 */
function shortNumberEnd(units: Uint16Array, start: number): number {
  // Pairs of digits before pairs of hexadecimal digits, fours before fours: hardware addresses.
  if (units[start + 2] === 0x20 && units[start + 5] === 0x20) return -1;
  if (units[start + 4] === 0x2e && units[start + 9] === 0x2e) return -1;
  const { end, digits, run, dots } = cluster;
  if (digits < 4) return end;
  if (digits >= 7) return digits < cardDigitsMin && isDecimal(units, start, run, end, digits) ? run : -1;
  return dots < addressDots ? run : -1;
}

/** `0.088438`: one dot between digits, and nothing before them by which they would be a telephone number. */
function isDecimal(units: Uint16Array, start: number, run: number, end: number, digits: number): boolean {
  if (units[run] !== 0x2e || end - start !== digits + 1) return false;
  const before = start > 0 ? (units[start - 1] as number) : 0;
  return before !== 0x2b && before !== 0x28 && before !== fullWidthPlus;
}

const fullWidthPlus = 0xff0b;

/** IPv6 and MAC addresses: hexadecimal groups between colons or dashes. */
export function findHexGroups(text: string, { units }: TextPass, found: PersonalDatum[]): void {
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    if (colon + 1 >= text.length) break;
    const next = units[colon + 1] as number;
    if (!isHex(next) && next !== 0x3a) continue;
    let start = colon;
    while (start > 0 && colon - start < 4 && isHex(units[start - 1] as number)) start--;
    if (start === colon && next !== 0x3a) continue;
    let end = colon + 1;
    let doubled = false;
    for (const limit = Math.min(text.length, start + 46); end < limit; end++) {
      const code = units[end] as number;
      if (code === 0x3a) doubled ||= units[end - 1] === 0x3a;
      else if (code !== 0x2e && !isHex(code)) break;
    }
    // A time of day, a port: an address without `::` has eight groups, and a hardware address 17 characters.
    if (end - start < 15 && !doubled) {
      colon = Math.max(colon, end - 1);
      continue;
    }
    while (end > start && text[end - 1] === '.') end--;
    let value = text.slice(start, end);
    if (value.length < 3 || value.indexOf(':') === value.lastIndexOf(':')) continue;
    if (start > 0 && isWord(text.charCodeAt(start - 1)) && !value.startsWith('::') && text[start - 2] !== '\\') {
      // Letters glued to a compressed address: it begins at the two colons.
      const at = value.indexOf('::');
      if (at < 0) {
        colon = end - 1;
        continue;
      }
      start += at;
      value = value.slice(at);
    }
    if (/^(?:[0-9a-f]{2}:){5}(?:[0-9a-f]{2}:[0-9a-f]{2}:)?[0-9a-f]{2}$/i.test(value)) {
      found.push({ start, end, rule: 'mac-address', class: 'pii.mac_address', priority: 45 });
    } else if ((value.length > 3 || value === '::1') && isIPv6(value) && /\d|[a-f]{3}/i.test(value)) {
      const suffix = /^(?:%[\w.-]{1,16})?(?:\/\d{1,3})?/.exec(text.slice(end, end + 22))?.[0].length ?? 0;
      found.push({ start, end: end + suffix, rule: 'ip-address', class: 'pii.ip_address', priority: 45 });
    }
    colon = Math.max(colon, end - 1);
  }
  // Its first dash and its last lie twelve apart with one every three between: of thirteen units in a row that the first may be one of, the
  // last, or one of the two behind it, is a dash. Dashes are in every name and date, and most of these are never read.
  let next = 2;
  for (let last = dashReach; last - dashReach <= text.length - hardwareLength + 2; last += dashReach + 1) {
    if (units[last] !== 0x2d && units[last + 1] !== 0x2d && units[last + 2] !== 0x2d) continue;
    for (let dash = Math.max(next, last - dashReach); dash <= last; dash++) {
      if (units[dash] !== 0x2d || units[dash + 3] !== 0x2d || units[dash + 6] !== 0x2d) continue;
      const value = text.slice(dash - 2, dash - 2 + hardwareLength);
      if (
        /^(?:[0-9a-f]{2}-){5}[0-9a-f]{2}$/i.test(value) &&
        !(dash > 2 && isWord(unitBefore(units, dash - 2))) &&
        !isWord(text.charCodeAt(dash + 15))
      ) {
        found.push({ start: dash - 2, end: dash + 15, rule: 'mac-address', class: 'pii.mac_address', priority: 45 });
        next = dash + hardwareLength - 2;
        break;
      }
    }
  }
}

/** Characters of an EUI-48 with dashes, and from its first dash to its last. */
const hardwareLength = 17;
const dashReach = 12;
