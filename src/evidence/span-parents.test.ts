import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { frameOf, tracesOf } from '../../test/support/linker-harness.ts';
import { traceKey, tenantKey } from './act-key.ts';
import { spanParents } from './span-parents.ts';
import { hexKey, textKey } from './window-key.ts';

test('bytes have the key of their hex', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), fc.string(), (bytes, scopeText) => {
      const scope = textKey(0, scopeText);
      expect(hexKey(scope, bytes, 0, bytes.length)).toBe(textKey(scope, Buffer.from(bytes).toString('hex')));
    }),
  );
});

test('gives spans of the wanted traces with their parents, by the keys the window has them under', () => {
  const { bytes } = frameOf(
    'traces',
    tracesOf(
      { trace: 1, span: 1 },
      { trace: 1, span: 2, parent: 1 },
      { trace: 2, span: 3, parent: 9 },
      { trace: 1, span: 4, parent: 2 },
    ),
  );
  const trace = traceKey('acme', '1'.padStart(32, '0'));
  const span = (number: number): number => textKey(trace, String(number).padStart(16, '0'));
  expect(spanParents(bytes, tenantKey('acme'), new Set([trace]))).toEqual([span(2), span(1), span(4), span(2)]);
  expect(spanParents(bytes, tenantKey('other'), new Set([trace]))).toEqual([]);
});
