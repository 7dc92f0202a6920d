import { constants, PerformanceObserver, type NodeGCPerformanceDetail, type PerformanceEntry } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const MiB = 1024 * 1024;

/** By how much V8's heap may at most grow beyond what lives on before the whole of it is collected. */
const GROWTH_BYTES_MAX = 112 * MiB;

/** A heap of which less is expected to live on may grow up to this much. */
const SMALL_BYTES = 128 * MiB;
/** What became of less that was new says little of what will become of the rest. */
const TELLING_BYTES = 16 * MiB;

/**
 * Bounds how far V8's heap grows between two collections of the whole of it, in bytes.
 *
 * Left to itself V8 lets a small heap that is seldom allocated in grow by a few megabytes, and counts memory outside it too: for
 * Docket's requests, which come in chunks of such memory that are garbage at once, threads marked the same 40 MB of living heap
 * five times a second. With some room the young generation's collections, which cost next to nothing, free the chunks first.
 * A large heap that is much allocated in it lets grow by more than lives in it: 120 MB lived in a heap of 448 (docs/benchmarks.md).
 *
 * What can be set is a percentage of what lives on. V8 reads it at the end of each collection of the whole heap and nothing
 * else depends on it, so that it may change while the process runs, unlike options that say how to collect. What will live on is
 * not known before, but that it is no more than what is there: of that the percentage is taken, after each of the frequent
 * collections of the young generation, so that the room is not more than the bound. A small heap has more room once
 * a collection has shown that little of what was new in it lived on.
 */
export function boundHeapGrowth(): void {
  let living = getHeapStatistics().used_heap_size;
  let used = living;
  /** The share of what is new since the last collection that is expected to live on. */
  let share = 1;
  let set = 0;
  const adapt = (): void => {
    const expected = living + share * Math.max(0, used - living);
    // Zero would leave it to V8.
    const percent = Math.max(1, Math.round(Math.max(SMALL_BYTES / expected - 1, GROWTH_BYTES_MAX / used) * 100));
    if (percent === set) return;
    set = percent;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  adapt();
  const observer = new PerformanceObserver((list) => {
    const now = getHeapStatistics().used_heap_size;
    // Entries of collections have a detail, which the declared type of entries lacks.
    const entries = list.getEntries() as (PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail })[];
    if (entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) {
      const grown = used - living;
      if (grown >= TELLING_BYTES) share = Math.min(Math.max((now - living) / grown, 0), 1);
      living = now;
    }
    used = now;
    adapt();
  });
  observer.observe({ entryTypes: ['gc'] });
}
