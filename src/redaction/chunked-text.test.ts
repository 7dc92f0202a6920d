import { expect, test } from 'vitest';
import { redactChunks, type Chunk } from './chunked-text.ts';

const chunks = (...texts: string[]): Chunk[] => texts.map((text, index) => ({ at: index * 100, text }));
const secret = (joined: string) =>
  [...joined.matchAll(/SECRET/g)].map((match) => ({ start: match.index, end: match.index + 6, text: '[x]' }));

test('a finding over three pieces leaves its replacement in the first', () => {
  const changed = new Map<number, string>();
  redactChunks(chunks('key SE', 'CR', 'ET end', 'after'), '', secret, changed);
  expect([...changed]).toEqual([
    [0, 'key [x]'],
    [100, ''],
    [200, ' end'],
  ]);
});

test('pieces without a finding are left alone', () => {
  const changed = new Map<number, string>();
  redactChunks(chunks('a', 'b'), ' ', secret, changed);
  expect(changed.size).toBe(0);
});

test('two findings in one piece are both replaced', () => {
  const changed = new Map<number, string>();
  redactChunks(chunks('SECRET and SECRET', 'x'), ' ', secret, changed);
  expect(changed.get(0)).toBe('[x] and [x]');
});
