const SECONDS: ReadonlyMap<string, number> = new Map([
  ['h', 3_600],
  ['d', 86_400],
  ['w', 604_800],
]);
const SECONDS_MAX = 3_650 * 86_400;

/** Seconds of a retention such as `30d`, `12h` or `4w`, or the reason it is none. Between one hour and ten years. */
export function parseRetention(text: string): number | string {
  const match = /^(\d{1,6})([hdw])$/.exec(text);
  const unit = SECONDS.get(match?.[2] ?? '');
  if (!match || unit === undefined) return 'must be a number with h, d or w, for example 30d';
  const seconds = Number(match[1]) * unit;
  if (seconds < 3_600 || seconds > SECONDS_MAX) return 'must be between 1h and 3650d';
  return seconds;
}
