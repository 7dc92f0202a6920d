import type { Signal } from '../../otlp/signal.ts';
import type { TelemetryTable } from '../native/slice.ts';

/** How the rows of a table were made: of spans, log records, or data points of metrics. */
export type RowKind = 'span' | 'log' | 'point';

/** A table whose rows hold redacted telemetry. */
export interface TelemetryTableShape {
  readonly name: TelemetryTable;
  readonly signal: Signal;
  readonly kind: RowKind;
}

/** Every table of telemetry, in the order in which they are rewritten. */
export const TELEMETRY_TABLES: readonly TelemetryTableShape[] = [
  { name: 'otel_traces', signal: 'traces', kind: 'span' },
  { name: 'otel_logs', signal: 'logs', kind: 'log' },
  { name: 'otel_metrics_gauge', signal: 'metrics', kind: 'point' },
  { name: 'otel_metrics_sum', signal: 'metrics', kind: 'point' },
  { name: 'otel_metrics_histogram', signal: 'metrics', kind: 'point' },
  { name: 'otel_metrics_exp_histogram', signal: 'metrics', kind: 'point' },
  { name: 'otel_metrics_summary', signal: 'metrics', kind: 'point' },
];

/** A row as JSONEachRow gives and takes it, with 64-bit numbers and floats as text. */
export type StoredRow = Readonly<Record<string, unknown>>;
