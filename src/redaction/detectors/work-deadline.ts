/** Thrown by `check`. */
export class OutOfTime extends Error {}

export interface Deadline {
  expired(): boolean;
  /** Throws OutOfTime when the time is over. */
  check(): void;
}

/** How much more processor time than the budget may pass: it is counted for the whole process, others' threads included. */
const processShare = 1.25;
const extensionsMax = 16;

/** Asking the system for the processor time costs more than most texts do: it is asked once in so many milliseconds. */
const rereadMs = 4;
let usedMs = 0;
let usedReadAt = Number.NEGATIVE_INFINITY;

function processorMs(now: number): number {
  if (now - usedReadAt > rereadMs) {
    usedMs = processorMsNow();
    usedReadAt = now;
  }
  return usedMs;
}

function processorMsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/**
 * A bound on work, not on waiting: on a busy machine the clock runs on while the process does not. When it has run out, the processor
 * time used since the start, or since up to four milliseconds before it, decides, so that load alone withholds nothing.
 */
export function createDeadline(budgetMs: number): Deadline {
  let until = -1;
  let usedAtStart = 0;
  let extensions = 0;
  const deadline: Deadline = {
    expired() {
      // The clock starts at the first look: short texts end before it, and reading the clock costs more than they do.
      const now = performance.now();
      if (until < 0) {
        until = now + budgetMs;
        usedAtStart = processorMs(now);
        return budgetMs <= 0;
      }
      if (now <= until) return false;
      const left = budgetMs * processShare - (processorMsNow() - usedAtStart);
      if (left <= 0 || extensions >= extensionsMax) return true;
      extensions++;
      until = now + left;
      return false;
    },
    check() {
      if (deadline.expired()) throw new OutOfTime();
    },
  };
  return deadline;
}
