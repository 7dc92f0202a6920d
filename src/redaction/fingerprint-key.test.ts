import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadFingerprintKey } from './fingerprint-key.ts';

test('the key is made once, for its owner only, by whoever comes first', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'docket-key-'));
  const [first, second] = await Promise.all([loadFingerprintKey(directory), loadFingerprintKey(directory)]);
  expect(first.key.equals(second.key)).toBe(true);
  expect(first.keyId).toMatch(/^k[0-9a-f]{6}$/);
  expect((await stat(join(directory, 'fingerprint.key'))).mode & 0o777).toBe(0o600);
  await rm(directory, { recursive: true });
});

test('a file that is no key is refused', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'docket-key-'));
  await writeFile(join(directory, 'fingerprint.key'), 'short');
  await expect(loadFingerprintKey(directory)).rejects.toThrow('holds 5 bytes');
  await rm(directory, { recursive: true });
});
