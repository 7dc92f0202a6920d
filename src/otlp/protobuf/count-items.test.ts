import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { numberedRequest } from '../../../test/support/fault-requests.ts';
import { SIGNALS } from '../signal.ts';
import { countItems } from './count-items.ts';

test('as many items are counted as a request has, in every signal', () => {
  for (const signal of SIGNALS) {
    for (const count of [0, 1, 137]) {
      const { bytes } = numberedRequest(signal, 0, count);
      expect(countItems(signal, Buffer.concat([bytes, bytes]))).toBe(2 * count);
    }
  }
});

test('what is no request is counted as far as it is one', () => {
  const { bytes } = numberedRequest('logs', 0, 3);
  expect(countItems('logs', Buffer.concat([bytes, Buffer.from([0x0a, 0x7f])]))).toBe(3);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...SIGNALS), (body, signal) => {
      expect(countItems(signal, body)).toBeGreaterThanOrEqual(0);
    }),
  );
});
