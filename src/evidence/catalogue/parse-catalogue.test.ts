import { expect, test } from 'vitest';
import { parseCatalogue } from './parse-catalogue.ts';

/** A service under a key of a map, below `depth` collections in all. */
const below = (depth: number, open: string, close = ''): string =>
  `services: {cart: {owner: shop}}\nnotes: ${open.repeat(depth - 1)}x${close.repeat(depth - 1)}\n`;

test.each([
  ['lists in brackets', '[', ']'],
  ['maps in braces', '{a: ', '}'],
])('a document of %s is read up to 64 within one another, and no further', (_, open, close) => {
  expect([...parseCatalogue('services.yaml', below(60, open, close)).entries.keys()]).toEqual(['cart']);
  expect(parseCatalogue('services.yaml', below(70, open, close))).toEqual({ entries: new Map(), unreadable: 1 });
});

// Composing these ended the process: V8 does not throw when its stack ends within a regular expression.
test.each([
  ['lists', '- '],
  ['keys', '? '],
  ['brackets', '['],
  ['braces', '{a: '],
])('a document of fifty thousand %s within one another is no YAML', (_, open) => {
  expect(parseCatalogue('services.yaml', open.repeat(50_000))).toEqual({ entries: new Map(), unreadable: 1 });
});

test('names that are cut within a surrogate pair, or hold half of one, are text all the same', () => {
  const { entries } = parseCatalogue('services.yaml', `services: {cart: {owner: "${'x'.repeat(199)}😀"}}`);
  expect(entries.get('cart')?.owners).toEqual([`${'x'.repeat(199)}�`]);
});
