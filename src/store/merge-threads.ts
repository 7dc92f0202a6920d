import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { MERGE_THREADS } from './engine-config.ts';

/** The name that the engine gives the threads which merge parts. */
const MERGE_THREAD_NAME = 'MergeMutate';

/**
 * Merges get a tenth of the processor time that something else in the process wants at the same moment (nice 10), and all that
 * nothing else wants. As equals they took turns with the event loop: on two cores, two merges and a sender of telemetry made the
 * loop wait at each of its turns, and acknowledgements, which take several, with it (docs/benchmarks.md, ingest).
 */
const MERGE_NICE = 10;

const THREADS = '/proc/self/task';

/** Lets the engine's merges yield to what somebody waits for. */
export interface MergeThreads {
  /**
   * Makes those nicer that there are; to be called after statements until it has found them all, for the engine starts them with its
   * first table. It has a setting for the same, which does nothing without CAP_SYS_NICE; a process may always make its own threads
   * nicer. Does nothing where the system does not tell threads' names (Linux does).
   */
  makeYield(): void;
}

export function createMergeThreads(): MergeThreads {
  let isDone = process.platform !== 'linux';
  return {
    makeYield() {
      if (isDone) return;
      const threads = mergeThreads();
      for (const thread of threads) setPriority(thread, MERGE_NICE);
      isDone = threads.length >= MERGE_THREADS;
    },
  };
}

/** Ids of the threads that merge. */
function mergeThreads(): readonly number[] {
  return readdirSync(THREADS)
    .filter((thread) => nameOf(thread) === MERGE_THREAD_NAME)
    .map(Number);
}

function nameOf(thread: string): string {
  try {
    return readFileSync(`${THREADS}/${thread}/comm`, 'utf8').trim();
  } catch {
    // It ended meanwhile.
    return '';
  }
}
