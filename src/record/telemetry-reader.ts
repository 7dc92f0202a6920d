/** Spans and logs as stored (redacted), for reading one trace. Times are RFC 3339 UTC with nanoseconds. */
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly service: string;
  readonly startedAt: string;
  readonly durationNano: string;
  readonly statusCode: string;
  readonly statusMessage: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly events: readonly StoredSpanEvent[];
}

export interface StoredSpanEvent {
  readonly at: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface StoredLogRecord {
  readonly at: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly severity: string;
  readonly service: string;
  readonly body: string;
  readonly eventName: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface StoredTrace {
  readonly traceId: string;
  readonly spans: readonly StoredSpan[];
  readonly logs: readonly StoredLogRecord[];
  /** True when the trace has more spans or logs than were returned. */
  readonly truncated: boolean;
}

/** Reads telemetry back. Implemented by `store/`. */
export interface TelemetryReader {
  /** At most 5,000 spans and 5,000 log records, in time order; undefined when nothing of the trace is stored. */
  trace(tenant: string, traceId: string): Promise<StoredTrace | undefined>;
}
