/**
 * All keywords at once, ASCII case folded, in one pass over the UTF-16 units of a text. Every four folded characters are a number of
 * 20 bits; a bitmap tells which of these numbers hold the rarest four characters of some keyword, and the whole keyword is compared
 * only where one of them occurs. The part of the bitmap that text touches fits the processor's first cache, which a transition table
 * over as many keywords does not. The pass notes on the way what the other detectors begin at: digits, `@`, escapes, long runs.
 */

import { commonness } from './gram-rarity.ts';
import type { TextPass } from './text-pass.ts';
import {
  asciiSize,
  classMask,
  digitFlag,
  escapedFlag,
  events,
  foldClass,
  hitsOverflow,
  isTokenUnit,
  lower,
  maybeEscapedEvent,
  otherClass,
  spaceClass,
  specialEvent,
  startsWord,
  tokenFollows,
  unitInfo,
} from './text-unit.ts';

const lengthMax = 96;
const gramMask = 0xfffff;

/** A keyword and what must hold where it stands, so that most occurrences end before a rule is looked at. */
export interface Keyword {
  /** ASCII, two characters or more; matched without regard to case. */
  readonly word: string;
  /** The only spelling that can lead to anything; undefined: any case. */
  readonly spelling?: string | undefined;
  /** The keyword has to begin a word; see `startsWord`. Of two characters with a token behind them, not right behind a `%41`: that is undone first. */
  readonly startsWord?: boolean | undefined;
  /** So many characters of a token have to follow at once. */
  readonly tokenAfter?: number | undefined;
}

export interface KeywordSearch {
  /** The keywords, lower-case; what hits refer to. */
  readonly words: readonly string[];
  /** Reads the text once and fills `pass`. Returns the union of the flags of the characters seen. */
  run(text: string, pass: TextPass): number;
}

const allClasses = Array.from({ length: 32 }, (_, each) => each);
/** Classes of what may stand before the start of a word: no letter or digit, or the last character of `\n` or `%41`. */
const beforeShortWord = [
  0,
  28,
  spaceClass,
  30,
  otherClass,
  ...Array.from('bfnrt', (char) => foldClass(char.charCodeAt(0))),
];
const beforeWord = [...beforeShortWord, 27, ...Array.from('acde', (char) => foldClass(char.charCodeAt(0)))];
const tokenClasses = allClasses.filter((each) => each !== spaceClass);

/** Keywords of a gram lie one after another in `listed`: a gram's slot tells where, and how many they are. */
interface GramTable {
  readonly slotMask: number;
  readonly grams: Int32Array;
  readonly starts: Int32Array;
  readonly listed: Uint16Array;
}

function gramTable(lists: ReadonlyMap<number, readonly number[]>): GramTable {
  const slots = 2 ** Math.ceil(Math.log2(lists.size * 2 + 2));
  const slotMask = slots - 1;
  const grams = new Int32Array(slots).fill(-1);
  const starts = new Int32Array(slots);
  const listed: number[] = [];
  for (const [gram, indexes] of lists) {
    let slot = slotOf(gram) & slotMask;
    while (grams[slot] !== -1) slot = (slot + 1) & slotMask;
    grams[slot] = gram;
    starts[slot] = listed.length;
    listed.push(indexes.length, ...indexes);
  }
  return { slotMask, grams, starts, listed: Uint16Array.from(listed) };
}

function slotOf(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> 12;
}

/** `hitsMax` bounds the time and memory one text can take. */
export function createKeywordSearch(keywords: readonly Keyword[], hitsMax = 65_536): KeywordSearch {
  const ordered = [...keywords].sort((a, b) => b.word.length - a.word.length);
  const bitmap = new Int32Array((gramMask + 1) >> 5);
  const lists = new Map<number, number[]>();
  const gramEnds = new Uint8Array(ordered.length);
  const lengths = new Uint8Array(ordered.length);
  const tokensAfter = Uint8Array.from(ordered, (each) => each.tokenAfter ?? 0);
  const startsWords = Uint8Array.from(ordered, (each) => (each.startsWord === true ? 1 : 0));
  /** The keywords' codes one after another, folded, and as they have to be spelled; 0: in any case. */
  const codeStarts = new Int32Array(ordered.length);
  const folded: number[] = [];
  const spelled: number[] = [];
  for (const [index, { word, spelling }] of ordered.entries()) {
    if (word.length < 2) throw new RangeError(`the keyword "${word}" is too short: at least two characters`);
    if (word.length > lengthMax) throw new RangeError(`a keyword may have at most ${lengthMax} characters`);
    lengths[index] = word.length;
    codeStarts[index] = folded.length;
    const lowered = word.toLowerCase();
    for (let i = 0; i < word.length; i++) {
      const code = lowered.charCodeAt(i);
      if (code >= asciiSize) throw new RangeError('a keyword must be ASCII text');
      folded.push(code);
      spelled.push(spelling?.charCodeAt(i) ?? 0);
    }
    for (const gram of gramsOf(ordered[index] as Keyword, index)) {
      bitmap[gram >> 5] = (bitmap[gram >> 5] as number) | (1 << (gram & 31));
      const list = lists.get(gram);
      if (list === undefined) lists.set(gram, [index]);
      else if (!list.includes(index)) list.push(index);
    }
  }
  const foldedCodes = Uint8Array.from(folded);
  const spelledCodes = Uint8Array.from(spelled);
  const { slotMask, grams, starts, listed } = gramTable(lists);

  /** The numbers a keyword is looked up by; short keywords leave a place or two open. Notes where the keyword's part ends. */
  function gramsOf(keyword: Keyword, index: number): number[] {
    const word = keyword.word.toLowerCase();
    const classes = Array.from(word, (char) => foldClass(char.charCodeAt(0)));
    const gram = (a: number, b: number, c: number, d: number): number => (a << 15) | (b << 10) | (c << 5) | d;
    const [first = 0, second = 0, third = 0] = classes;
    const before = keyword.startsWord === true ? beforeWord : allClasses;
    if (word.length === 2) {
      if (keyword.startsWord === true && (keyword.tokenAfter ?? 0) > 0) {
        gramEnds[index] = 3;
        return beforeShortWord.flatMap((last) => tokenClasses.map((next) => gram(last, first, second, next)));
      }
      gramEnds[index] = 2;
      return allClasses.flatMap((earlier) => before.map((last) => gram(earlier, last, first, second)));
    }
    if (word.length === 3) {
      gramEnds[index] = 3;
      return before.map((last) => gram(last, first, second, third));
    }
    let at = 0;
    let rarest = commonness(word, 0);
    for (let i = 1; i + 4 <= word.length; i++) {
      const here = commonness(word, i);
      if (here >= rarest) continue;
      at = i;
      rarest = here;
    }
    gramEnds[index] = at + 4;
    return [gram(classes[at] ?? 0, classes[at + 1] ?? 0, classes[at + 2] ?? 0, classes[at + 3] ?? 0)];
  }

  /** The keywords whose four characters end before an offset. */
  const compare = (pass: TextPass, length: number, gram: number, gramEnd: number): void => {
    const { units } = pass;
    let slot = slotOf(gram) & slotMask;
    while (grams[slot] !== gram) slot = (slot + 1) & slotMask;
    const from = (starts[slot] as number) + 1;
    const to = from + (listed[from - 1] as number);
    for (let at = from; at < to; at++) {
      const index = listed[at] as number;
      const size = lengths[index] as number;
      const start = gramEnd - (gramEnds[index] as number);
      const end = start + size;
      const after = tokensAfter[index] as number;
      if (start < 0 || end + after > length) continue;
      if (after > 0 && !isTokenUnit(units[end + after - 1] as number)) continue;
      const codesAt = codeStarts[index] as number;
      let i = 0;
      for (; i < size; i++) {
        const code = units[start + i] as number;
        if (code >= asciiSize || lower[code] !== foldedCodes[codesAt + i]) break;
        const spelling = spelledCodes[codesAt + i] as number;
        if (spelling !== 0 && spelling !== code) break;
      }
      if (i < size) continue;
      if (startsWords[index] === 1 && !startsWord(units, start)) continue;
      if (after > 1 && !tokenFollows(units, end, length, after)) continue;
      pass.addHit(end, index);
    }
  };

  return {
    words: ordered.map(({ word }) => word.toLowerCase()),
    run(text, pass) {
      pass.read(text);
      const { units, digits, specials } = pass;
      const { length } = text;
      let seen = 0;
      let gram = gramMask;
      let digitCount = 0;
      let specialCount = 0;
      let lastDigit = -2;
      for (let i = 0; i < length; i++) {
        const info = unitInfo[units[i] as number] as number;
        seen |= info;
        gram = ((gram << 5) | (info & classMask)) & gramMask;
        if ((info & events) !== 0) {
          if ((info & digitFlag) !== 0) {
            if (i !== lastDigit + 1) digits[digitCount++] = i;
            lastDigit = i;
          } else if ((info & specialEvent) !== 0) {
            specials[specialCount++] = i;
          } else if (i + 1 < length) {
            const next = units[i + 1] as number;
            if (
              units[i] === 0x5c
                ? next === 0x75 || next === 0x78
                : next === 0x33 && i + 2 < length && units[i + 2] === 0x44
            ) {
              seen |= escapedFlag;
            }
          }
        }
        if ((((bitmap[gram >> 5] as number) >> gram) & 1) !== 0) {
          compare(pass, length, gram, i + 1);
          if (pass.hitCount >= hitsMax) return seen | hitsOverflow;
        }
      }
      pass.digitCount = digitCount;
      pass.specialCount = specialCount;
      pass.findRuns(length);
      return seen & ~(classMask | specialEvent | maybeEscapedEvent);
    },
  };
}
