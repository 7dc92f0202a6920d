import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createGrowthPercent } from './heap-growth.ts';

const MiB = 1024 * 1024;

/** Megabytes of heap at most, in a process of its own, of which 100 live while 900 of objects grow old. */
function heapAtMost(first: string): number {
  const program = `
    import { getHeapStatistics } from 'node:v8';
    ${first}
    // V8's first bound is a guess that holds until it has collected the whole heap.
    gc();
    let most = 0;
    const living = [];
    for (let index = 0; index < 900_000; index += 1) {
      living[index % 100_000] = new Array(120).fill(index);
      if (index % 1_000 !== 0) continue;
      most = Math.max(most, getHeapStatistics().total_physical_size);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(most);`;
  const options = ['--expose-gc', '--import', 'tsx', '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, options, { encoding: 'utf8', cwd: import.meta.dirname })) / 1e6;
}

const BOUNDED = "import { boundHeapGrowth } from './heap-growth.ts'; boundHeapGrowth();";

/** Bytes that the heap may have before the whole of it is collected, when so many live on. */
function bound(living: number, percent: number): number {
  return living * (1 + percent / 100);
}

test('a small heap of which little lives on may grow to 128 MiB', () => {
  const growth = createGrowthPercent(20 * MiB);
  growth.after(90 * MiB, false);
  const percent = growth.after(21 * MiB, true);
  expect(bound(21 * MiB, percent) / MiB).toBeCloseTo(133, 0);
  // And still when what is new would live on as little as before.
  expect(bound(21 * MiB, growth.after(80 * MiB, false)) / MiB).toBeGreaterThan(110);
});

test.each([20, 60, 100, 200, 400])('a heap of which %i MiB live on may grow by 112 at most', (living) => {
  const growth = createGrowthPercent(living * MiB);
  for (let used = living; used < living + 112; used += 8) {
    const percent = growth.after(used * MiB, false);
    // What lives on is at most what is there.
    for (const onward of [living, used]) {
      expect(bound(onward * MiB, percent) / MiB).toBeLessThan(Math.max(onward + 112, 128) + onward * 0.01);
    }
  }
});

test('a heap of which 100 MB live does not grow far beyond them', () => {
  expect(heapAtMost(BOUNDED)).toBeLessThan(heapAtMost('') * 0.85);
});
