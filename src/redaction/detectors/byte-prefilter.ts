/**
 * A cheap negative for bytes that hold nothing a rule could match. It looks up every three folded bytes in one table, holding the
 * rarest three of each keyword, and compares the whole keyword only where those occur.
 */
export interface BytePrefilter {
  /** False only when no keyword, digit group, address, long mixed run or escape stands in these UTF-8 bytes. */
  mayMatch(bytes: Uint8Array, start: number, end: number): boolean;
}

const digit = 1;
const lower = 2;
const upper = 4;
/** Bytes that alone are reason enough to look: @ % & ~ ESC = in quoted-printable, everything beyond ASCII. */
const telling = 8;
const runByte = 16;
const colon = 32;

const runMin = 12;
const shortTextMax = 48;
/** How often triples are met in text, roughly: rare letters make a rare triple. */
const rarity = 'zqxjkvbywgpfmuclhdrnsioate';

function fold(code: number): number {
  const letter = code | 0x20;
  if (letter >= 0x61 && letter <= 0x7a) return letter - 0x60;
  if (code >= 0x30 && code <= 0x39) return 27;
  if (code === 0x5f || code === 0x2d) return 28;
  if (code === 0x20) return 29;
  return code === 0x2e || code === 0x2f || code === 0x3a ? 30 : 31;
}

export function createBytePrefilter(keywords: readonly string[]): BytePrefilter {
  const folded = new Uint8Array(256);
  const kinds = new Uint8Array(256);
  for (let code = 0; code < 256; code++) {
    folded[code] = fold(code);
    let kind = 0;
    if (code >= 0x30 && code <= 0x39) kind = digit | runByte;
    else if (code >= 0x61 && code <= 0x7a) kind = lower | runByte;
    else if (code >= 0x41 && code <= 0x5a) kind = upper | runByte;
    else if (code === 0x5f || code === 0x2d || code === 0x2b || code === 0x2f || code === 0x3d) kind = runByte;
    else if (code === 0x3a) kind = colon;
    else if (
      code === 0x40 ||
      code === 0x25 ||
      code === 0x26 ||
      code === 0x7e ||
      code === 0x1b ||
      code === 0x5c ||
      code >= 0x80
    )
      kind = telling;
    kinds[code] = kind;
  }
  const tripleOf = (word: string, i: number): number =>
    (((folded[word.charCodeAt(i)] ?? 0) << 10) |
      ((folded[word.charCodeAt(i + 1)] ?? 0) << 5) |
      (folded[word.charCodeAt(i + 2)] ?? 0)) &
    0x7fff;
  const score = (word: string, i: number): number => {
    let total = 0;
    for (let j = i; j < i + 3; j++) {
      const index = rarity.indexOf((word[j] ?? '').toLowerCase());
      total += index < 0 ? 12 : index;
    }
    return total;
  };
  const lists: { readonly text: Uint8Array; readonly at: number }[][] = [[]];
  const table = new Uint16Array(32_768);
  for (const keyword of new Set(keywords.map((word) => word.toLowerCase()))) {
    if (keyword.length < 3) continue;
    let best = 0;
    for (let i = 1; i + 3 <= keyword.length; i++) if (score(keyword, i) < score(keyword, best)) best = i;
    const triple = tripleOf(keyword, best);
    if (table[triple] === 0) {
      table[triple] = lists.length;
      lists.push([]);
    }
    lists[table[triple] ?? 0]?.push({ text: new Uint8Array(Buffer.from(keyword, 'latin1')), at: best });
  }

  const verify = (list: number, bytes: Uint8Array, from: number, start: number, end: number): boolean => {
    for (const { text, at } of lists[list] ?? []) {
      const first = from - at;
      if (first < start || first + text.length > end) continue;
      let i = 0;
      for (; i < text.length; i++) {
        const code = bytes[first + i] ?? 0;
        if ((code >= 0x41 && code <= 0x5a ? code + 0x20 : code) !== text[i]) break;
      }
      if (i === text.length) return true;
    }
    return false;
  };

  return {
    mayMatch(bytes, start, end) {
      let triple = 0;
      let digits = 0;
      let run = 0;
      let runKinds = 0;
      const short = end - start <= shortTextMax;
      for (let i = start; i < end; i++) {
        const code = bytes[i] as number;
        const kind = kinds[code] as number;
        if (kind & (telling | colon | digit)) {
          if (kind & telling) return true;
          if (kind & digit) {
            if (++digits >= 4 || (short && digits >= 2)) return true;
          } else {
            // Two colons shortly after each other: groups of an address.
            for (let j = i + 1; j <= i + 5 && j < end; j++) if (bytes[j] === 0x3a) return true;
          }
        }
        if (kind & runByte) {
          run++;
          runKinds |= kind;
          if (
            run >= runMin &&
            ((runKinds & (lower | upper)) === (lower | upper) || (runKinds & digit && runKinds & (lower | upper)))
          )
            return true;
        } else {
          run = 0;
          runKinds = 0;
        }
        triple = ((triple << 5) | (folded[code] as number)) & 0x7fff;
        const list = table[triple] as number;
        if (list !== 0 && verify(list, bytes, i - 2, start, end)) return true;
      }
      return false;
    },
  };
}
