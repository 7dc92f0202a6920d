import type {
  EdgeFigures,
  ExceptionFigures,
  Figures,
  GapFigures,
  LogPatternFigures,
  MetricFigures,
  OperationFigures,
  OwnTimeFigures,
  SeenChange,
  SignalFigures,
  SignalReader,
  SignalScope,
  SilenceFigures,
} from '../../record/service-signals.ts';
import type { Database } from '../database.ts';
import { bindParameters, type SqlParameters } from '../literal.ts';

/** Rows of one comparison; ranking keeps far fewer. */
const ROWS_MAX = 200;
/** Spans the costly comparisons (a join over each trace) look at; beyond, whole traces are sampled. */
const SPANS_JOINED_MAX = 150_000;
/** Services that work with the incident's own. */
const SERVICES_MAX = 100;
const TRACES_REACHED_MAX = 20_000;
/** A version is gone when others were seen over this many seconds without it; seen again after that, it came back. */
const GONE_SECONDS = 300;
/** Records within that time from which a version that came back can be most of what is seen. */
const LEADS_FROM = 3;
/** How often a version of one service and environment is told to have come back. */
const RETURNS_MAX = 5;
/** Engine time for one comparison, in seconds. */
const SECONDS_MAX = 8;
/** Baseline records below which a service's silence says nothing. */
const SILENT_AFTER = 10;

const FROM = 'fromUnixTimestamp64Nano({from:Int64})';
const TO = 'fromUnixTimestamp64Nano({to:Int64})';
const BASELINE = 'fromUnixTimestamp64Nano({baseline:Int64})';
const BOTH = `Timestamp >= ${BASELINE} AND Timestamp < ${TO}`;
const SCOPED = `Tenant = {tenant:String} AND ${BOTH}`;
const IN_SERVICES = '(empty({services:Array(String)}) OR has({services:Array(String)}, ServiceName))';

/** Service signals and changes by SQL over the telemetry tables. */
export function createSignalReader(database: Database): SignalReader {
  async function ask<Row>(sql: string, parameters: SqlParameters): Promise<Figures<Row>> {
    const rows = await database.select<Row>(sql, parameters, SECONDS_MAX);
    return { rows, query: bindParameters(sql, parameters) };
  }

  return {
    async figures(scope): Promise<SignalFigures> {
      const services = await reachedServices(database, scope);
      const { from, ...window } = bounds(scope);
      const parameters = { ...window, from, services };
      const oneIn = Math.max(1, Math.ceil((await countSpans(database, scope)) / SPANS_JOINED_MAX));
      const sampled = { ...parameters, oneIn };
      // One after the other: what matters more is that receiving and reading go on beside them.
      return {
        sampledOneIn: oneIn,
        services,
        operations: await ask<OperationFigures>(OPERATIONS, parameters),
        ownTimes: await ask<OwnTimeFigures>(OWN_TIMES, sampled),
        edges: await ask<EdgeFigures>(EDGES, sampled),
        exceptions: await ask<ExceptionFigures>(EXCEPTIONS, parameters),
        logPatterns: await ask<LogPatternFigures>(LOG_PATTERNS, parameters),
        metrics: await ask<MetricFigures>(METRICS, parameters),
        silences: asSilences(await ask<SilenceRow>(SILENCES, parameters)),
        gaps: await ask<GapFigures>(GAPS, sampled),
      };
    },
    async changes(scope): Promise<Figures<SeenChange>> {
      const services = await reachedServices(database, scope);
      const { from, ...window } = bounds(scope);
      const spans = await countSpans(database, scope);
      const found =
        spans <= SPANS_JOINED_MAX
          ? await ask<ChangeRow>(changesOf(EVERY_RECORD), { ...window, services })
          : await ask<ChangeRow>(changesOf(BUSIEST_OPERATIONS), { ...window, services, from });
      return { query: found.query, rows: found.rows.map(toChange) };
    },
  };
}

function bounds(scope: SignalScope) {
  return {
    tenant: scope.tenant,
    baseline: scope.baselineFromUnixNano,
    from: scope.fromUnixNano,
    to: scope.toUnixNano,
  };
}

async function countSpans(database: Database, scope: SignalScope): Promise<number> {
  const { from: _from, ...window } = bounds(scope);
  const sql = `SELECT toString(count()) AS spans FROM otel_traces WHERE ${SCOPED}`;
  const [counted] = await database.select<{ spans: string }>(sql, window, SECONDS_MAX);
  return Number(counted?.spans ?? 0);
}

/** The incident's services and those that share traces with them; empty for all. */
async function reachedServices(database: Database, scope: SignalScope): Promise<readonly string[]> {
  if (scope.services.length === 0) return [];
  const { from: _from, ...window } = bounds(scope);
  const rows = await database.select<{ service: string }>(
    `SELECT ServiceName AS service FROM otel_traces
WHERE ${SCOPED} AND TraceId IN (
  SELECT DISTINCT TraceId FROM otel_traces
  WHERE ${SCOPED} AND has({services:Array(String)}, ServiceName) LIMIT ${TRACES_REACHED_MAX})
GROUP BY service ORDER BY count() DESC, service LIMIT ${SERVICES_MAX}`,
    { ...window, services: scope.services },
    SECONDS_MAX,
  );
  return [...new Set([...scope.services, ...rows.map((row) => row.service)])];
}

const OPERATIONS = `SELECT ServiceName AS service, SpanName AS operation,
toUInt32(countIf(Timestamp < ${FROM})) AS spansBefore, toUInt32(countIf(Timestamp >= ${FROM})) AS spans,
toUInt32(countIf(StatusCode = 'Error' AND Timestamp < ${FROM})) AS errorsBefore,
toUInt32(countIf(StatusCode = 'Error' AND Timestamp >= ${FROM})) AS errors,
ifNotFinite(quantileIf(0.5)(Duration, Timestamp < ${FROM}), 0) AS p50Before,
ifNotFinite(quantileIf(0.5)(Duration, Timestamp >= ${FROM}), 0) AS p50,
ifNotFinite(quantileIf(0.95)(Duration, Timestamp < ${FROM}), 0) AS p95Before,
ifNotFinite(quantileIf(0.95)(Duration, Timestamp >= ${FROM}), 0) AS p95,
anyIf(TraceId, StatusCode = 'Error' AND Timestamp >= ${FROM}) AS errorTraceId,
argMaxIf(TraceId, Duration, Timestamp >= ${FROM}) AS slowTraceId
FROM otel_traces WHERE ${SCOPED} AND ${IN_SERVICES}
GROUP BY service, operation HAVING spans > 0
ORDER BY errors - errorsBefore DESC, p95 / (p95Before + 1000000) * log2(1 + spans) DESC, service, operation
LIMIT ${ROWS_MAX}`;

/** Spans of the sampled traces. */
const SAMPLED = `SELECT TraceId, SpanId, ParentSpanId, ServiceName, SpanName, SpanKind, StatusCode, Timestamp, Duration
FROM otel_traces WHERE ${SCOPED} AND cityHash64(TraceId) % {oneIn:UInt32} = 0`;

const OWN_TIMES = `SELECT service, operation, callee,
toUInt32(countIf(at < ${FROM})) AS spansBefore, toUInt32(countIf(at >= ${FROM})) AS spans,
ifNotFinite(avgIf(own, at < ${FROM}), 0) AS meanBefore, ifNotFinite(avgIf(own, at >= ${FROM}), 0) AS mean,
argMaxIf(traceId, own, at >= ${FROM}) AS slowTraceId
FROM (
  SELECT s.ServiceName AS service, s.SpanName AS operation, s.Timestamp AS at, s.TraceId AS traceId,
  if(c.callee = s.ServiceName, '', c.callee) AS callee,
  toFloat64(s.Duration) - least(toFloat64(s.Duration), toFloat64(c.below)) AS own
  FROM (${SAMPLED}) AS s LEFT JOIN (
    SELECT TraceId, ParentSpanId, sum(Duration) AS below, any(ServiceName) AS callee
    FROM (${SAMPLED}) WHERE ParentSpanId != '' GROUP BY TraceId, ParentSpanId
  ) AS c ON s.TraceId = c.TraceId AND s.SpanId = c.ParentSpanId
  WHERE empty({services:Array(String)}) OR has({services:Array(String)}, s.ServiceName)
)
GROUP BY service, operation, callee HAVING spans >= 2 AND spansBefore >= 1
ORDER BY (mean - meanBefore) * spans DESC, service, operation, callee LIMIT ${ROWS_MAX}`;

const FAILING = `SELECT DISTINCT TraceId FROM otel_traces
WHERE Tenant = {tenant:String} AND Timestamp >= ${FROM} AND Timestamp < ${TO} AND StatusCode = 'Error'
AND cityHash64(TraceId) % {oneIn:UInt32} = 0
UNION DISTINCT SELECT DISTINCT TraceId FROM otel_logs
WHERE Tenant = {tenant:String} AND Timestamp >= ${FROM} AND Timestamp < ${TO} AND SeverityNumber >= 17 AND TraceId != ''
AND cityHash64(TraceId) % {oneIn:UInt32} = 0`;

const EDGES = `SELECT p.ServiceName AS caller, c.ServiceName AS callee,
toUInt32(countIf(c.Timestamp < ${FROM})) AS callsBefore, toUInt32(countIf(c.Timestamp >= ${FROM})) AS calls,
toUInt32(countIf(c.Timestamp >= ${FROM} AND (c.StatusCode = 'Error' OR p.StatusCode = 'Error'))) AS errors,
toUInt32((SELECT count() FROM (${FAILING}))) AS failingTraces,
toUInt32(uniqExactIf(c.TraceId, c.Timestamp >= ${FROM} AND c.TraceId IN (${FAILING}))) AS failingTracesHere,
toUInt32(uniqExactIf(c.TraceId, c.Timestamp >= ${FROM})) AS tracesHere,
anyIf(c.TraceId, c.TraceId IN (${FAILING})) AS traceId
FROM (${SAMPLED}) AS c INNER JOIN (${SAMPLED}) AS p ON c.TraceId = p.TraceId AND c.ParentSpanId = p.SpanId
WHERE caller != callee AND (empty({services:Array(String)}) OR has({services:Array(String)}, callee))
GROUP BY caller, callee HAVING failingTracesHere > 0
ORDER BY failingTracesHere / tracesHere DESC, failingTracesHere DESC, caller, callee LIMIT ${ROWS_MAX}`;

const EXCEPTIONS = `SELECT service, type, toUInt32(sum(before)) AS before, toUInt32(sum(now)) AS now, any(traceId) AS traceId
FROM (
  SELECT ServiceName AS service, attributes['exception.type'] AS type,
  countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now,
  anyIf(TraceId, Timestamp >= ${FROM}) AS traceId
  FROM otel_traces ARRAY JOIN Events.Attributes AS attributes
  WHERE ${SCOPED} AND ${IN_SERVICES} AND has(Events.Name, 'exception') AND attributes['exception.type'] != ''
  GROUP BY service, type
  UNION ALL
  SELECT ServiceName AS service, LogAttributes['exception.type'] AS type,
  countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now,
  anyIf(TraceId, Timestamp >= ${FROM}) AS traceId
  FROM otel_logs WHERE ${SCOPED} AND ${IN_SERVICES} AND LogAttributes['exception.type'] != ''
  GROUP BY service, type
)
GROUP BY service, type HAVING now > 0 AND now > 2 * before
ORDER BY before = 0 DESC, now DESC, service, type LIMIT ${ROWS_MAX}`;

/**
 * Log text as a template. What varies from one record to the next goes: ids, times, numbers, quoted values. Only the first
 * 600 characters are looked at, which bounds the work on long bodies.
 */
const PATTERN = `substringUTF8(trimBoth(
replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(replaceRegexpAll(substringUTF8(Body, 1, 600),
'[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|[0-9a-fA-F]{16,}', '<id>'),
'"[^"]{0,200}"', '<text>'), '[0-9]+([.:,][0-9]+)*', '<n>'), '[\\\\s\\\\p{Cc}]+', ' ')), 1, 300)`;

const LOG_PATTERNS = `SELECT service, pattern, severity, toUInt8(severityNumber) AS severityNumber,
toUInt32(before) AS before, toUInt32(now) AS now,
toUInt32(sum(before) OVER (PARTITION BY service)) AS serviceBefore,
toUInt32(sum(now) OVER (PARTITION BY service)) AS serviceNow, traceId
FROM (
  SELECT ServiceName AS service, ${PATTERN} AS pattern, argMax(SeverityText, SeverityNumber) AS severity,
  max(SeverityNumber) AS severityNumber,
  countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now,
  anyIf(TraceId, Timestamp >= ${FROM}) AS traceId
  FROM otel_logs WHERE ${SCOPED} AND ${IN_SERVICES} AND Body != ''
  GROUP BY service, pattern ORDER BY severityNumber DESC, now DESC LIMIT 20000
)
QUALIFY now > 0 AND (before = 0 OR now / serviceNow > 2 * before / greatest(serviceBefore, 1))
ORDER BY severityNumber >= 17 DESC, before = 0 DESC, severityNumber DESC, now DESC, service, pattern LIMIT ${ROWS_MAX}`;

const METRIC_TIME = `Tenant = {tenant:String} AND TimeUnix >= ${BASELINE} AND TimeUnix < ${TO}`;

const METRICS = `SELECT ServiceName AS service, MetricName AS metric, any(MetricUnit) AS unit,
toUInt32(countIf(TimeUnix < ${FROM})) AS pointsBefore, toUInt32(countIf(TimeUnix >= ${FROM})) AS points,
ifNotFinite(avgIf(Value, TimeUnix < ${FROM}), 0) AS meanBefore, ifNotFinite(avgIf(Value, TimeUnix >= ${FROM}), 0) AS mean,
ifNotFinite(stddevPopIf(Value, TimeUnix < ${FROM}), 0) AS deviationBefore,
ifNotFinite(maxIf(Value, TimeUnix >= ${FROM}), 0) AS maximum
FROM otel_metrics_gauge WHERE ${METRIC_TIME} AND ${IN_SERVICES} AND isFinite(Value)
GROUP BY service, metric HAVING pointsBefore >= 3 AND points >= 2
ORDER BY abs(mean - meanBefore) / (deviationBefore + 0.1 * abs(meanBefore) + 1e-9) DESC, service, metric LIMIT ${ROWS_MAX}`;

interface SilenceRow {
  readonly service: string;
  readonly recordsBefore: number;
  readonly lastSeen: string;
}

const SILENCES = `SELECT service, toUInt32(sum(before)) AS recordsBefore, toString(max(last)) AS lastSeen FROM (
  SELECT ServiceName AS service, countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now,
  toUnixTimestamp64Nano(max(Timestamp)) AS last
  FROM otel_traces WHERE ${SCOPED} AND ${IN_SERVICES} GROUP BY service
  UNION ALL
  SELECT ServiceName AS service, countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now,
  toUnixTimestamp64Nano(max(Timestamp)) AS last
  FROM otel_logs WHERE ${SCOPED} AND ${IN_SERVICES} GROUP BY service
)
WHERE service != '' GROUP BY service HAVING recordsBefore >= ${SILENT_AFTER} AND sum(now) = 0
AND (SELECT count() FROM otel_traces WHERE Tenant = {tenant:String} AND Timestamp >= ${FROM} AND Timestamp < ${TO}) > 0
ORDER BY recordsBefore DESC, service LIMIT ${ROWS_MAX}`;

function asSilences(found: Figures<SilenceRow>): Figures<SilenceFigures> {
  return {
    query: found.query,
    rows: found.rows.map((row) => ({
      service: row.service,
      recordsBefore: row.recordsBefore,
      lastSeenUnixNano: BigInt(row.lastSeen),
    })),
  };
}

/** Parents are looked for beyond the window too: a trace may have begun before it. */
const GAPS = `SELECT ServiceName AS service, toUInt32(uniqExact(TraceId)) AS traces, toUInt32(count()) AS spans,
any(TraceId) AS traceId
FROM (${SAMPLED})
WHERE Timestamp >= ${FROM} AND ParentSpanId != '' AND ${IN_SERVICES}
AND (TraceId, ParentSpanId) NOT IN (SELECT TraceId, SpanId FROM (${SAMPLED}))
GROUP BY service ORDER BY traces DESC, service LIMIT ${ROWS_MAX}`;

interface ChangeRow {
  readonly kind: SeenChange['kind'];
  readonly service: string;
  readonly environment: string;
  readonly subject: string;
  readonly before: string;
  readonly after: string;
  readonly firstSeen: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly signal: SeenChange['signal'];
  readonly sight: number;
  readonly attributes: Readonly<Record<string, string>>;
}

const ENVIRONMENT = `if(ResourceAttributes['deployment.environment.name'] != '',
ResourceAttributes['deployment.environment.name'], ResourceAttributes['deployment.environment'])`;

/** First sight of each value, and the one that was first seen before it of the same subject. */
function firstSeen(kind: SeenChange['kind'], from: string): string {
  return `SELECT '${kind}' AS kind, service, environment, subject,
lagInFrame(value, 1, '') OVER (PARTITION BY service, environment, subject ORDER BY first, value
  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before,
value AS after, first, traceId, spanId, signal, toUInt32(1) AS sight, map() AS attributes FROM (
  SELECT service, environment, subject, value, min(at) AS first, argMin(trace, at) AS traceId, argMin(span, at) AS spanId,
  argMin(origin, at) AS signal
  FROM (${from}) WHERE value != '' GROUP BY service, environment, subject, value
)`;
}

const OF_SUBJECT = 'PARTITION BY service, environment, subject';
const OF_VALUE = `${OF_SUBJECT}, value`;

/**
 * As `firstSeen`, and each time a value comes back after others had taken its place. By minutes, read once: of each minute a
 * value was seen in, the minute of the same value before it (`OF_VALUE`) and the neighbours of both among all values (`OF_SUBJECT`)
 * tell how long others were seen without it. A rolling deploy, where both are seen by turns, is no return. Nor is one instance
 * that was left behind and says something now and then: before the value goes again it must have been most of what is seen.
 */
function firstSeenAndReturned(kind: SeenChange['kind'], from: string): string {
  const order = `${OF_SUBJECT} ORDER BY minute, first, value`;
  const ahead = `ORDER BY minute RANGE BETWEEN CURRENT ROW AND ${GONE_SECONDS / 60} FOLLOWING`;
  return `SELECT '${kind}' AS kind, service, environment, subject,
if(nth > 1, ruling, lagInFrame(value, 1, '') OVER (${OF_SUBJECT} ORDER BY first, value
  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS before,
value AS after, first, traceId, spanId, signal,
toUInt32(row_number() OVER (${OF_VALUE} ORDER BY minute)) AS sight, map() AS attributes FROM (
  SELECT *, max(leads) OVER (${OF_VALUE}, stay) AS led FROM (
    SELECT *, sum(comesBack) OVER (${OF_VALUE} ORDER BY minute) AS stay FROM (
      SELECT *, nth > 1 AND dateDiff('second', greatest(othersFrom, lagInFrame(last) OVER (${OF_VALUE} ORDER BY minute
        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)), least(first, othersTo)) >= ${GONE_SECONDS} AS comesBack
      FROM (
        SELECT *, lagInFrame(nextBegins) OVER (${OF_VALUE} ORDER BY minute ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS othersFrom
        FROM (
          SELECT *, row_number() OVER (${OF_VALUE} ORDER BY minute) AS nth,
          lagInFrame(value) OVER (${order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS ruling,
          lagInFrame(last) OVER (${order} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS othersTo,
          leadInFrame(first) OVER (${order} ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS nextBegins,
          sum(records) OVER (${OF_VALUE} ${ahead}) AS own, sum(records) OVER (${OF_SUBJECT} ${ahead}) AS everyone,
          own >= ${LEADS_FROM} AND 2 * own > everyone AS leads
          FROM (
            SELECT service, environment, subject, value, toUInt32(intDiv(toUnixTimestamp64Nano(at), 60000000000)) AS minute,
            count() AS records, min(at) AS first, max(at) AS last, argMin(trace, at) AS traceId, argMin(span, at) AS spanId,
            argMin(origin, at) AS signal
            FROM (${from}) WHERE value != '' GROUP BY service, environment, subject, value, minute
          )
        )
      )
    )
  )
)
WHERE nth = 1 OR (comesBack AND led)
QUALIFY sight <= ${1 + RETURNS_MAX}`;
}

/** Which spans and log records are asked for their service's version. */
interface VersionSources {
  readonly spans: string;
  readonly logs: string;
}

const EVERY_RECORD: VersionSources = { spans: '', logs: '' };

/**
 * Where there is much: of each service the operation with most spans before and the one with most spans now, which the table's
 * order finds without reading the others, and log records of services without spans only. A service changes its version in all it does.
 */
const BUSIEST_OPERATIONS: VersionSources = {
  spans: `AND (ServiceName, SpanName) IN (
  SELECT ServiceName, SpanName FROM otel_traces WHERE ${SCOPED} AND ${IN_SERVICES}
  GROUP BY ServiceName, SpanName, Timestamp >= ${FROM} AS isNow ORDER BY count() DESC LIMIT 1 BY ServiceName, isNow)`,
  logs: `AND ServiceName NOT IN (SELECT DISTINCT ServiceName FROM otel_traces WHERE ${SCOPED})`,
};

function versions(sources: VersionSources): string {
  return firstSeenAndReturned(
    'version',
    `SELECT ServiceName AS service, ${ENVIRONMENT} AS environment, 'service.version' AS subject,
  ResourceAttributes['service.version'] AS value, Timestamp AS at, TraceId AS trace, SpanId AS span, 'traces' AS origin
  FROM otel_traces WHERE ${SCOPED} AND ${IN_SERVICES} ${sources.spans}
  UNION ALL
  SELECT ServiceName AS service, ${ENVIRONMENT} AS environment, 'service.version' AS subject,
  ResourceAttributes['service.version'] AS value, Timestamp AS at, TraceId AS trace, SpanId AS span, 'logs' AS origin
  FROM otel_logs WHERE ${SCOPED} AND ${IN_SERVICES} ${sources.logs}`,
  );
}

const FLAGS = firstSeen(
  'feature_flag',
  `SELECT ServiceName AS service, ${ENVIRONMENT} AS environment, a['feature_flag.key'] AS subject,
  if(a['feature_flag.result.variant'] != '', a['feature_flag.result.variant'], a['feature_flag.variant']) AS value,
  Timestamp AS at, TraceId AS trace, SpanId AS span, 'traces' AS origin
  FROM otel_traces ARRAY JOIN Events.Attributes AS a
  WHERE ${SCOPED} AND ${IN_SERVICES} AND notEmpty(Events.Name) AND a['feature_flag.key'] != ''
  UNION ALL
  SELECT ServiceName AS service, ${ENVIRONMENT} AS environment, LogAttributes['feature_flag.key'] AS subject,
  if(LogAttributes['feature_flag.result.variant'] != '', LogAttributes['feature_flag.result.variant'],
    LogAttributes['feature_flag.variant']) AS value,
  Timestamp AS at, TraceId AS trace, SpanId AS span, 'logs' AS origin
  FROM otel_logs WHERE ${SCOPED} AND ${IN_SERVICES} AND LogAttributes['feature_flag.key'] != ''`,
);

const DELIVERY_KEYS = `['cicd.pipeline.name', 'cicd.pipeline.run.id', 'cicd.pipeline.result', 'cicd.pipeline.run.url.full',
'deployment.name', 'deployment.id', 'deployment.status', 'vcs.change.id', 'vcs.change.title', 'vcs.ref.head.name',
'vcs.ref.head.revision', 'vcs.repository.url.full']`;

/** Each map is asked for them by itself: that way the skip indexes on the keys leave out what has none. */
const NAMING_KEYS = `['cicd.pipeline.run.id', 'deployment.id', 'deployment.name', 'vcs.change.id']`;

function deliveries(table: string, attributes: string, origin: string): string {
  return `SELECT ServiceName AS service, ${ENVIRONMENT} AS environment,
  mapFilter((k, v) -> has(${DELIVERY_KEYS}, k) AND v != '', mapUpdate(ResourceAttributes, ${attributes})) AS named,
  Timestamp AS at, TraceId AS trace, SpanId AS span, '${origin}' AS origin
  FROM ${table} WHERE ${SCOPED} AND ${IN_SERVICES}
  AND (hasAny(mapKeys(ResourceAttributes), ${NAMING_KEYS}) OR hasAny(mapKeys(${attributes}), ${NAMING_KEYS}))`;
}

const DELIVERIES = `SELECT 'delivery' AS kind, service, environment,
arrayFirst(t -> t != '', [any(named['deployment.name']), any(named['cicd.pipeline.name']), any(named['vcs.change.title']),
  any(named['deployment.id']), any(named['vcs.change.id']), 'delivery']) AS subject,
'' AS before,
arrayFirst(t -> t != '', [any(named['vcs.ref.head.revision']), any(named['deployment.id']),
  any(named['cicd.pipeline.run.id']), any(named['vcs.change.id']), 'seen']) AS after,
min(at) AS first, argMin(trace, at) AS traceId, argMin(span, at) AS spanId, argMin(origin, at) AS signal,
toUInt32(1) AS sight, argMin(named, at) AS attributes
FROM (${deliveries('otel_traces', 'SpanAttributes', 'traces')} UNION ALL ${deliveries('otel_logs', 'LogAttributes', 'logs')})
GROUP BY service, environment,
  concat(named['cicd.pipeline.run.id'], '/', named['deployment.id'], '/', named['vcs.change.id']) AS run`;

const COLUMNS = `kind, service, environment, subject, before, after, toString(toUnixTimestamp64Nano(first)) AS firstSeen,
traceId, spanId, signal, sight`;

function changesOf(sources: VersionSources): string {
  return `SELECT ${COLUMNS}, attributes FROM (
SELECT kind, service, environment, subject, before, after, first, traceId, spanId, signal, sight,
CAST(attributes, 'Map(String, String)') AS attributes FROM (${versions(sources)}) WHERE before != ''
UNION ALL
SELECT kind, service, environment, subject, before, after, first, traceId, spanId, signal, sight,
CAST(attributes, 'Map(String, String)') AS attributes FROM (${FLAGS}) WHERE before != ''
UNION ALL
SELECT kind, service, environment, subject, before, after, first, traceId, spanId, signal, sight,
CAST(attributes, 'Map(String, String)') AS attributes FROM (${DELIVERIES})
)
WHERE first >= ${BASELINE} AND first < ${TO}
ORDER BY first, service, subject, after LIMIT ${ROWS_MAX}`;
}

function toChange(row: ChangeRow): SeenChange {
  return {
    kind: row.kind,
    service: row.service,
    environment: row.environment,
    subject: row.subject,
    before: row.before,
    after: row.after,
    firstSeenUnixNano: BigInt(row.firstSeen),
    traceId: row.traceId,
    spanId: row.spanId,
    signal: row.signal,
    sight: row.sight,
    attributes: row.attributes,
  };
}
