/**
 * Gives whole requests their turn in the order in which they became whole, whatever transport they came over, and lets the event
 * loop read and answer between them. Worked on as they are read, hundreds of requests that are ready at once would keep
 * everything else waiting for the sum of them: bodies half read, refusals that cost nothing, answers that are ready.
 */
export interface Turns {
  /** Calls `work` at its turn; what it does before its first `await` is what the turn takes. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

/** After so many milliseconds of work the event loop has its turn. */
const TURN_MS = 5;

export function createTurns(): Turns {
  const queue: (() => void)[] = [];
  let scheduled = false;

  function run(): void {
    const until = performance.now() + TURN_MS;
    for (let work = queue.shift(); work !== undefined; work = queue.shift()) {
      work();
      if (performance.now() >= until) break;
    }
    scheduled = queue.length > 0;
    if (scheduled) setImmediate(run);
  }

  return {
    take: (work) =>
      new Promise((resolve) => {
        queue.push(() => resolve(work()));
        if (scheduled) return;
        scheduled = true;
        setImmediate(run);
      }),
  };
}
