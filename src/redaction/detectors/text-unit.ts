/** What a UTF-16 unit of a text is to the search: its class, and what has to be noted where it stands. */

/** Flags of characters: what a text contains, so that whole detectors can be left out. */
export const digitFlag = 0x20;
export const atFlag = 0x100;
/** `:` or `-`. */
export const groupFlag = 0x200;
export const escapeFlag = 0x400;
export const beyondAscii = 0x800;
/** `\u`, `\x` or `=3D`: may begin an escape. */
export const escapedFlag = 0x1000;
/** More hits than are kept: the text cannot be looked at in bounded time. */
export const hitsOverflow = 0x2000;

export const classMask = 0x1f;
/** Where the pass has to note something. */
export const specialEvent = 0x40;
export const maybeEscapedEvent = 0x80;
export const events = digitFlag | specialEvent | maybeEscapedEvent;

export const asciiSize = 128;
const units16 = 65_536;

/** Every class but these two is a letter's: 1 to 26 for `a` to `z`, digits 27. */
export const spaceClass = 29;
export const otherClass = 31;

/** What letters, digits and signs have in common for the search. */
export function foldClass(code: number): number {
  const letter = code | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return letter - 0x60;
  if (code >= 0x30 && code <= 0x39) return 27;
  if (code === 0x5f || code === 0x2d) return 28;
  if (code === 0x20) return spaceClass;
  if (code === 0x2f) return 0;
  return code === 0x2e || code === 0x3a ? 30 : otherClass;
}

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

export const lower = new Uint8Array(asciiSize);
const tokenUnit = new Uint8Array(asciiSize);
const runUnit = new Uint8Array(asciiSize);
/** The class of a unit and its flags. */
export const unitInfo = new Uint16Array(units16).fill(otherClass | specialEvent | beyondAscii);
for (let code = 0; code < asciiSize; code++) {
  lower[code] = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
  unitInfo[code] = foldClass(code);
  if (isAlphanumeric(code)) {
    tokenUnit[code] = 1;
    runUnit[code] = 1;
  }
}
const mark = (characters: string, flags: number): void => {
  for (const char of characters) unitInfo[char.charCodeAt(0)] = (unitInfo[char.charCodeAt(0)] as number) | flags;
};
mark('0123456789', digitFlag);
mark('@', atFlag | specialEvent);
mark(':-', groupFlag);
mark('%&\u001b', escapeFlag | specialEvent);
mark('\\=', maybeEscapedEvent);
for (const char of '_+/=.~%-') tokenUnit[char.charCodeAt(0)] = 1;
for (const char of '+/_-') runUnit[char.charCodeAt(0)] = 1;

/** Whether so many characters of a token stand at an offset. */
export function tokenFollows(units: Uint16Array, at: number, length: number, wanted: number): boolean {
  if (at + wanted > length) return false;
  for (let i = at + wanted - 1; i >= at; i--) {
    const code = units[i] as number;
    if (!isTokenUnit(code)) return false;
  }
  return true;
}

/** Whether a token may begin here: not inside a word. The letter of an escape (`\n`) and a `%41` are no word. */
export function startsWord(units: Uint16Array, at: number): boolean {
  if (at === 0) return true;
  const before = units[at - 1] as number;
  if (!isAlphanumeric(before)) return true;
  if (at > 1 && units[at - 2] === 0x5c) {
    if (before === 0x6e || before === 0x72 || before === 0x74 || before === 0x62 || before === 0x66) return true;
  }
  return at > 2 && units[at - 3] === 0x25;
}

/** May stand in a token. */
export function isTokenUnit(code: number): boolean {
  return code < asciiSize && tokenUnit[code] === 1;
}

/** May stand in a run of base64 or hexadecimal. */
export function isRunUnit(code: number): boolean {
  return code < asciiSize && runUnit[code] === 1;
}
