import { oneLine, SUMMARY_MAX } from '../observed-row.ts';

const MINUTE_NANOSECONDS = 60_000_000_000n;

/** Said where figures are of a part of the traces: they are counts of that part. */
export function ofSample(sampledOneIn: number): string {
  return sampledOneIn === 1 ? '' : ` (among one in ${sampledOneIn} traces)`;
}

/** `once`, `3 times`. */
export function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** `hour`, `20 minutes`. */
export function period(nanoseconds: bigint): string {
  const minutes = Number(nanoseconds / MINUTE_NANOSECONDS);
  return minutes === 60 ? 'hour' : `${minutes} minutes`;
}

/** Of a share from 0 to 1: `0.4 %`, `27 %`. */
export function percent(share: number): string {
  return `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

/** `1.25 s`, `340 ms`, `0.4 ms`. */
export function duration(nanoseconds: number): string {
  const milliseconds = nanoseconds / 1e6;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

/** A number in three digits, or whole from 1,000 on. */
export function figure(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** A row's summary: one line; names come from telemetry and may hold anything. */
export function line(text: string): string {
  return oneLine(text, SUMMARY_MAX);
}
