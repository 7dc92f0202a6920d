import { assert, property, string, uint8Array } from 'fast-check';
import { expect, test } from 'vitest';
import { decodedText } from './decoded-text.ts';

const decode = (bytes: Uint8Array): string => {
  const padded = Buffer.concat([Buffer.from('é'), bytes, Buffer.from('é')]);
  return decodedText(padded, 2, padded.length - 2);
};

test('a text of any length and script is read as it was written', () => {
  assert(
    property(string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      expect(decode(Buffer.from(text))).toBe(text);
    }),
  );
  for (const text of ['', 'a'.repeat(64), 'a'.repeat(65), `${'a'.repeat(100)}é`, `错${'a'.repeat(100)}`]) {
    expect(decode(Buffer.from(text))).toBe(text);
  }
});

test('bytes that are no UTF-8 are replaced the way Node replaces them', () => {
  assert(
    property(uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decode(bytes)).toBe(Buffer.from(bytes).toString('utf8'));
    }),
  );
});
