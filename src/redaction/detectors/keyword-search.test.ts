import { array, assert, constantFrom, nat, oneof, property } from 'fast-check';
import { expect, test } from 'vitest';
import { createKeywordSearch, type Keyword } from './keyword-search.ts';
import { TextPass } from './text-pass.ts';
import { digitFlag, escapedFlag } from './text-unit.ts';

const pass = new TextPass();

/** What the search must find, by comparing every keyword at every offset. */
function everyHit(text: string, words: readonly string[]): string[] {
  const hits: { readonly end: number; readonly word: string }[] = [];
  for (const word of words) {
    for (let at = 0; at + word.length <= text.length; at += 1) {
      if (text.slice(at, at + word.length).toLowerCase() === word) hits.push({ end: at + word.length, word });
    }
  }
  return hits.sort((a, b) => a.end - b.end || b.word.length - a.word.length).map(({ end, word }) => `${end} ${word}`);
}

function found(text: string, keywords: readonly Keyword[]): string[] {
  const search = createKeywordSearch(keywords);
  search.run(text, pass);
  return Array.from(
    { length: pass.hitCount },
    (_, hit) => `${pass.hitEnds[hit]} ${search.words[pass.hitWords[hit] ?? 0]}`,
  );
}

test('every keyword is found wherever it stands, whatever its case', () => {
  const words = ['ab', 'a-', 'abc', 'bca', 'abca', 'cabab', 'a1b2', '-----begin', 'x-api-key'];
  const character = constantFrom(...'aAbBcC12-. é\u212a'.split(''));
  const piece = oneof(character, constantFrom('-----BEGIN', 'X-Api-Key', 'cabab', 'aB'));
  assert(
    property(array(piece, { maxLength: 80 }), (pieces) => {
      const text = pieces.join('');
      expect(
        found(
          text,
          words.map((word) => ({ word })),
        ),
      ).toEqual(everyHit(text, words));
    }),
  );
});

test('a keyword with a spelling, a word start and a token behind it is found only with all three', () => {
  const keywords = [{ word: 'sk', spelling: 'SK', startsWord: true, tokenAfter: 4 }];
  expect(found('SK12ab', keywords)).toEqual(['2 sk']);
  expect(found('key=SK12ab', keywords)).toEqual(['6 sk']);
  expect(found('line\\nSK12ab', keywords)).toEqual(['8 sk']);
  expect(found('sk12ab', keywords)).toEqual([]);
  expect(found('xSK12ab', keywords)).toEqual([]);
  expect(found('SK12a', keywords)).toEqual([]);
  expect(found('SK12 ab', keywords)).toEqual([]);
});

test('a keyword of three characters begins a word behind an escape that is written out', () => {
  const keywords = [{ word: 'hf_', startsWord: true }];
  expect(found('line\\nhf_1 %41hf_1 %3dhf_1', keywords)).toEqual(['9 hf_', '17 hf_', '25 hf_']);
  expect(found('xhf_1 0hf_', keywords)).toEqual([]);
});

test('what a longer text left behind is not read with a shorter one', () => {
  const keywords = [{ word: 'secret' }, { word: 'et' }];
  found('x'.repeat(40) + ' secret', keywords);
  expect(found('secr', keywords)).toEqual([]);
  expect(found('se', keywords)).toEqual([]);
});

test('runs are those of 16 characters and more', () => {
  const search = createKeywordSearch([{ word: 'never-met' }]);
  assert(
    property(array(nat(40), { maxLength: 20 }), (lengths) => {
      const text = lengths.map((length) => 'aB3+'.repeat(10).slice(0, length)).join(' ');
      search.run(text, pass);
      const wanted = [...text.matchAll(/[A-Za-z0-9+/_-]{16,}/g)].flatMap((match) => [
        match.index,
        match.index + match[0].length,
      ]);
      expect([...pass.runs.subarray(0, pass.runCount)]).toEqual(wanted);
    }),
  );
});

test('digits, special characters and escapes are noted', () => {
  const search = createKeywordSearch([{ word: 'never-met' }]);
  const seen = search.run('a 12 b3@c é=3D', pass);
  expect([...pass.digits.subarray(0, pass.digitCount)]).toEqual([2, 6, 12]);
  expect([...pass.specials.subarray(0, pass.specialCount)]).toEqual([7, 10]);
  expect(seen & digitFlag).not.toBe(0);
  expect(seen & escapedFlag).not.toBe(0);
  expect(search.run('C:\\new = 3', pass) & escapedFlag).toBe(0);
  expect(search.run('a\\', pass) & escapedFlag).toBe(0);
});
