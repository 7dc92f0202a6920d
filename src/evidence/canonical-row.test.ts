import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../record/canonical-json.ts';
import { canonicalRow } from './canonical-row.ts';

const NOTHING: ReadonlySet<string> = new Set();

test('plain data has the same text as its RFC 8785 canonical JSON', () => {
  const data = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
  fc.assert(
    fc.property(data, (value) => {
      expect(canonicalRow(value, NOTHING)).toBe(canonicalJson(value));
    }),
  );
});

test('keys that look like numbers or prototypes keep their place', () => {
  const value = JSON.parse('{"b":1,"10":2,"9":3,"__proto__":{"z":1,"a":[]},"é":{},"":null}') as object;
  expect(canonicalRow(value, NOTHING)).toBe(canonicalJson(value));
});

test('a key without a value is left out, and an array keeps its place for it', () => {
  const value = { a: undefined, b: [undefined, 1], c: { d: undefined } };
  expect(canonicalRow(value, NOTHING)).toBe('{"b":[null,1],"c":{}}');
  expect(canonicalJson(value)).toBe('{"b":[null,1],"c":{}}');
});

test('named keys are left out at the top only, and nanoseconds are text', () => {
  const value = { link: 1, at: 1_790_000_000_000_000_001n, inner: { link: 2 } };
  expect(canonicalRow(value, new Set(['link']))).toBe('{"at":"1790000000000000001","inner":{"link":2}}');
});

test.each([['\uD800'], [{ 'a\uDC00': 1 }], [Number.NaN], [[Number.POSITIVE_INFINITY]], [() => 1]])(
  'what has no canonical form is refused',
  (value) => {
    expect(() => canonicalRow({ value }, NOTHING)).toThrow(TypeError);
  },
);
