/** Lets one loop sleep until another part of the spool has news. */
export interface Wakeup {
  wake(): void;
  /** Resolves at the next `wake`, or after `timeoutMs` when given. Check the condition, wait, check again. */
  wait(timeoutMs?: number): Promise<void>;
}

export function createWakeup(): Wakeup {
  let sleepers: (() => void)[] = [];
  return {
    wake() {
      const woken = sleepers;
      sleepers = [];
      for (const sleeper of woken) sleeper();
    },
    wait(timeoutMs) {
      return new Promise((resolve) => {
        if (timeoutMs === undefined) {
          sleepers.push(resolve);
          return;
        }
        const awake = (): void => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          sleepers = sleepers.filter((sleeper) => sleeper !== awake);
          resolve();
        }, timeoutMs);
        sleepers.push(awake);
      });
    },
  };
}
