/**
 * All keywords at once, ASCII case folded: every three folded characters are looked up in one table that holds the rarest three of
 * each keyword, and the whole keyword is compared only where those occur. The table fits the processor's cache, which a transition
 * table over as many keywords does not.
 */
export interface KeywordSearch {
  /** The keywords, lower-case; what hits refer to. */
  readonly words: readonly string[];
  /**
   * Reads the text once. Fills `pass.hits` with one number a hit, `end offset (exclusive) * 65536 + index of the keyword`, by end offset
   * and then the longer keyword first; notes where digits and long runs begin. Returns the union of the flags of the characters seen.
   */
  run(text: string, pass: TextPass): number;
}

/** What one reading of a text notes, used again for the next text. */
export interface TextPass {
  readonly hits: number[];
  /** Offsets at which a run of digits begins. */
  readonly digits: number[];
  /** Pairs of offsets: runs of `[A-Za-z0-9+/_-]`, 16 characters or longer. */
  readonly runs: number[];
  /** Offsets of `@`, of what begins an escape, and of characters beyond ASCII. */
  readonly specials: number[];
}

export function createTextPass(): TextPass {
  return { hits: [], digits: [], runs: [], specials: [] };
}

/** Flags of characters: what a text contains, so that whole detectors can be left out. */
export const digitFlag = 1;
export const atFlag = 2;
export const groupFlag = 4;
export const escapeFlag = 8;
export const upperFlag = 16;
/** A backslash or `=`: may begin an escape. */
export const escapedFlag = 32;
const runFlag = 64;
export const beyondAscii = 128;
/** More hits than are kept: the text cannot be looked at in bounded time. */
export const hitsOverflow = 256;

const asciiSize = 128;
const runMin = 16;
const indexSpan = 65_536;
const triples = 32_768;
/** How often triples are met in text, roughly: rare letters make a rare triple. */
const rarity = 'zqxjkvbywgpfmuclhdrnsioate';

function foldClass(code: number): number {
  const letter = code | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return letter - 0x60;
  if (code >= 0x30 && code <= 0x39) return 27;
  if (code === 0x5f || code === 0x2d) return 28;
  if (code === 0x20) return 29;
  return code === 0x2e || code === 0x2f || code === 0x3a ? 30 : 31;
}

interface Entry {
  readonly codes: Uint8Array;
  /** Offset of the triple that is looked up, from the keyword's start. */
  readonly at: number;
  readonly index: number;
}

function score(word: string, at: number): number {
  let total = 0;
  for (let i = at; i < at + 3; i++) {
    const index = rarity.indexOf(word[i] ?? '');
    total += index < 0 ? 12 : index;
  }
  return total;
}

/** Keywords must be ASCII and of two characters or more. `hitsMax` bounds the memory one text can take. */
export function createKeywordSearch(keywords: readonly string[], hitsMax = 65_536): KeywordSearch {
  const words = [...new Set(keywords.map((word) => word.toLowerCase()))].sort((a, b) => b.length - a.length);
  const classes = new Uint8Array(asciiSize);
  const flags = new Uint8Array(asciiSize);
  for (let code = 0x30; code <= 0x39; code++) flags[code] = digitFlag | runFlag;
  for (let code = 0x41; code <= 0x5a; code++) flags[code] = upperFlag | runFlag;
  for (let code = 0x61; code <= 0x7a; code++) flags[code] = runFlag;
  for (const char of '+/_') flags[char.charCodeAt(0)] = runFlag;
  flags[0x40] = atFlag;
  flags[0x3a] = groupFlag;
  flags[0x2d] = groupFlag | runFlag;
  for (const char of '%&\u001b') flags[char.charCodeAt(0)] = escapeFlag;
  for (const char of '\\=') flags[char.charCodeAt(0)] = escapedFlag;
  const lower = new Uint8Array(asciiSize);
  for (let code = 0; code < asciiSize; code++) {
    classes[code] = foldClass(code);
    lower[code] = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
  }
  const lists: Entry[][] = [[]];
  const table = new Uint16Array(triples);
  const enter = (triple: number, each: Entry): void => {
    if (table[triple] === 0) {
      table[triple] = lists.length;
      lists.push([]);
    }
    lists[table[triple] as number]?.push(each);
  };
  words.forEach((word, index) => {
    if (word.length < 2) throw new RangeError(`the keyword "${word}" is too short: at least two characters`);
    const codes = new Uint8Array(word.length);
    for (let i = 0; i < word.length; i++) {
      const code = word.charCodeAt(i);
      if (code >= asciiSize) throw new RangeError('a keyword must be ASCII text');
      codes[i] = code;
    }
    if (word.length === 2) {
      // Whatever the character before it.
      const pair = ((classes[codes[0] as number] as number) << 5) | (classes[codes[1] as number] as number);
      for (let before = 0; before < 32; before++) enter((before << 10) | pair, { codes, at: -1, index });
      return;
    }
    let at = 0;
    for (let i = 1; i + 3 <= word.length; i++) if (score(word, i) < score(word, at)) at = i;
    const triple =
      ((classes[codes[at] as number] as number) << 10) |
      ((classes[codes[at + 1] as number] as number) << 5) |
      (classes[codes[at + 2] as number] as number);
    enter(triple, { codes, at, index });
  });

  const compare = (text: string, list: readonly Entry[], tripleAt: number, hits: number[]): void => {
    for (const { codes, at, index } of list) {
      const start = tripleAt - at;
      const end = start + codes.length;
      if (start < 0 || end > text.length) continue;
      let i = 0;
      for (; i < codes.length; i++) {
        const code = text.charCodeAt(start + i);
        if (code >= asciiSize || lower[code] !== codes[i]) break;
      }
      if (i === codes.length) hits.push(end * indexSpan + index);
    }
  };

  return {
    words,
    run(text, { hits, digits, runs, specials }) {
      hits.length = 0;
      digits.length = 0;
      runs.length = 0;
      specials.length = 0;
      let seen = 0;
      let triple = 0;
      let lastDigit = -2;
      let lastOther = -1;
      const length = text.length;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= asciiSize) {
          triple = 0;
          seen |= beyondAscii;
          if (i - lastOther > runMin) runs.push(lastOther + 1, i);
          lastOther = i;
          specials.push(i);
          continue;
        }
        const flag = flags[code] as number;
        seen |= flag;
        if ((flag & runFlag) === 0) {
          if (i - lastOther > runMin) runs.push(lastOther + 1, i);
          lastOther = i;
          if ((flag & (atFlag | escapeFlag)) !== 0) specials.push(i);
        } else if ((flag & digitFlag) !== 0) {
          if (i !== lastDigit + 1) digits.push(i);
          lastDigit = i;
        }
        triple = ((triple << 5) | (classes[code] as number)) & 0x7fff;
        const list = table[triple] as number;
        if (list === 0) continue;
        if (hits.length >= hitsMax) {
          seen |= hitsOverflow;
          break;
        }
        compare(text, lists[list] as Entry[], i - 2, hits);
      }
      if (length - lastOther > runMin) runs.push(lastOther + 1, length);
      if (hits.length > 1) hits.sort((a, b) => a - b);
      return seen;
    },
  };
}

/** The end offset of a hit. */
export function hitEnd(hit: number): number {
  return Math.floor(hit / indexSpan);
}

/** The keyword's index of a hit. */
export function hitIndex(hit: number): number {
  return hit % indexSpan;
}
