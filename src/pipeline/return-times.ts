/** Nobody is asked to come back sooner, nor later: a sender with much in its queue would drop it meanwhile. */
const RETURN_MS_MIN = 1_000;
const RETURN_MS_MAX = 30_000;
/** By so much of itself a wait is drawn out at random: senders refused together should not come back together. */
const JITTER = 0.25;

export interface ReturnTimesOptions {
  /** Milliseconds, monotonic. */
  readonly clock?: () => number;
  /** In [0, 1); `Math.random` unless a test says otherwise. */
  readonly random?: () => number;
}

/**
 * When those who are refused are asked to come back. Each is given a turn of its own behind what waits and behind those who were sent
 * away before: come back at the time they were told, they come as fast as they can be taken, and not all at once to be refused again.
 */
export interface ReturnTimes {
  /**
   * Milliseconds for one who is refused now, between 1 s and 30 s.
   * @param freeInMs until what waits now is expected to be done
   * @param costMs how long what is refused is expected to take when it comes back
   */
  next(freeInMs: number, costMs: number): number;
}

export function createReturnTimes(options: ReturnTimesOptions = {}): ReturnTimes {
  const clock = options.clock ?? (() => performance.now());
  const random = options.random ?? Math.random;
  let nextTurnAt = Number.NEGATIVE_INFINITY;
  return {
    next(freeInMs, costMs) {
      const now = clock();
      nextTurnAt = Math.min(Math.max(nextTurnAt, now + freeInMs), now + RETURN_MS_MAX);
      const waitMs = nextTurnAt - now;
      nextTurnAt += costMs;
      const bounded = Math.min(Math.max(waitMs, RETURN_MS_MIN), RETURN_MS_MAX / (1 + JITTER));
      return Math.round(bounded * (1 + random() * JITTER));
    },
  };
}

/** A wait of about so many milliseconds, between half and one and a half times as long, for failures of which nobody knows how long they last. */
export function aboutMs(milliseconds: number, random: () => number = Math.random): number {
  return Math.round(milliseconds * (0.5 + random()));
}
