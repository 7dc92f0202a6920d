import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

/** Keeps the event loop busy. */
function work(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('requests have their turn in the order in which they came', async () => {
  const turns = createTurns();
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      turns.take(() => {
        order.push(index);
        return Promise.resolve();
      }),
    ),
  );
  expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
});

test('between long turns the event loop goes on', async () => {
  const turns = createTurns();
  let done = 0;
  const all = Promise.all(
    Array.from({ length: 10 }, () =>
      turns.take(() => {
        work(10);
        done += 1;
        return Promise.resolve();
      }),
    ),
  );
  const seen: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    await setImmediate();
    seen.push(done);
  }
  // Each turn of the event loop found one more done, not all ten.
  expect(new Set(seen).size).toBeGreaterThanOrEqual(4);
  expect(seen.at(-1)).toBeLessThan(10);
  await all;
  expect(done).toBe(10);
});

test('a turn that fails fails alone', async () => {
  const turns = createTurns();
  const failing = turns.take(() => Promise.reject(new Error('broken')));
  const working = turns.take(() => setTimeout(1, 'done'));
  await expect(failing).rejects.toThrow('broken');
  await expect(working).resolves.toBe('done');
});
