/**
 * All keywords at once, ASCII case folded, in one pass over the UTF-16 units of a text. Every four folded characters are a number of
 * 20 bits; a bitmap tells which of these numbers hold the rarest four characters of some keyword, and the whole keyword is compared
 * only where one of them occurs. The part of the bitmap that text touches fits the processor's first cache, which a transition table
 * over as many keywords does not. The pass notes on the way what the other detectors begin at: digits, `@`, escapes, long runs.
 */

/** A keyword and what must hold where it stands, so that most occurrences end before a rule is looked at. */
export interface Keyword {
  /** ASCII, two characters or more; matched without regard to case. */
  readonly word: string;
  /** The only spelling that can lead to anything; undefined: any case. */
  readonly spelling?: string | undefined;
  /** The keyword has to begin a word; see `startsWord`. */
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

/** What one reading of a text notes; used again for the next text, which overwrites it. */
export class TextPass {
  /** The text's UTF-16 units; what lies behind its end is of no meaning. */
  units = new Uint16Array(0);
  /** Offsets at which a run of digits begins; the first `digitCount` entries. */
  digits = new Int32Array(0);
  digitCount = 0;
  /** Offsets of `@`, of what begins an escape, and of characters beyond ASCII; the first `specialCount` entries. */
  specials = new Int32Array(0);
  specialCount = 0;
  /** Where keywords end (exclusive), in order, of the same end the longer keyword first; the first `hitCount` entries. */
  hitEnds = new Int32Array(0);
  /** The keywords' indexes, entry by entry beside `hitEnds`. */
  hitWords = new Uint16Array(0);
  hitCount = 0;
  /** Pairs of offsets: runs of `[A-Za-z0-9+/_-]`, 16 characters or longer. */
  readonly runs: number[] = [];

  /** Takes the text's units over and forgets what was noted of the text before it. */
  read(text: string): void {
    const { length } = text;
    if (length > this.units.length) {
      const room = Math.max(roomMin, 2 ** Math.ceil(Math.log2(length)));
      this.#bytes = Buffer.alloc(room * 2);
      this.units = new Uint16Array(this.#bytes.buffer, this.#bytes.byteOffset, room);
      this.digits = new Int32Array(room);
      this.specials = new Int32Array(room);
    }
    const { units } = this;
    // Copying by a call costs more than a few characters do.
    if (length < copiedMin) for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
    else this.#bytes.write(text, 0, length * 2, 'utf16le');
    this.digitCount = 0;
    this.specialCount = 0;
    this.hitCount = 0;
    this.runs.length = 0;
  }

  /** Notes a keyword. Those of one stretch come in the order of their rarest characters, so that few change places here. */
  addHit(end: number, word: number): void {
    let at = this.hitCount++;
    if (at >= this.hitEnds.length) {
      const room = Math.max(roomMin, at * 2);
      const ends = new Int32Array(room);
      const words = new Uint16Array(room);
      ends.set(this.hitEnds);
      words.set(this.hitWords);
      this.hitEnds = ends;
      this.hitWords = words;
    }
    const { hitEnds, hitWords } = this;
    for (; at > 0; at--) {
      const before = hitEnds[at - 1] as number;
      if (before < end || (before === end && (hitWords[at - 1] as number) <= word)) break;
      hitEnds[at] = before;
      hitWords[at] = hitWords[at - 1] as number;
    }
    hitEnds[at] = end;
    hitWords[at] = word;
  }

  #bytes = Buffer.alloc(0);
}

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

const classMask = 0x1f;
/** Where the pass has to note something. */
const specialEvent = 0x40;
const maybeEscapedEvent = 0x80;
const events = digitFlag | specialEvent | maybeEscapedEvent;

const roomMin = 4096;
const copiedMin = 24;
const runMin = 16;
const asciiSize = 128;
const gramMask = 0xfffff;
const units16 = 65_536;

/** Every class but these two is a letter's: 1 to 26 for `a` to `z`, digits 27. */
const spaceClass = 29;
const otherClass = 31;

function foldClass(code: number): number {
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

const lower = new Uint8Array(asciiSize);
const tokenUnit = new Uint8Array(asciiSize);
const runUnit = new Uint8Array(asciiSize);
/** The class of a unit and its flags. */
const unitInfo = new Uint16Array(units16).fill(otherClass | specialEvent | beyondAscii);
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
    if (code >= asciiSize || tokenUnit[code] === 0) return false;
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

/** How often letters are met in text: the rank of the rarest is lowest. */
const letterRank = 'zqxjkvbywgpfmuclhdrnsioate';
/** Pairs that English, JSON and telemetry are full of. */
const commonPairs = new Set(
  'th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ec ct et em id po ss us pe ta tr su op ts ac ad il la nc pr wa so ai ho ut wi ag qu un rt ge lo ns no di ot ee ow im ke ey am na mo ck fo rs sh ex ap pp ca pa'.split(
    ' ',
  ),
);

/** How often four characters are met, roughly; the lower the rarer. */
function commonness(word: string, at: number): number {
  let total = 0;
  for (let i = at; i < at + 4; i++) {
    const rank = letterRank.indexOf(word[i] ?? '');
    total += rank < 0 ? 10 : rank;
    if (i > at && commonPairs.has(word.slice(i - 1, i + 1))) total += 12;
  }
  return total;
}

const allClasses = Array.from({ length: 32 }, (_, each) => each);
/** Classes of what may stand before the start of a word: no letter or digit, or the last character of `\n` or `%41`. */
const beforeWord = [
  0,
  28,
  spaceClass,
  30,
  otherClass,
  27,
  ...Array.from('abcdefnrt', (char) => foldClass(char.charCodeAt(0))),
];
const tokenClasses = allClasses.filter((each) => each !== spaceClass);

/** `hitsMax` bounds the time and memory one text can take. */
export function createKeywordSearch(keywords: readonly Keyword[], hitsMax = 65_536): KeywordSearch {
  const ordered = [...keywords].sort((a, b) => b.word.length - a.word.length);
  const bitmap = new Uint8Array((gramMask + 1) >> 3);
  /** Keywords by the four characters they are looked up by. */
  const lists = new Map<number, number[]>();
  const gramEnds = new Uint8Array(ordered.length);
  const codes = ordered.map(({ word }, index) => {
    if (word.length < 2) throw new RangeError(`the keyword "${word}" is too short: at least two characters`);
    const folded = Uint16Array.from(word.toLowerCase(), (char) => char.charCodeAt(0));
    if (folded.some((code) => code >= asciiSize)) throw new RangeError('a keyword must be ASCII text');
    for (const gram of gramsOf(ordered[index] as Keyword, index)) {
      bitmap[gram >> 3] = (bitmap[gram >> 3] as number) | (1 << (gram & 7));
      const list = lists.get(gram);
      if (list === undefined) lists.set(gram, [index]);
      else if (!list.includes(index)) list.push(index);
    }
    return folded;
  });
  const spellings = ordered.map(({ spelling }) =>
    spelling === undefined ? undefined : Uint16Array.from(spelling, (char) => char.charCodeAt(0)),
  );
  const startsWords = ordered.map((each) => each.startsWord === true);
  const tokensAfter = ordered.map((each) => each.tokenAfter ?? 0);

  /** The numbers a keyword is looked up by; short keywords leave a place or two open. Notes where the keyword's part ends. */
  function gramsOf(keyword: Keyword, index: number): number[] {
    const word = keyword.word.toLowerCase();
    const classes = Array.from(word, (char) => foldClass(char.charCodeAt(0)));
    const gram = (a: number, b: number, c: number, d: number): number => (a << 15) | (b << 10) | (c << 5) | d;
    const [first = 0, second = 0, third = 0] = classes;
    const before = keyword.startsWord === true ? beforeWord : allClasses;
    if (word.length === 2) {
      if ((keyword.tokenAfter ?? 0) >= 2) {
        gramEnds[index] = 4;
        return tokenClasses.flatMap((next) => tokenClasses.map((last) => gram(first, second, next, last)));
      }
      gramEnds[index] = 2;
      return allClasses.flatMap((earlier) => before.map((last) => gram(earlier, last, first, second)));
    }
    if (word.length === 3) {
      gramEnds[index] = 3;
      return before.map((last) => gram(last, first, second, third));
    }
    let at = 0;
    for (let i = 1; i + 4 <= word.length; i++) if (commonness(word, i) < commonness(word, at)) at = i;
    gramEnds[index] = at + 4;
    return [gram(classes[at] ?? 0, classes[at + 1] ?? 0, classes[at + 2] ?? 0, classes[at + 3] ?? 0)];
  }

  /** The keywords whose four characters end before an offset. */
  const compare = (pass: TextPass, length: number, gram: number, gramEnd: number): void => {
    const { units } = pass;
    for (const index of lists.get(gram) ?? []) {
      const word = codes[index] as Uint16Array;
      const start = gramEnd - (gramEnds[index] as number);
      const end = start + word.length;
      if (start < 0 || end > length) continue;
      let i = word.length - 1;
      for (; i >= 0; i--) {
        const code = units[start + i] as number;
        if (code >= asciiSize || lower[code] !== word[i]) break;
      }
      if (i >= 0) continue;
      const spelling = spellings[index];
      if (spelling !== undefined) {
        i = spelling.length - 1;
        while (i >= 0 && units[start + i] === spelling[i]) i--;
        if (i >= 0) continue;
      }
      if (startsWords[index] === true && !startsWord(units, start)) continue;
      const after = tokensAfter[index] as number;
      if (after > 0 && !tokenFollows(units, end, length, after)) continue;
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
        if ((((bitmap[gram >> 3] as number) >> (gram & 7)) & 1) !== 0) {
          compare(pass, length, gram, i + 1);
          if (pass.hitCount >= hitsMax) return seen | hitsOverflow;
        }
      }
      pass.digitCount = digitCount;
      pass.specialCount = specialCount;
      findRuns(units, length, pass.runs);
      return seen & ~(classMask | specialEvent | maybeEscapedEvent);
    },
  };
}

/** Runs of 16 characters and more cover one of every 16 offsets, so only those are looked at. */
function findRuns(units: Uint16Array, length: number, runs: number[]): void {
  for (let probe = runMin - 1, done = 0; probe < length; probe += runMin) {
    if (!isRunUnit(units[probe] as number)) continue;
    let start = probe;
    while (start > done && isRunUnit(units[start - 1] as number)) start--;
    let end = probe + 1;
    while (end < length && isRunUnit(units[end] as number)) end++;
    if (end - start >= runMin) runs.push(start, end);
    done = end;
    probe = end;
  }
}

function isRunUnit(code: number): boolean {
  return code < asciiSize && runUnit[code] === 1;
}
