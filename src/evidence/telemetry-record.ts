/**
 * Spans and log records as objects. Only records that may be evidence are decoded this way (./decode-record.ts, see
 * ./candidates.ts); the bytes they come from are redacted already, so nothing here holds more than what may be stored.
 */

/** An attribute's value. Integers beyond 2^53 stay `bigint`; the others are numbers. Null is an AnyValue with nothing set. */
export type AnyValue =
  | null
  | string
  | boolean
  | number
  | bigint
  | Uint8Array
  | readonly AnyValue[]
  | ReadonlyMap<string, AnyValue>;

/**
 * Attributes by key, every occurrence in wire order. A key should occur once; when it does not, readers take the first,
 * as the Collector's `pcommon.Map.Get` and ClickHouse's map access do.
 */
export type Attributes = ReadonlyMap<string, readonly AnyValue[]>;

export interface ResourceRecord {
  readonly attributes: Attributes;
}

export interface ScopeRecord {
  readonly name: string;
  readonly version: string;
  readonly attributes: Attributes;
}

export interface SpanEventRecord {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: Attributes;
}

interface RecordPosition {
  /** Position in the request in wire order from 0: what receipts and facts call `item`. */
  readonly ordinal: number;
  readonly resource: ResourceRecord;
  readonly scope: ScopeRecord;
  /** Lower-case hex; `''` when absent. */
  readonly traceId: string;
  readonly spanId: string;
}

export interface SpanRecord extends RecordPosition {
  readonly signal: 'traces';
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP SpanKind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: Attributes;
  readonly events: readonly SpanEventRecord[];
  /** OTLP status code: 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
}

export interface LogRecord extends RecordPosition {
  readonly signal: 'logs';
  /** `time_unix_nano`, or `observed_time_unix_nano` when the former is 0. */
  readonly timeUnixNano: bigint;
  readonly severityNumber: number;
  /** The `event_name` field, or else the attribute `event.name`; `''` when neither is there. */
  readonly eventName: string;
  readonly body: AnyValue;
  readonly attributes: Attributes;
}

export type TelemetryRecord = SpanRecord | LogRecord;
