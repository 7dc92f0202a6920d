import { createHmac, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createKeyedHash } from './keyed-hash.ts';

const messages: readonly (string | Uint8Array)[] = [
  '',
  'kubectl get pods',
  'größer als 🙂',
  'lone \ud83d surrogate',
  Buffer.from([0, 255, 254, 128]),
  'x'.repeat(16_384),
  'ä'.repeat(20_000),
  randomBytes(40_000),
];

test.each([0, 1, 32, 63, 64, 65, 200])('is HMAC-SHA-256 under a key of %d bytes', (bytes) => {
  const key = randomBytes(bytes);
  const keyedHash = createKeyedHash(key);
  // Twice, so that what one message leaves in the buffer cannot reach the next.
  for (const message of [...messages, ...messages.toReversed()]) {
    const expected = createHmac('sha256', key).update('docket\0').update(message).digest('hex');
    expect(keyedHash('docket\0', message)).toBe(expected);
  }
});

test('keys do not share what they hash in', () => {
  const [one, other] = [createKeyedHash(Buffer.from('one')), createKeyedHash(Buffer.from('other'))];
  const before = one('', 'message');
  expect(other('', 'message')).not.toBe(before);
  expect(one('', 'message')).toBe(before);
});
