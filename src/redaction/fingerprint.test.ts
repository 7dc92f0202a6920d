import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFingerprints } from './fingerprint.ts';

test('a fingerprint is the head of an HMAC-SHA-256 over tenant and value, whatever the length', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 64 }),
      fc.string(),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.uint8Array(),
        fc.nat(20_000).map((n) => 'é'.repeat(n)),
      ),
      (key, tenant, value) => {
        const expected = createHmac('sha256', key).update(`docket.value\0${tenant}\0`).update(value).digest('hex');
        expect(createFingerprints(Buffer.from(key), 'k1').of(tenant, value)).toBe(`hmac:k1:${expected.slice(0, 24)}`);
      },
    ),
  );
});
