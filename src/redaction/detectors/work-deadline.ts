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

/**
 * A bound on work, not on waiting: on a busy machine the clock runs on while the process does not. When it has run out, the processor
 * time used since the start decides, so that load alone withholds nothing.
 */
export function createDeadline(budgetMs: number): Deadline {
  let until = -1;
  let usage: NodeJS.CpuUsage | undefined;
  let extensions = 0;
  const deadline: Deadline = {
    expired() {
      // The clock starts at the first look: short texts end before it, and reading the clock costs more than they do.
      if (until < 0) {
        until = performance.now() + budgetMs;
        usage = process.cpuUsage();
        return budgetMs <= 0;
      }
      if (performance.now() <= until) return false;
      const { user, system } = process.cpuUsage(usage);
      const left = budgetMs * processShare - (user + system) / 1e3;
      if (left <= 0 || extensions >= extensionsMax) return true;
      extensions++;
      until = performance.now() + left;
      return false;
    },
    check() {
      if (deadline.expired()) throw new OutOfTime();
    },
  };
  return deadline;
}
