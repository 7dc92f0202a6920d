import type { Logger } from '../telemetry/logger.ts';

/** Work that is done again and again while the service runs. */
export interface Repetition {
  /** Runs `work` every so many milliseconds, never twice at a time; 0 never. `what` names it when it fails. */
  every(milliseconds: number, work: () => Promise<void>, what: string): void;
  /** Nothing begins any more. Resolves when what runs has ended. */
  stop(): Promise<void>;
}

export function createRepetition(logger: Logger): Repetition {
  const timers: NodeJS.Timeout[] = [];
  const running = new Set<Promise<void>>();
  let stopped = false;
  return {
    every(milliseconds, work, what) {
      if (milliseconds === 0 || stopped) return;
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        const mine = work()
          .catch((error: unknown) => {
            logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, `${what} failed`);
          })
          .finally(() => {
            busy = false;
            running.delete(mine);
          });
        running.add(mine);
      }, milliseconds);
      timer.unref();
      timers.push(timer);
    },
    async stop() {
      stopped = true;
      for (const timer of timers.splice(0)) clearInterval(timer);
      await Promise.allSettled(running);
    },
  };
}
