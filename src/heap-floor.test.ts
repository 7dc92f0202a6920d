import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** Collections of the whole heap, in a process of its own, while 900 MB of objects live long enough to grow old, 10 MB at once. */
function wholeCollections(first: string): number {
  const program = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    ${first}
    // V8's first bound is a guess that holds until it has collected the whole heap.
    gc();
    let whole = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1;
    }).observe({ entryTypes: ['gc'] });
    const living = [];
    for (let index = 0; index < 900_000; index += 1) {
      living[index % 10_000] = new Array(120).fill(index);
      if (index % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(whole);`;
  const options = ['--expose-gc', '--import', 'tsx', '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, options, { encoding: 'utf8', cwd: import.meta.dirname }));
}

test('a small heap may grow before the whole of it is collected', () => {
  const without = wholeCollections('');
  const kept = wholeCollections("import { keepHeapFloor } from './heap-floor.ts'; keepHeapFloor();");
  expect(without).toBeGreaterThan(5);
  expect(kept).toBeLessThan(without * 0.7);
});
