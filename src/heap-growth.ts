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
 * How far the heap may grow, in percent of what lives on when V8 reads it: at the end of each collection of the whole heap. What will live
 * on then is not known before, but that it is no more than what is there: of that the percentage is taken, so that the room is not more than
 * the bound. A small heap has more room once a collection has shown that little of what was new in it lived on.
 */
export interface GrowthPercent {
  /** Bytes of the heap are used, after a collection, of the whole of it or of the young generation. Returns the percentage to set. */
  after(usedBytes: number, isWhole: boolean): number;
}

/** `usedBytes`: of the heap as it is now. */
export function createGrowthPercent(usedBytes: number): GrowthPercent {
  let living = usedBytes;
  let used = usedBytes;
  /** The share of what is new since the last collection that is expected to live on. */
  let share = 1;
  return {
    after(now, isWhole) {
      if (isWhole) {
        const grown = used - living;
        if (grown >= TELLING_BYTES) share = Math.min(Math.max((now - living) / grown, 0), 1);
        living = now;
      }
      used = now;
      const expected = living + share * Math.max(0, used - living);
      // Zero would leave it to V8.
      return Math.max(1, Math.round(Math.max(SMALL_BYTES / expected - 1, GROWTH_BYTES_MAX / used) * 100));
    },
  };
}

/**
 * Bounds how far V8's heap grows between two collections of the whole of it, in bytes.
 *
 * Left to itself V8 lets a small heap that is seldom allocated in grow by a few megabytes, and counts memory outside it too: for
 * Docket's requests, which come in chunks of such memory that are garbage at once, threads marked the same 40 MB of living heap
 * five times a second. With some room the young generation's collections, which cost next to nothing, free the chunks first.
 * A large heap that is much allocated in it lets grow by more than lives in it: 120 MB lived in a heap of 448 (docs/benchmarks.md).
 *
 * What can be set is a percentage of what lives on. V8 reads it at the end of each collection of the whole heap and nothing
 * else depends on it, so that it may change while the process runs, unlike options that say how to collect. It is set after each of
 * the frequent collections of the young generation.
 */
export function boundHeapGrowth(): void {
  const growth = createGrowthPercent(getHeapStatistics().used_heap_size);
  let set = 0;
  const adapt = (isWhole: boolean): void => {
    const percent = growth.after(getHeapStatistics().used_heap_size, isWhole);
    if (percent === set) return;
    set = percent;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  };
  adapt(false);
  const observer = new PerformanceObserver((list) => {
    // Entries of collections have a detail, which the declared type of entries lacks.
    const entries = list.getEntries() as (PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail })[];
    adapt(entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR));
  });
  observer.observe({ entryTypes: ['gc'] });
}
