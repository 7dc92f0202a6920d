import { expect, test } from 'vitest';
import { createAttributeKeys } from './attribute-keys.ts';

const DAY = 86_400_000_000_000n;

function keysAt(clock: { now: bigint }, keysMax: number) {
  return createAttributeKeys({ keysMax, reservedPrefixes: ['gen_ai.', 'service.name'], clock: () => clock.now });
}

function admits(keys: ReturnType<typeof keysAt>, key: string, tenant = 'shop'): boolean {
  // Somewhere within a larger buffer, as keys lie in requests.
  const bytes = Buffer.from(`\n${key}x`);
  return keys.of(tenant).admit(bytes, 1, bytes.length - 1);
}

test('keys are known up to the bound, and those that came before it stay so', () => {
  const keys = keysAt({ now: 0n }, 100);
  const admitted = Array.from({ length: 300 }, (_, index) => admits(keys, `key.${index}`));
  expect(admitted.filter(Boolean)).toHaveLength(100);
  expect(admitted.slice(0, 100).every(Boolean)).toBe(true);
  expect(admits(keys, 'key.7')).toBe(true);
  expect(admits(keys, 'key.299')).toBe(false);
  expect(admits(keys, '')).toBe(false);
});

test('a tenant that uses its keys up takes none from others', () => {
  const keys = keysAt({ now: 0n }, 100);
  for (let index = 0; index < 300; index += 1) admits(keys, `key.${index}`);
  expect(admits(keys, 'another', 'bank')).toBe(true);
});

test('keys of agents cannot be crowded out, and are bounded themselves', () => {
  const keys = keysAt({ now: 0n }, 100);
  for (let index = 0; index < 300; index += 1) admits(keys, `key.${index}`);
  expect(admits(keys, 'gen_ai.tool.call.arguments')).toBe(true);
  expect(admits(keys, 'service.name')).toBe(true);
  expect(admits(keys, 'gen_a')).toBe(false);
  const admitted = Array.from({ length: 300 }, (_, index) => admits(keys, `gen_ai.${index}`));
  expect(admitted.filter(Boolean)).toHaveLength(98);
});

test('a new day begins with none', () => {
  const clock = { now: 10n * DAY };
  const keys = keysAt(clock, 2);
  expect(['a', 'b', 'c'].map((key) => admits(keys, key))).toEqual([true, true, false]);
  clock.now += DAY;
  expect(['c', 'd', 'a'].map((key) => admits(keys, key))).toEqual([true, true, false]);
});
