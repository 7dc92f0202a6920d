import { expect, test } from 'vitest';
import { createRefusalDelay } from './refusal-delay.ts';

const within = (value: number, least: number, most: number): void => {
  expect(value).toBeGreaterThanOrEqual(least);
  expect(value).toBeLessThanOrEqual(most);
};

test('a full spool asks to come back when room comes as it came the last time, each refused frame in its turn', () => {
  let now = 3_600_000;
  const delay = createRefusalDelay(() => now);
  // Nothing is known yet.
  within(delay.of('full', 250, 0), 1_000, 1_250);
  now += 8_000;
  delay.released(1_000);
  now += 2_000;
  within(delay.of('full', 250, 0), 6_000, 7_500);
  // A quarter of what the next room holds went to the first.
  within(delay.of('full', 250, 0), 8_000, 10_000);
});

test('when room is overdue it is asked for as long again, up to half a minute', () => {
  let now = 0;
  const delay = createRefusalDelay(() => now);
  delay.of('full', 10, 0);
  now = 2_000;
  delay.released(1_000);
  now = 12_000;
  within(delay.of('full', 10, 0), 10_000, 12_500);
  now = 600_000;
  within(delay.of('full', 10, 0), 24_000, 30_000);
});

test('a disk that writes slowly is given the time it needs for what waits, one that does not as long as it has not', () => {
  let now = 0;
  const delay = createRefusalDelay(() => now);
  now = 1_000;
  delay.durable(1_000);
  within(delay.of('busy', 500, 10_000), 10_000, 12_500);
  // An hour without a frame says nothing about the disk.
  now = 3_600_000;
  within(delay.of('disk', 1, 0), 1_000, 1_250);
  now += 8_000;
  within(delay.of('disk', 1, 0), 8_000, 10_000);
  delay.durable(1);
  now += 8_000;
  within(delay.of('disk', 1, 0), 1_000, 1_250);
  within(delay.of('closed', 1, 0), 1_000, 3_000);
});
