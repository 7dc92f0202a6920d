/** Runs work of one key one piece after the other, in the order it came; work of different keys runs beside each other. */
export interface KeyedTurns {
  /** Resolves or rejects as the work does; work that fails holds up nothing behind it. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when what was given so far has ended. */
  settled(): Promise<void>;
  /** Keys with work: nothing is kept of the others. */
  readonly size: number;
}

export function createKeyedTurns(): KeyedTurns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, work) {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(work);
      // Its failure is its caller's.
      const ended = mine.catch(() => undefined);
      last.set(key, ended);
      try {
        return await mine;
      } finally {
        if (last.get(key) === ended) last.delete(key);
      }
    },
    async settled() {
      await Promise.all(last.values());
    },
    get size() {
      return last.size;
    },
  };
}
