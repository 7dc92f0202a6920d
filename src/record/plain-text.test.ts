import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { oneLine } from './plain-text.ts';

// oxlint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

test('text that is one plain line stays as it is, every other text becomes one', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 6 }),
    fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\t',
      '\u00a0',
      '\u2028',
      '\u202e',
      '\u200b',
      '\u3000',
      '\u1680',
      '\ufeff',
      '\u0085',
    ),
    fc.constantFrom('plain words', 'Zoë', '😀'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const text = pieces.join('');
      expect(oneLine(text, 1_000)).toBe(text.replace(HIDDEN, '').replace(/\s+/gu, ' ').trim());
    }),
    { numRuns: 2_000 },
  );
});
