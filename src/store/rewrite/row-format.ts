import type { StoredRow } from './telemetry-table.ts';

/** Settings under which JSONEachRow loses nothing: no digit, no NaN, no time zone. */
export const ROW_SETTINGS = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_64bit_floats: 1,
  output_format_json_quote_denormals: 1,
  session_timezone: 'UTC',
} as const;

/** Rows as the lines that JSONEachRow reads. */
export function rowLines(rows: readonly StoredRow[]): string {
  return rows.map((row) => JSON.stringify(row)).join('\n');
}
