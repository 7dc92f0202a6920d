import { count } from './attribute.ts';
import type { LogRecord } from './telemetry-record.ts';

/** When what a log event tells of began: the event's time less its `duration_ms`; null when it has none. */
export function eventStart(record: LogRecord, ...keys: readonly string[]): bigint | null {
  const durationMs = count(record.attributes, 'duration_ms', ...keys);
  if (durationMs === null) return null;
  const start = record.timeUnixNano - BigInt(durationMs) * 1_000_000n;
  return start > 0n ? start : null;
}
