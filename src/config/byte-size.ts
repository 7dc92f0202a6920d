const BYTES: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

/** Bytes of a size such as `16MiB`, or the reason it is none or not within `least` and `most`, sizes as well. */
export function parseByteSize(text: string, least: string, most: string): number | string {
  const bytes = bytesIn(text);
  if (bytes === undefined) return `must be a whole number with KiB, MiB or GiB, for example ${most}`;
  const within = bytes >= (bytesIn(least) ?? 0) && bytes <= (bytesIn(most) ?? 0);
  return within ? bytes : `must be between ${least} and ${most}`;
}

function bytesIn(text: string): number | undefined {
  const match = /^(\d{1,6})(KiB|MiB|GiB)$/.exec(text);
  const unit = BYTES.get(match?.[2] ?? '');
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
