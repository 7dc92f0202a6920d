import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

test('any JSON value has the canonical form that RFC 8785 gives it', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      expect(canonicalJson(value)).toBe(canonicalize(value));
      expect(canonicalJson(value, text)).toBe(canonicalize(value));
    }),
  );
});

test('members that look like numbers are sorted as text', () => {
  expect(canonicalJson(JSON.parse('{"10":1,"9":2,"a":-0,"\\u00e9":1e21}'))).toBe('{"10":1,"9":2,"a":0,"é":1e+21}');
});

test('a lone surrogate has no canonical form', () => {
  expect(() => canonicalJson('\ud800')).toThrow(RangeError);
});
