export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor: number;
  /** Source of jitter in [0, 1); `Math.random` unless a test says otherwise. */
  readonly random?: () => number;
}

/** Exponential back-off with full jitter between half and the whole of each step. */
export interface Backoff {
  /** Milliseconds to wait before the next attempt; each call is one more failure. */
  next(): number;
  reset(): void;
}

export function createBackoff(options: BackoffOptions): Backoff {
  const random = options.random ?? Math.random;
  let step = options.initialMs;
  return {
    next() {
      const wait = step / 2 + (random() * step) / 2;
      step = Math.min(options.maxMs, step * options.factor);
      return Math.round(wait);
    },
    reset() {
      step = options.initialMs;
    },
  };
}
