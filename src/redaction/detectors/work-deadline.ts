/** Thrown by `check`. */
export class OutOfTime extends Error {}

export interface Deadline {
  expired(): boolean;
  /** Throws OutOfTime when the time is over. */
  check(): void;
}

/**
 * A bound on work, not on waiting: on a busy machine the clock runs on while the process does not. When it has passed once, it is
 * extended, and from then on the processor time used decides, so that load alone withholds nothing.
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
        return budgetMs <= 0;
      }
      if (performance.now() <= until) return false;
      if (usage) {
        const { user, system } = process.cpuUsage(usage);
        if ((user + system) / 1e3 >= budgetMs || extensions > 16) return true;
      }
      usage ??= process.cpuUsage();
      extensions++;
      until = performance.now() + budgetMs;
      return budgetMs <= 0;
    },
    check() {
      if (deadline.expired()) throw new OutOfTime();
    },
  };
  return deadline;
}
