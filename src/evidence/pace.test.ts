import { expect, test } from 'vitest';
import { createPace } from './pace.ts';

const NOW_MS = 1_790_000_000_000;
const ago = (milliseconds: number): bigint => BigInt(NOW_MS - milliseconds) * 1_000_000n;

test('what comes alone is not kept waiting', () => {
  let now = NOW_MS;
  const pace = createPace(() => now);
  expect(pace.limits().lingerMs).toBe(20);
  pace.begin(ago(0));
  now += 60_000;
  expect(pace.limits().lingerMs).toBe(20);
});

test('batches that are not full begin five times a second', () => {
  let now = NOW_MS;
  const pace = createPace(() => now);
  pace.begin(ago(20));
  now += 40;
  expect(pace.limits().lingerMs).toBe(160);
  now += 155;
  expect(pace.limits().lingerMs).toBe(20);
});

test('a clock that was set back or forth makes no batch wait for longer', () => {
  let now = NOW_MS;
  const pace = createPace(() => now);
  pace.begin(ago(0));
  now -= 3_600_000;
  expect(pace.limits().lingerMs).toBe(200);
  expect(pace.begin(ago(0))).toBe(10);
  now += 7_200_000;
  expect(pace.limits().lingerMs).toBe(20);
  expect(pace.begin(ago(0))).toBe(50);
});

test('the later the linker is, the longer its turns, up to a bound', () => {
  const pace = createPace(() => NOW_MS);
  expect([0, 400, 750, 1_000, 2_500, 60_000].map((late) => pace.begin(ago(late)))).toEqual([10, 10, 15, 20, 50, 50]);
});

test('a linker that is behind takes more at once', () => {
  const pace = createPace(() => NOW_MS);
  pace.begin(ago(100));
  const inTime = pace.limits().bytesMax;
  pace.begin(ago(3_000));
  expect(pace.limits().bytesMax).toBe(inTime * 2);
  pace.begin(ago(100));
  expect(pace.limits().bytesMax).toBe(inTime);
});
