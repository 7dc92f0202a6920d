import { expect, test } from 'vitest';
import { aboutMs, createReturnTimes } from './return-times.ts';

test('those refused one after another get turns one after another, as fast as they can be taken', () => {
  const returns = createReturnTimes({ clock: () => 0, random: () => 0 });
  expect(Array.from({ length: 5 }, () => returns.next(1_500, 500))).toEqual([1_500, 2_000, 2_500, 3_000, 3_500]);
});

test('turns pass with time, and what waits longer comes first', () => {
  let now = 0;
  const returns = createReturnTimes({ clock: () => now, random: () => 0 });
  for (let each = 0; each < 10; each += 1) returns.next(0, 1_000);
  expect(returns.next(0, 1_000)).toBe(10_000);
  now = 60_000;
  expect(returns.next(0, 1_000)).toBe(1_000);
  expect(returns.next(7_000, 1_000)).toBe(7_000);
});

test('a wait is between 1 s and 30 s, whatever is expected, and differs from one to the next', () => {
  const returns = createReturnTimes({ clock: () => 0 });
  const waits = [0, 1, 900, 10_000, 29_000, 1e9, Number.POSITIVE_INFINITY].flatMap((freeInMs) =>
    Array.from({ length: 50 }, () => returns.next(freeInMs, 0)),
  );
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
  expect(new Set(waits.slice(-50)).size).toBeGreaterThan(25);
  expect(Math.max(...waits.slice(-50)) - Math.min(...waits.slice(-50))).toBeGreaterThan(2_000);
});

test('one endless expectation does not bind those after it', () => {
  let now = 0;
  const returns = createReturnTimes({ clock: () => now, random: () => 0 });
  returns.next(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  now = 31_000;
  expect(returns.next(0, 0)).toBeLessThanOrEqual(24_000);
  now = 62_000;
  expect(returns.next(0, 0)).toBe(1_000);
});

test('about a time is between half and one and a half of it', () => {
  expect([aboutMs(4_000, () => 0), aboutMs(4_000, () => 0.5), aboutMs(4_000, () => 1)]).toEqual([2_000, 4_000, 6_000]);
});
