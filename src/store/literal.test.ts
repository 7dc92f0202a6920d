import { array, assert, asyncProperty, constantFrom, string } from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { bindParameters } from './literal.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

test('a missing, unused or wrongly typed value is refused', () => {
  expect(() => bindParameters('SELECT {a:String}', {})).toThrow('a has no value');
  expect(() => bindParameters('SELECT 1', { a: 'x' })).toThrow('a is not used');
  expect(() => bindParameters('SELECT {a:UInt64}', { a: '1; DROP TABLE x' })).toThrow('not of type UInt64');
  expect(() => bindParameters('SELECT {a:UInt64}', { a: 1.5 })).toThrow('not of type UInt64');
  expect(() => bindParameters('SELECT {a:Float64}', { a: Number.NaN })).toThrow('not of type Float64');
  expect(() => bindParameters('SELECT {a:String}', { a: ['x'] })).toThrow('not of type String');
  expect(() => bindParameters('SELECT {a:Nothing}', { a: 'x' })).toThrow('not of type Nothing');
});

test('a value that looks like a placeholder is not bound again', () => {
  expect(bindParameters('SELECT {a:String}, {b:String}', { a: '{b:String}', b: '$&' })).toBe(
    "SELECT '{b:String}', '$&'",
  );
});

test('any text comes back from the engine as it was', async () => {
  await assert(
    asyncProperty(
      string({ unit: 'grapheme' }),
      array(string({ unit: constantFrom("'", '\\', '\0', '\n', '-', '{a:String}', '/*', '`', 'x') })),
      async (text, list) => {
        const rows = await temporary.store.query('SELECT {text:String} AS text, {list:Array(String)} AS list', {
          text,
          list,
        });
        expect(rows).toEqual([{ text, list: [...list] }]);
      },
    ),
    { numRuns: 50 },
  );
});

test('integers keep every digit', async () => {
  expect(
    await temporary.store.query('SELECT toString({a:UInt64}) AS a, toString({b:Int64}) AS b, {c:Float64} AS c', {
      a: 18446744073709551615n,
      b: -9223372036854775808n,
      c: 0.1,
    }),
  ).toEqual([{ a: '18446744073709551615', b: '-9223372036854775808', c: 0.1 }]);
});
