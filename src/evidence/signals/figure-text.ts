const SUMMARY_MAX = 300;
const MINUTE_NANOSECONDS = 60_000_000_000n;

/** Said where figures are of a part of the traces: they are counts of that part. */
export function ofSample(sampledOneIn: number): string {
  return sampledOneIn === 1 ? '' : ` (among one in ${sampledOneIn} traces)`;
}

export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

export function period(nanoseconds: bigint): string {
  const minutes = Number(nanoseconds / MINUTE_NANOSECONDS);
  return minutes === 60 ? 'hour' : `${minutes} minutes`;
}

export function percent(share: number): string {
  return `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

export function duration(nanoseconds: number): string {
  const milliseconds = nanoseconds / 1e6;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

export function figure(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** One line of at most 300 characters; names come from telemetry and may hold anything. */
export function line(text: string): string {
  const flat = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return flat.length <= SUMMARY_MAX ? flat : `${flat.slice(0, SUMMARY_MAX - 1)}…`;
}
