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
 * Asking the system for the processor time costs more than most texts do, for it sums over all threads: it is first asked when so much
 * of the budget has passed, and what passed until then counts as used.
 */
const unaskedShare = 0.25;

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/**
 * A bound on work, not on waiting: on a busy machine the clock runs on while the process does not. When it has run out, the processor
 * time used decides, so that load alone withholds nothing.
 */
export function createDeadline(budgetMs: number): Deadline {
  const unaskedMs = budgetMs * unaskedShare;
  let startedAt = -1;
  let until = -1;
  let usedAtStart: number | undefined;
  let extensions = 0;
  const deadline: Deadline = {
    expired() {
      // The clock starts at the first look: short texts end before it, and reading the clock costs more than they do.
      const now = performance.now();
      if (startedAt < 0) {
        startedAt = now;
        until = now + budgetMs;
        return budgetMs <= 0;
      }
      if (now - startedAt <= unaskedMs) return false;
      usedAtStart ??= processorMs() - unaskedMs;
      if (now <= until) return false;
      const left = budgetMs * processShare - (processorMs() - usedAtStart);
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
