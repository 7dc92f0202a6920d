/**
 * Telemetry and agent work that is already stored when a measurement begins: made inside ClickHouse from numbers, so that ten
 * million spans take a minute. Rows are as wide as those of real services: eight attributes of a resource and ten of a span, logs
 * with a text each, gauges of each service. One service fails and is slow from the incident's start on.
 */
import type { TemporaryStore } from '../test/support/temporary-store.ts';

const ROWS_AT_ONCE = 1_000_000;
const SPANS_PER_TRACE = 8;
export const SERVICES = 40;
/** The service that fails, and the share of its spans that do. */
export const FAULTY_SERVICE = 'service-07';

export interface StoredTelemetry {
  readonly spans: number;
  readonly logs: number;
  readonly gaugePoints: number;
  /** Milliseconds since the epoch: telemetry lies in [from, to), the fault begins at `faultAt`. */
  readonly from: number;
  readonly to: number;
  readonly faultAt: number;
}

type Run = Pick<TemporaryStore, 'command'>;

export async function storeTelemetry(store: Run, telemetry: StoredTelemetry): Promise<void> {
  await inPieces(telemetry.spans, (from, rows) => store.command(spans(telemetry, from, rows)));
  await inPieces(telemetry.logs, (from, rows) => store.command(logs(telemetry, from, rows)));
  await inPieces(telemetry.gaugePoints, (from, rows) => store.command(gauges(telemetry, from, rows)));
}

/** What merges make of stored rows in time: one part, with its skip indexes. Until then they take both cores. */
export async function settle(store: Run): Promise<void> {
  for (const table of ['otel_traces', 'otel_traces_trace_id_ts', 'otel_logs', 'otel_metrics_gauge', 'evidence']) {
    await store.command(`OPTIMIZE TABLE ${table} FINAL`);
  }
}

async function inPieces(total: number, insert: (from: number, rows: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < total; from += ROWS_AT_ONCE) await insert(from, Math.min(ROWS_AT_ONCE, total - from));
}

/** Skip indexes are made when parts are merged, as by the loader. */
const SETTINGS = 'SETTINGS max_threads = 2, max_insert_threads = 1, materialize_skip_indexes_on_insert = 0';

const RESOURCE = `map('service.name', service, 'service.version', '2.14.1', 'service.namespace', 'shop',
'service.instance.id', concat(service, '-', toString(number % 4)), 'deployment.environment.name', 'prod',
'k8s.pod.name', concat(service, '-5f6d8c-', toString(number % 4)), 'k8s.namespace.name', 'shop',
'telemetry.sdk.language', 'java')`;

function at(of: StoredTelemetry, share: string): string {
  const nanoseconds = `${of.from}000000 + toInt64(${share} * ${of.to - of.from}000000)`;
  return `fromUnixTimestamp64Nano(${nanoseconds})`;
}

function failing(of: StoredTelemetry, oneIn: number): string {
  return `(service = '${FAULTY_SERVICE}' AND at >= fromUnixTimestamp64Milli(${of.faultAt}) AND number % ${oneIn} = 0)`;
}

/** Spans that a span's time holds, itself included, by its place in the trace. */
const WITHIN = '[8, 4, 3, 2, 1, 1, 1, 1]';

/**
 * The tree of a trace: span 0 is its root, span n hangs below span (n - 1) / 2.
 * Twelve routes through the services. What waits
 * for the faulty service is as much slower as it is.
 */
function spans(of: StoredTelemetry, from: number, rows: number): string {
  return `INSERT INTO otel_traces (Tenant, ReceivedAt, Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind,
ServiceName, ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, Events.Timestamp, Events.Name,
Events.Attributes, PolicyVersion)
SELECT 'default', now64(9), at, ${hexId('sipHash128(trace)')}, ${spanId('number')},
if(place = 0, '', ${spanId('number - place + intDiv(place - 1, 2)')}),
concat(['GET', 'POST'][1 + route % 2], ' /api/', service, '/', toString(route % 5)), ['Server', 'Client'][1 + place % 2],
service, ${RESOURCE}, 'io.opentelemetry.spring-webmvc', '2.11.0',
map('http.request.method', 'GET', 'http.route', concat('/api/', service), 'http.response.status_code', if(failed, '500', '200'),
'url.path', concat('/api/', service, '/', toString(number % 1000)), 'url.scheme', 'https', 'server.address', concat(service, '.shop'),
'server.port', '8080', 'network.protocol.version', '1.1', 'thread.id', toString(number % 64), 'client.address', '10.0.0.7'),
toUInt64((2000000 + rand(1) % 1000000) * ${WITHIN}[1 + place] + if(slow, 200000000, 0)), if(failed, 'Error', 'Unset'),
if(failed, [at], []), if(failed, ['exception'], []),
if(failed, [map('exception.type', 'java.net.SocketTimeoutException', 'exception.message', 'Read timed out')], []), 'bench@1'
FROM (SELECT number, intDiv(number, ${SPANS_PER_TRACE}) AS trace, number % ${SPANS_PER_TRACE} AS place, trace % 12 AS route,
concat('service-', leftPad(toString((route * 3 + place) % ${SERVICES}), 2, '0')) AS service,
${at(of, `trace / ${Math.ceil(of.spans / SPANS_PER_TRACE)}`)} + toIntervalMicrosecond(place * 900) AS at,
(7 - route * 3 + 40) % 40 AS faulty, ${failing(of, 5)} OR rand(2) % 2000 = 0 AS failed,
at >= fromUnixTimestamp64Milli(${of.faultAt}) AND faulty < ${SPANS_PER_TRACE} AND
place IN (faulty, intDiv(faulty - 1, 2), intDiv(intDiv(faulty - 1, 2) - 1, 2)) AND faulty > 0 AS slow
FROM numbers(${from}, ${rows})) ${SETTINGS}`;
}

function hexId(hash: string): string {
  return `lower(hex(${hash}))`;
}

function spanId(number: string): string {
  return `leftPad(lower(hex(sipHash64(${number}))), 16, '0')`;
}

function logs(of: StoredTelemetry, from: number, rows: number): string {
  return `INSERT INTO otel_logs (Tenant, ReceivedAt, Timestamp, ObservedTimestamp, TraceId, SpanId, SeverityText, SeverityNumber,
ServiceName, Body, ResourceAttributes, ScopeName, LogAttributes, PolicyVersion)
SELECT 'default', now64(9), at, at, ${hexId('sipHash128(number)')}, ${spanId('number')}, if(failed, 'ERROR', 'INFO'),
if(failed, 17, 9), service,
if(failed, concat('Read timed out after ', toString(number % 9000), ' ms calling payments for order ', toString(number)),
['Handled request ', 'Cache hit for key ', 'Committed transaction '][1 + number % 3] || toString(number) || ' in ' ||
toString(rand(3) % 900) || ' ms for tenant "t' || toString(number % 50) || '"'),
${RESOURCE}, 'com.shop.Handler', map('thread.name', concat('http-', toString(number % 64)), 'code.namespace', 'com.shop.Handler'),
'bench@1'
FROM (SELECT number, concat('service-', leftPad(toString(number % ${SERVICES}), 2, '0')) AS service,
${at(of, `number / ${of.logs}`)} AS at, ${failing(of, 3)} AS failed
FROM numbers(${from}, ${rows})) ${SETTINGS}`;
}

function gauges(of: StoredTelemetry, from: number, rows: number): string {
  return `INSERT INTO otel_metrics_gauge (Tenant, ReceivedAt, TimeUnix, ServiceName, MetricName, MetricUnit, Value,
ResourceAttributes, Attributes, PolicyVersion)
SELECT 'default', now64(9), at, service, concat('process.figure.', toString(number % 25)), '1',
50 + rand(4) % 10 + if(${failing(of, 1)} AND number % 25 = 3, 40, 0), ${RESOURCE},
map('instance', toString(number % 4)), 'bench@1'
FROM (SELECT number, concat('service-', leftPad(toString(intDiv(number, 25) % ${SERVICES}), 2, '0')) AS service,
${at(of, `number / ${of.gaugePoints}`)} AS at
FROM numbers(${from}, ${rows})) ${SETTINGS}`;
}

export interface StoredWork {
  readonly rows: number;
  /** First of the numbers that the rows are made from: rows of two numbers are never one. */
  readonly first: number;
  readonly agent: string;
  /** Ref that the rows name; `''` for none. */
  readonly ref: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** Tool calls that no incident has yet, with 1.5 KB of content each, as the linker stores them. */
export async function storeAgentWork(store: Run, work: StoredWork): Promise<void> {
  await store.command(`INSERT INTO evidence (tenant, incident, id, version, kind, occurred_at, ended_at, received_at, outcome,
actor_kind, actor_name, service, environment, summary, tool_name, tool_call_id, tool_type, tool_tier, tool_tier_rule,
conversation_id, session_id, trace_id, span_id, signal, named_refs, source_family, trust, dialect, policy_version, digest, content,
redactions, facts)
SELECT 'default', '', concat('ev_', hex(sipHash128(number))), toUInt64(${work.from}000000 + number), 'tool_call', at, at, at, 'ok', 'agent',
'${work.agent}', '${work.agent}', 'prod', concat('kubectl_get pods namespace=shop page=', toString(number)), 'kubectl_get',
concat('call_', toString(number)), 'function', 'read', 'name.verb', concat('conversation-', toString(intDiv(number, 40))), '',
${hexId('sipHash128(intDiv(number, 20), 7)')}, ${spanId('number')}, 'traces',
${work.ref === '' ? '[]' : `['${work.ref}']`}, 'tool:kubectl_get:get', 'self_reported', 'otel-genai', 'bench@1', hex(sipHash128(number)),
concat('{"arguments":{"captured":true,"value":"{\\\\"namespace\\\\":\\\\"shop\\\\",\\\\"page\\\\":', toString(number),
'}","bytes":40,"digest":"hmac:k1:', hex(sipHash64(number)), '"},"result":{"captured":true,"value":"', repeat(hex(sipHash128(number)), 45),
'","bytes":1440,"digest":null}}'), '[]', '{"verb":"get"}'
FROM (SELECT number, fromUnixTimestamp64Nano(${work.from}000000 +
toInt64((number - ${work.first}) / ${work.rows} * ${work.to - work.from}000000)) AS at
FROM numbers(${work.first}, ${work.rows})) ${SETTINGS}`);
}
