import { constants, PerformanceObserver, type NodeGCPerformanceDetail, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** A heap of which less than half as much lives on is let grow up to it before V8 collects the whole of it. */
const HEAP_BYTES_MIN = 128 * 1024 * 1024;

/** What is less than this is left to V8: heaps of which more than half the bound lives on. */
const PERCENT_MIN = 100;

/**
 * V8 lets a small heap that is seldom allocated in grow by a few megabytes before it marks the whole of it, and counts memory outside
 * it too. Docket's requests come in chunks of such memory that are garbage at once: dozens of megabytes a second, for which
 * threads marked the same 40 MB of living heap five times a second (docs/benchmarks.md). With some room the young generation's
 * collections, which cost next to nothing, free the chunks first.
 *
 * What is set is how far the heap may grow, in percent of what lived on. V8 reads it at the end of each collection of the whole
 * heap and nothing else depends on it, so that it may change while the process runs, unlike options that say how to
 * collect. Above half the bound V8 decides as if nothing had been set.
 */
export function keepHeapFloor(): void {
  const set = (): void => {
    const living = getHeapStatistics().used_heap_size;
    const percent = Math.round((HEAP_BYTES_MIN / living - 1) * 100);
    // Zero leaves it to V8, which gives a heap that is much allocated in more room than a small percentage would.
    setFlagsFromString(`--heap-growing-percent=${percent < PERCENT_MIN ? 0 : percent}`);
  };
  set();
  const observer = new PerformanceObserver((list) => {
    // Entries of collections have a detail, which the declared type of entries lacks.
    const entries = list.getEntries() as (PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail })[];
    if (entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) set();
  });
  observer.observe({ entryTypes: ['gc'] });
}
