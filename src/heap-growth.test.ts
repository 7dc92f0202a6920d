import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

interface Course {
  /** Collections of the whole heap. */
  readonly whole: number;
  /** Megabytes of heap at most. */
  readonly most: number;
}

/** What became, in a process of its own, of a heap of which `living` megabytes live while 900 of objects grow old. */
function course(living: number, first: string): Course {
  const program = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    import { getHeapStatistics } from 'node:v8';
    ${first}
    // V8's first bound is a guess that holds until it has collected the whole heap.
    gc();
    let whole = 0;
    let most = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1;
    }).observe({ entryTypes: ['gc'] });
    const living = [];
    for (let index = 0; index < 900_000; index += 1) {
      living[index % ${living * 1000}] = new Array(120).fill(index);
      if (index % 1_000 !== 0) continue;
      most = Math.max(most, getHeapStatistics().total_physical_size);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(JSON.stringify({ whole, most: most / 1e6 }));`;
  const options = ['--expose-gc', '--import', 'tsx', '--input-type=module', '--eval', program];
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8', cwd: import.meta.dirname })) as Course;
}

const BOUNDED = "import { boundHeapGrowth } from './heap-growth.ts'; boundHeapGrowth();";

test('a small heap may grow before the whole of it is collected', () => {
  const without = course(10, '');
  expect(without.whole).toBeGreaterThan(5);
  expect(course(10, BOUNDED).whole).toBeLessThan(without.whole * 0.7);
});

test('a heap of which 100 MB live does not grow far beyond them', () => {
  const without = course(100, '');
  expect(course(100, BOUNDED).most).toBeLessThan(without.most * 0.85);
});
