import type { StoredRow } from './telemetry-table.ts';

/** Redacted at once, so that requests that come in meanwhile wait for no longer than for each other. */
const ROWS_AT_ONCE = 64;
const BYTES_AT_ONCE = 256 * 1024;

/** Stored rows in portions for one redaction: what came in one request stays together, up to a bound. */
export function slicesOf(rows: readonly StoredRow[]): readonly (readonly StoredRow[])[] {
  const slices: StoredRow[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const last = slices.at(-1);
    const size = JSON.stringify(row).length;
    const fits = last !== undefined && last.length < ROWS_AT_ONCE && bytes + size <= BYTES_AT_ONCE;
    if (fits && last[0]?.['ReceivedAt'] === row['ReceivedAt']) {
      last.push(row);
      bytes += size;
    } else {
      slices.push([row]);
      bytes = size;
    }
  }
  return slices;
}

/** When a row was received: `2026-11-28 02:16:55.745548656` in UTC, as nanoseconds. */
export function receivedAtUnixNano(row: StoredRow | undefined): bigint {
  const [seconds = '', fraction = ''] = String(row?.['ReceivedAt']).split('.');
  return BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
