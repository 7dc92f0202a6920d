const NANOS_PER_SECOND = 1_000_000_000n;

/** Nanoseconds since the epoch of an RFC 3339 time with up to nine decimals; undefined when it is none. */
export function parseUnixNano(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const [, date = '', time = '', fraction = '', zone = ''] = match;
  const wall = Date.parse(`${date}T${time}Z`);
  // Date.parse rolls 30 February over to March; such a day does not come back as it went in.
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== date) return undefined;
  const milliseconds = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return BigInt(milliseconds / 1000) * NANOS_PER_SECOND + BigInt(fraction.padEnd(9, '0'));
}

/** RFC 3339 UTC with nanoseconds, `2026-11-22T20:31:00.123456789Z`. */
export function formatUnixNano(nanos: bigint): string {
  const fraction = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const seconds = (nanos - fraction) / NANOS_PER_SECOND;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction.toString().padStart(9, '0')}Z`;
}
