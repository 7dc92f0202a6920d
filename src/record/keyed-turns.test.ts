import { expect, test } from 'vitest';
import { createKeyedTurns } from './keyed-turns.ts';

test('work of one key runs in the order it came, also behind work that failed; another key waits for none of it', async () => {
  const turns = createKeyedTurns();
  const seen: string[] = [];
  let go = (): void => undefined;
  const first = turns.take('a', async () => {
    await new Promise<void>((resolve) => (go = resolve));
    seen.push('a1');
    throw new Error('a1 failed');
  });
  const second = turns.take('a', async () => void seen.push('a2'));
  await turns.take('b', async () => void seen.push('b1'));
  expect(seen).toEqual(['b1']);
  go();
  await expect(first).rejects.toThrow('a1 failed');
  await second;
  expect(seen).toEqual(['b1', 'a1', 'a2']);
});

test('nothing is kept of a key whose work is done', async () => {
  const turns = createKeyedTurns();
  for (let key = 0; key < 100; key += 1) void turns.take(String(key), async () => key);
  expect(turns.size).toBe(100);
  await turns.settled();
  await Promise.resolve();
  expect(turns.size).toBe(0);
});
