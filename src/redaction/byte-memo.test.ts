import { expect, test } from 'vitest';
import { ByteMemo } from './byte-memo.ts';

function view(text: string): DataView {
  const bytes = Buffer.from(text);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

test('a range is known from its second sighting, or its first where that was asked for', () => {
  const seldom = new ByteMemo<number>('second');
  const atOnce = new ByteMemo<number>('first');
  const range = view('key=value');
  for (const memo of [seldom, atOnce]) memo.set(range, 0, 9, 1);
  expect([seldom.get(range, 0, 9), atOnce.get(range, 0, 9)]).toEqual([undefined, 1]);
  seldom.set(range, 0, 9, 2);
  expect(seldom.get(range, 0, 9)).toBe(2);
});

test('whatever is answered was set for the very same bytes', () => {
  const memo = new ByteMemo<string>('first');
  for (let number = 0; number < 60_000; number += 1) {
    const text = `address=10.244.${number % 250}.${number}`;
    memo.set(view(text), 0, text.length, text);
    const known = `address=10.244.${(number * 7) % 250}.${number * 7}`;
    const answer = memo.get(view(known), 0, known.length);
    if (answer !== undefined) expect(answer).toBe(known);
    expect(memo.get(view(text), 0, text.length)).toBe(text);
  }
});

test('some thousand ranges that come again and again hardly push each other out', () => {
  const memo = new ByteMemo<number>('second');
  const texts = Array.from({ length: 4_000 }, (_, number) => `client.address=10.244.${number % 250}.${number}`);
  let misses = 0;
  for (let round = 0; round < 10; round += 1) {
    misses = 0;
    for (const [number, text] of texts.entries()) {
      const range = view(text);
      if (memo.get(range, 0, text.length) === undefined) {
        misses += 1;
        memo.set(range, 0, text.length, number);
      }
    }
  }
  // With one slot each, and a hash that kept less of them apart, 998 were missed in every round.
  expect(misses).toBeLessThan(200);
});
