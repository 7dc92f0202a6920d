/** Samples from which a comparison counts in full. */
export const ENOUGH = 10;
/** Shifts below this many nanoseconds are nobody's incident. */
export const SHIFT_NANOSECONDS_MIN = 5_000_000;

/** 0 to 1: how much so few samples can say. */
export function confidence(samples: number): number {
  return Math.sqrt(Math.min(samples, ENOUGH) / ENOUGH);
}

/** Against at least 0.1 ms, so that nothing out of nothing is not an endless rise. */
export function ratioOf(now: number, before: number): number {
  return (now + 100_000) / (before + 100_000);
}

export function figuresOf(row: object): Record<string, string | number> {
  const figures: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(row) as [string, unknown][]) {
    if (typeof value === 'string') figures[name] = value;
    else if (typeof value === 'number') figures[name] = Number.isInteger(value) ? value : Number(value.toPrecision(6));
  }
  return figures;
}
