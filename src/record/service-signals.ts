/** Which telemetry is compared: an incident's window and the time before it, of its services and those they work with. */
export interface SignalScope {
  readonly tenant: string;
  /** Services the incident names; empty for all. */
  readonly services: readonly string[];
  /** Environments the incident names; empty for all. Telemetry that says of none is compared, too. */
  readonly environments: readonly string[];
  /** Nanoseconds since the epoch: [baselineFrom, from) is compared with [from, to). */
  readonly baselineFromUnixNano: bigint;
  readonly fromUnixNano: bigint;
  readonly toUnixNano: bigint;
  /** What was received later is left out: a query that is run again gives what it gave. */
  readonly asOfUnixNano: bigint;
}

/** Figures of one service and operation; durations in nanoseconds, quantiles up to 0.8 % low. */
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
}

export interface OperationName {
  readonly service: string;
  readonly operation: string;
}

/** Traces of an operation in the window: one that failed, `''` when none did, and the one whose span took longest. */
export interface OperationTraces extends OperationName {
  readonly failed: string;
  readonly slowest: string;
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

export interface ExceptionName {
  readonly service: string;
  readonly type: string;
}

export interface ExceptionFigures extends ExceptionName {
  readonly before: number;
  readonly now: number;
}

/** A trace of the window that has the exception, `''` when none has. */
export interface ExceptionTrace extends ExceptionName {
  readonly traceId: string;
}

/** What a service was heard of, spans and log records together. */
export interface ServiceFigures {
  readonly service: string;
  readonly spansBefore: number;
  readonly spans: number;
  readonly logsBefore: number;
  readonly logs: number;
  /** Seconds that the baseline went without a record of it, at most, in steps of ten. */
  readonly pauseSeconds: number;
  /** Nanoseconds since the epoch. */
  readonly firstSeenUnixNano: bigint;
  readonly lastSeenUnixNano: bigint;
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

/** Spans of a service whose parent span was not received, though there was time for it. */
export interface GapFigures {
  readonly service: string;
  readonly tracesBefore: number;
  readonly traces: number;
  readonly spans: number;
  readonly traceId: string;
}

/** Rows and the SQL that gave them: run again, it gives them again. */
export interface Figures<Row> {
  readonly rows: readonly Row[];
  readonly query: string;
  /** Why there are no rows, when the store could not finish. */
  readonly unfinished?: Unfinished;
}

export type Unfinished = 'took too long' | 'needed too much memory';

export interface SignalFigures {
  /** What share of the traces `ownTimes`, `edges` and `gaps` looked at: 1 in `sampledOneIn`. */
  readonly sampledOneIn: number;
  /** Services compared: those named and those that share traces with them. Empty for all. */
  readonly compared: readonly string[];
  readonly services: Figures<ServiceFigures>;
  readonly operations: Figures<OperationFigures>;
  readonly ownTimes: Figures<OwnTimeFigures>;
  readonly edges: Figures<EdgeFigures>;
  readonly exceptions: Figures<ExceptionFigures>;
  readonly logPatterns: Figures<LogPatternFigures>;
  readonly metrics: Figures<MetricFigures>;
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

/** Changes of one kind, each kind found by a query of its own. */
export type ChangeFigures = Readonly<Record<SeenChange['kind'], Figures<SeenChange>>>;

/**
 * Compares telemetry by SQL. Implemented by `store/`. Every method is bounded in time and rows: a comparison that does not
 * finish says so and leaves the others their turn. Throws when the store cannot be asked at all.
 */
export interface SignalReader {
  figures(scope: SignalScope): Promise<SignalFigures>;
  /** Exemplars, asked for once it is known which operations are told of. */
  traces(scope: SignalScope, operations: readonly OperationName[]): Promise<readonly OperationTraces[]>;
  /** As for operations, of exceptions. */
  exceptionTraces(scope: SignalScope, exceptions: readonly ExceptionName[]): Promise<readonly ExceptionTrace[]>;
  /** Changes first seen in [baselineFrom, to) at `compared` services (empty for all); at most 200 a kind. */
  changes(scope: SignalScope, compared: readonly string[]): Promise<ChangeFigures>;
  /** One of the scope's environments that telemetry of its services names; where it names none of them, those it does name. */
  environments(scope: SignalScope): Promise<readonly string[]>;
}
