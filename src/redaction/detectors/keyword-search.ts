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
const lengthMax = 96;
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

/** How often letters are met in text: the rank of the rarest is lowest. */
const letterRank = 'zqxjkvbywgpfmuclhdrnsioate';
/** What English, JSON and telemetry are full of: four characters from here tell keywords apart badly. */
const ordinaryText =
  ' the and for with that this from have not are was were been has had will would can could should because when which there their they what about into over after before first then than other some time only also most more such through between under while where each number of open connection connections error errors rate rates failed failure failures request requests response responses service services status running ready restarts node nodes cluster clusters namespace pod pods name names version versions message messages content type types role user users assistant system text part parts tool tools call calls function functions command commands arguments result results output input default value values true false null time timestamp duration latency timeout timeouts seconds minutes hours date level info warn warning debug trace traces span spans metric metrics log logs event events count total size limit offset page host hostname port address network http https server servers client clients database databases query queries table tables index indexes production product products checkout payment payments order orders cart customer customers account accounts deployment deployments deploy deployed rollback release config configuration memory storage disk cpu usage container containers image images application applications operation operations execute executed position positions section sections action actions question questions identify incident incidents impact impacted root cause caused engineering engineers engineer team work worked working worker workers replica replicas replication load balancer traffic recover recovered recovery service-level performance perform internal external specific significant based update updated updates create created delete deleted change changed changes environment current previous please check checks found issue issues problem problems state start started starting stop stopped end ended line lines file files path paths code data "key": "value": "name": "type": "id": 00Z" ":" "," 2026- 00:00 000, 10.2 .0.0 /v1/ /api/ s://w s://a .com .svc .local ';

const commonnessOf = new Map<string, number>();

/** How often the four characters at an offset are met, roughly; the lower the rarer. */
function commonness(word: string, at: number): number {
  const gram = word.slice(at, at + 4);
  let total = commonnessOf.get(gram);
  if (total !== undefined) return total;
  total = 0;
  for (const char of gram) {
    const rank = letterRank.indexOf(char);
    total += rank >= 0 ? rank : char >= '0' && char <= '9' ? digitRank : signRank;
  }
  for (let found = ordinaryText.indexOf(gram); found >= 0; found = ordinaryText.indexOf(gram, found + 1)) total += 40;
  commonnessOf.set(gram, total);
  return total;
}

/** Digits fall together with all others, punctuation with some. */
const digitRank = 26;
const signRank = 18;

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

function isTokenUnit(code: number): boolean {
  return code < asciiSize && tokenUnit[code] === 1;
}

function isRunUnit(code: number): boolean {
  return code < asciiSize && runUnit[code] === 1;
}
