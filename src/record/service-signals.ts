/** Which telemetry is compared: an incident's window and the time before it, of its services and those they work with. */
export interface SignalScope {
  readonly tenant: string;
  /** Services the incident names; empty for all. */
  readonly services: readonly string[];
  /** Nanoseconds since the epoch: [baselineFrom, from) is compared with [from, to). */
  readonly baselineFromUnixNano: bigint;
  readonly fromUnixNano: bigint;
  readonly toUnixNano: bigint;
}

/** Figures of one service and operation; durations in nanoseconds. */
export interface OperationFigures {
  readonly service: string;
  readonly operation: string;
  readonly spansBefore: number;
  readonly spans: number;
  readonly errorsBefore: number;
  readonly errors: number;
  readonly p50Before: number;
  readonly p50: number;
  readonly p95Before: number;
  readonly p95: number;
  /** A failed span's trace when there is one, and the slowest span's. */
  readonly errorTraceId: string;
  readonly slowTraceId: string;
}

/**
 * Time spent in an operation itself, without its child spans. `callee` is the other service when the span is a call of
 * another service, whose own part is not counted: what is left is the network, queues and either side's slowness.
 */
export interface OwnTimeFigures {
  readonly service: string;
  readonly operation: string;
  readonly callee: string;
  readonly spansBefore: number;
  readonly spans: number;
  readonly meanBefore: number;
  readonly mean: number;
  readonly slowTraceId: string;
}

export interface EdgeFigures {
  readonly caller: string;
  readonly callee: string;
  readonly callsBefore: number;
  readonly calls: number;
  readonly errors: number;
  /** Traces of the window that hold a failure, those of them with this edge, and all with this edge. */
  readonly failingTraces: number;
  readonly failingTracesHere: number;
  readonly tracesHere: number;
  readonly traceId: string;
}

export interface ExceptionFigures {
  readonly service: string;
  readonly type: string;
  readonly before: number;
  readonly now: number;
  readonly traceId: string;
}

export interface LogPatternFigures {
  readonly service: string;
  /** The log text with numbers, ids and quoted values replaced; at most 300 characters. */
  readonly pattern: string;
  readonly severity: string;
  readonly severityNumber: number;
  readonly before: number;
  readonly now: number;
  /** All log records of the service. */
  readonly serviceBefore: number;
  readonly serviceNow: number;
  readonly traceId: string;
}

export interface MetricFigures {
  readonly service: string;
  readonly metric: string;
  readonly unit: string;
  readonly pointsBefore: number;
  readonly points: number;
  readonly meanBefore: number;
  readonly mean: number;
  readonly deviationBefore: number;
  readonly maximum: number;
}

export interface SilenceFigures {
  readonly service: string;
  readonly recordsBefore: number;
  /** Nanoseconds since the epoch. */
  readonly lastSeenUnixNano: bigint;
}

export interface GapFigures {
  readonly service: string;
  /** Traces with spans of the service whose parent span was never received. */
  readonly traces: number;
  readonly spans: number;
  readonly traceId: string;
}

/** Rows and the SQL that gave them: run again, it gives what the store holds then. */
export interface Figures<Row> {
  readonly rows: readonly Row[];
  readonly query: string;
}

export interface SignalFigures {
  /** What share of the traces the costly comparisons looked at: 1 in `sampledOneIn`. */
  readonly sampledOneIn: number;
  /** Services compared; empty for all. */
  readonly services: readonly string[];
  readonly operations: Figures<OperationFigures>;
  readonly ownTimes: Figures<OwnTimeFigures>;
  readonly edges: Figures<EdgeFigures>;
  readonly exceptions: Figures<ExceptionFigures>;
  readonly logPatterns: Figures<LogPatternFigures>;
  readonly metrics: Figures<MetricFigures>;
  readonly silences: Figures<SilenceFigures>;
  readonly gaps: Figures<GapFigures>;
}

/** A version, flag variant or delivery event of a service that telemetry shows for the first time. */
export interface SeenChange {
  readonly kind: 'version' | 'feature_flag' | 'delivery';
  readonly service: string;
  readonly environment: string;
  /** `service.version`, the flag's key, or the delivery's name (pipeline, deployment, change). */
  readonly subject: string;
  readonly before: string;
  readonly after: string;
  readonly firstSeenUnixNano: bigint;
  readonly traceId: string;
  readonly spanId: string;
  readonly signal: 'traces' | 'logs';
  /** 1 when `after` is seen for the first time, 2 when it came back after others had taken its place (a rollback), and so on. */
  readonly sight: number;
  /** Further attributes that name it: run id, revision, URL. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Compares telemetry by SQL. Implemented by `store/`. Every method is bounded in time and rows. */
export interface SignalReader {
  figures(scope: SignalScope): Promise<SignalFigures>;
  /** Changes first seen in [baselineFrom, to), oldest first; at most 200. */
  changes(scope: SignalScope): Promise<Figures<SeenChange>>;
}
