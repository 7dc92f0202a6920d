const MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

/** Milliseconds of a time such as `90s`, `15m` or `2h`, or the reason it is none or not within `least` and `most`, times as well. */
export function parseDuration(text: string, least: string, most: string): number | string {
  const milliseconds = millisecondsIn(text);
  if (milliseconds === undefined) return 'must be a whole number with s, m or h, for example 15m';
  const within = milliseconds >= (millisecondsIn(least) ?? 0) && milliseconds <= (millisecondsIn(most) ?? 0);
  return within ? milliseconds : `must be between ${least} and ${most}`;
}

function millisecondsIn(text: string): number | undefined {
  const match = /^(\d{1,6})([smh])$/.exec(text);
  const unit = MILLISECONDS.get(match?.[2] ?? '');
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
