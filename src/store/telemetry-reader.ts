import type { StoredLogRecord, StoredSpan, StoredTrace, TelemetryReader } from '../record/telemetry-reader.ts';
import type { Database } from './database.ts';

const SPANS_MAX = 5_000;
const LOGS_MAX = 5_000;

interface SpanRow extends Omit<StoredSpan, 'attributes' | 'resourceAttributes' | 'events'> {
  readonly attributes: Readonly<Record<string, string>>;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly eventTimes: readonly string[];
  readonly eventNames: readonly string[];
  readonly eventAttributes: readonly Readonly<Record<string, string>>[];
}

const ISO = (column: string): string => `concat(replaceOne(toString(toTimeZone(${column}, 'UTC')), ' ', 'T'), 'Z')`;

/** Traces from `otel_traces` and `otel_logs`. `otel_traces_trace_id_ts` says on which days to look for the spans. */
export function createTelemetryReader(database: Database): TelemetryReader {
  return {
    async trace(tenant, traceId): Promise<StoredTrace | undefined> {
      if (!/^[0-9a-f]{32}$/.test(traceId)) return undefined;
      const [spans, logs] = await Promise.all([
        readSpans(database, tenant, traceId),
        readLogs(database, tenant, traceId),
      ]);
      if (spans.length === 0 && logs.length === 0) return undefined;
      return {
        traceId,
        spans: spans.slice(0, SPANS_MAX).map(toSpan),
        logs: logs.slice(0, LOGS_MAX),
        truncated: spans.length > SPANS_MAX || logs.length > LOGS_MAX,
      };
    },
  };
}

async function readSpans(database: Database, tenant: string, traceId: string): Promise<readonly SpanRow[]> {
  const days = await database.select<{ day: string }>(
    `SELECT DISTINCT toString(ReceivedOn) AS day FROM otel_traces_trace_id_ts
WHERE TraceId = {traceId:String} AND Tenant = {tenant:String} LIMIT 1000`,
    { tenant, traceId },
  );
  if (days.length === 0) return [];
  return database.select<SpanRow>(
    `SELECT TraceId AS traceId, SpanId AS spanId, ParentSpanId AS parentSpanId, SpanName AS name, SpanKind AS kind,
ServiceName AS service, ${ISO('Timestamp')} AS startedAt, toString(Duration) AS durationNano,
StatusCode AS statusCode, StatusMessage AS statusMessage, SpanAttributes AS attributes,
ResourceAttributes AS resourceAttributes, arrayMap(at -> ${ISO('at')}, Events.Timestamp) AS eventTimes,
Events.Name AS eventNames, Events.Attributes AS eventAttributes
FROM otel_traces
WHERE TraceId = {traceId:String} AND Tenant = {tenant:String}
AND toString(toDate(ReceivedAt)) IN {days:Array(String)}
ORDER BY Timestamp, SpanId LIMIT ${SPANS_MAX + 1}`,
    { tenant, traceId, days: days.map((row) => row.day) },
  );
}

function readLogs(database: Database, tenant: string, traceId: string): Promise<readonly StoredLogRecord[]> {
  return database.select<StoredLogRecord>(
    `SELECT ${ISO('Timestamp')} AS at, TraceId AS traceId, SpanId AS spanId,
if(SeverityText = '', toString(SeverityNumber), SeverityText) AS severity, ServiceName AS service, Body AS body,
EventName AS eventName, LogAttributes AS attributes
FROM otel_logs
WHERE TraceId = {traceId:String} AND Tenant = {tenant:String}
ORDER BY Timestamp, SpanId LIMIT ${LOGS_MAX + 1}`,
    { tenant, traceId },
  );
}

function toSpan(row: SpanRow): StoredSpan {
  const { eventTimes, eventNames, eventAttributes, ...span } = row;
  return {
    ...span,
    events: eventTimes.map((at, index) => ({
      at,
      name: eventNames[index] ?? '',
      attributes: eventAttributes[index] ?? {},
    })),
  };
}
