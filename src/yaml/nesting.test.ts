import { expect, test } from 'vitest';
import { nestingBeyond } from './nesting.ts';

test.each([
  ['sequences on a line', '- ', ''],
  ['lists in brackets', '[', ']'],
  ['maps in braces', '{a: ', '}'],
  ['keys that are collections', '? ', ''],
])('%s may nest as deeply as is allowed, and are found where they go on', (_form, open, close) => {
  const nested = (depth: number): string => `a: 1\nb:\n  ${open.repeat(depth - 1)}x${close.repeat(depth - 1)}\n`;
  expect(nestingBeyond(nested(64), 64)).toBeUndefined();
  for (const depth of [67, 10_000, 300_000]) {
    const offset = nestingBeyond(nested(depth), 64) ?? -1;
    expect(nested(depth).slice(0, offset).split('\n')).toHaveLength(3);
  }
});

test('a file nested by its lines tells the line', () => {
  const text = Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
  const lines = text.slice(0, nestingBeyond(text, 64)).split('\n').length;
  expect(lines).toBeGreaterThan(60);
  expect(lines).toBeLessThan(70);
});
