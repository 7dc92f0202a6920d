import type { BatchLimits } from '../pipeline/consumer.ts';

/**
 * How much the linker takes at once, and for how long it works before the event loop has its turn. Everything else in the process waits
 * meanwhile, receiving above all: a linker that is behind takes longer turns, so that under more load than there is room for telemetry is
 * refused instead of evidence being late without a bound (docs/adr/0011).
 */
export interface Pace {
  /** Of the next batch; asked when there is something for it. */
  limits(): BatchLimits;
  /** A batch begins whose oldest request came at this time. Returns the milliseconds of a turn. */
  begin(oldestReceivedAtUnixNano: bigint): number;
}

const MiB = 1024 * 1024;

/** What comes alone is not kept waiting for longer than this. */
const LINGER_MS = 20;
/** Batches begin this far apart unless they are full: an insert costs some 25 ms of processor time, however few rows it has. */
const INTERVAL_MS = 200;
/** Later than this, the linker is behind. */
const BEHIND_MS = 500;
const TURN_MS = 10;
/** Each further time it is late by as much as that, a turn takes as much longer again. */
const TURN_MS_MAX = 50;

/** `clock`: milliseconds since the epoch. */
export function createPace(clock: () => number = Date.now): Pace {
  let begunAt = Number.NEGATIVE_INFINITY;
  let lateMs = 0;
  return {
    limits() {
      const since = clock() - begunAt;
      return {
        framesMax: 1024,
        bytesMax: (lateMs > BEHIND_MS ? 16 : 8) * MiB,
        // A clock that was set back must not make it wait for longer.
        lingerMs: Math.min(INTERVAL_MS, Math.max(LINGER_MS, INTERVAL_MS - since)),
      };
    },
    begin(oldestReceivedAtUnixNano) {
      begunAt = clock();
      lateMs = begunAt - Number(oldestReceivedAtUnixNano / 1_000_000n);
      return Math.min(TURN_MS_MAX, Math.max(TURN_MS, (TURN_MS * lateMs) / BEHIND_MS));
    },
  };
}
