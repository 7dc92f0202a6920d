/** Runs tasks one after another, in the order they came; a failed task does not hold up the next. */
export interface StatementQueue {
  run<T>(task: () => Promise<T>): Promise<T>;
  /** Resolves when everything queued so far has ended. */
  drained(): Promise<void>;
}

export function createStatementQueue(): StatementQueue {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    run(task) {
      const result = tail.then(task);
      tail = result.catch(() => undefined);
      return result;
    },
    async drained() {
      await tail;
    },
  };
}
