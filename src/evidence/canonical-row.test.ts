import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../record/canonical-json.ts';
import { canonicalRow } from './canonical-row.ts';

const NOTHING: ReadonlySet<string> = new Set();

function canonicalText(row: object, without: ReadonlySet<string>): string {
  const { bytes, length } = canonicalRow(row, without);
  return bytes.toString('utf8', 0, length);
}

test('plain data has the same text as its RFC 8785 canonical JSON', () => {
  const data = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
  fc.assert(
    fc.property(data, (value) => {
      expect(canonicalText(value, NOTHING)).toBe(canonicalJson(value));
    }),
  );
});

test('keys that look like numbers or prototypes keep their place', () => {
  const value = JSON.parse('{"b":1,"10":2,"9":3,"__proto__":{"z":1,"a":[]},"é":{},"":null}') as object;
  expect(canonicalText(value, NOTHING)).toBe(canonicalJson(value));
});

test('a key without a value is left out, and an array keeps its place for it', () => {
  const value = { a: undefined, b: [undefined, 1], c: { d: undefined } };
  expect(canonicalText(value, NOTHING)).toBe('{"b":[null,1],"c":{}}');
  expect(canonicalJson(value)).toBe('{"b":[null,1],"c":{}}');
});

test('named keys are left out at the top only, and nanoseconds are text', () => {
  const value = { link: 1, at: 1_790_000_000_000_000_001n, inner: { link: 2 } };
  expect(canonicalText(value, new Set(['link']))).toBe('{"at":"1790000000000000001","inner":{"link":2}}');
});

test.each([['\uD800'], [{ 'a\uDC00': 1 }], [Number.NaN], [[Number.POSITIVE_INFINITY]], [() => 1]])(
  'what has no canonical form is refused',
  (value) => {
    expect(() => canonicalText({ value }, NOTHING)).toThrow(TypeError);
  },
);

test('long texts are escaped as the engine does it', () => {
  const texts = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', '\u007f', 'é', '错', '😀'),
    minLength: 65,
    maxLength: 5_000,
  });
  fc.assert(
    fc.property(texts, (value) => {
      expect(canonicalText({ value }, NOTHING)).toBe(JSON.stringify({ value }));
    }),
  );
});

test('a text of escapes that outgrows the memory kept for rows, and the row after it', () => {
  for (const value of ['\u0001'.repeat(400_000), 'short', 'x'.repeat(3_000_000), 'short']) {
    expect(canonicalText({ value }, NOTHING)).toBe(JSON.stringify({ value }));
  }
});

test('content lies where it is said, as the engine writes it', () => {
  const content = { input: { bytes: 3, captured: true, digest: null, value: 'a"ß' } };
  const { bytes, contentStart, contentEnd } = canonicalRow({ zone: 'z', content, actor: 'a' }, NOTHING);
  expect(bytes.toString('utf8', contentStart, contentEnd)).toBe(JSON.stringify(content));
});

test('content whose keys stand in another order is not said to lie anywhere', () => {
  const content = { query: { captured: false, bytes: null }, documents: null };
  expect(canonicalRow({ content }, NOTHING)).toMatchObject({ contentStart: 0, contentEnd: 0 });
});
