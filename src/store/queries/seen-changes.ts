import type { ChangeFigures, Figures, SeenChange, SignalScope } from '../../record/service-signals.ts';
import type { Database } from '../database.ts';
import { BASELINE, compare, inBoth, ofServices, TO } from './comparison.ts';

/** Changes of one kind. */
const ROWS_MAX = 200;
/** A version is gone when others were seen over this many seconds without it; seen again after that, it came back. */
const GONE_SECONDS = 300;
/** Records within that time from which a version that came back can be most of what is seen. */
const LEADS_FROM = 3;
/** How often a version of one service and environment is told to have come back. */
const RETURNS_MAX = 5;

/** Each kind by a statement of its own: one that does not finish hides none of the others. */
export async function findChanges(
  database: Database,
  scope: SignalScope,
  compared: readonly string[],
): Promise<ChangeFigures> {
  async function ask(statement: string, services: readonly string[]): Promise<Figures<SeenChange>> {
    const found = await compare<ChangeRow>(database, statement, scope, { services });
    return { ...found, rows: found.rows.map(toChange) };
  }

  /** Most services have had one version: only the others are asked in full. */
  async function versionsOf(): Promise<Figures<SeenChange>> {
    const statement = severalVersions(compared);
    const several = await compare<{ service: string }>(database, statement, scope, { services: compared });
    if (several.rows.length === 0) return { ...several, rows: [] };
    const services = several.rows.map((row) => row.service);
    return ask(ofKind(versions(services)), services);
  }

  return {
    version: await versionsOf(),
    feature_flag: await ask(ofKind(flags(compared)), compared),
    delivery: await ask(ofKind(deliveriesOf(compared)), compared),
  };
}

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

const OF_SUBJECT = 'PARTITION BY service, environment, subject';
const OF_VALUE = `${OF_SUBJECT}, value`;

/**
 * First sight of each value, with the one seen before it of the same subject, and each time one comes back after others had
 * taken its place. By minutes, read once: of each minute a
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

/** Services that more than one version was seen of, in whatever environments. */
function severalVersions(services: readonly string[]): string {
  return `SELECT service FROM (
  SELECT ServiceName AS service, groupUniqArray(2)(ResourceAttributes['service.version']) AS seen
  FROM otel_traces WHERE ${inBoth()} ${ofServices(services)} GROUP BY service
  UNION ALL
  SELECT ServiceName AS service, groupUniqArray(2)(ResourceAttributes['service.version']) AS seen
  FROM otel_logs WHERE ${inBoth()} ${ofServices(services)} GROUP BY service
)
GROUP BY service HAVING length(arrayFilter(version -> version != '', groupUniqArrayArray(seen))) > 1
ORDER BY service LIMIT 1000`;
}

function sightings(table: string, origin: string, services: readonly string[]): string {
  return `SELECT ServiceName AS service, Environment AS environment, 'service.version' AS subject,
  ResourceAttributes['service.version'] AS value, Timestamp AS at, TraceId AS trace, SpanId AS span, '${origin}' AS origin
  FROM ${table} WHERE ${inBoth()} ${ofServices(services)}`;
}

function versions(services: readonly string[]): string {
  const seen = `${sightings('otel_traces', 'traces', services)} UNION ALL ${sightings('otel_logs', 'logs', services)}`;
  return firstSeenAndReturned('version', seen);
}

function flags(services: readonly string[]): string {
  return firstSeenAndReturned(
    'feature_flag',
    `SELECT ServiceName AS service, Environment AS environment, a['feature_flag.key'] AS subject,
  if(a['feature_flag.result.variant'] != '', a['feature_flag.result.variant'], a['feature_flag.variant']) AS value,
  Timestamp AS at, TraceId AS trace, SpanId AS span, 'traces' AS origin
  FROM otel_traces ARRAY JOIN Events.Attributes AS a
  PREWHERE ${inBoth()} ${ofServices(services)} AND notEmpty(Events.Name)
  AND arrayExists(each -> each['feature_flag.key'] != '', Events.Attributes)
  WHERE subject != ''
  UNION ALL
  SELECT ServiceName AS service, Environment AS environment, LogAttributes['feature_flag.key'] AS subject,
  if(LogAttributes['feature_flag.result.variant'] != '', LogAttributes['feature_flag.result.variant'],
    LogAttributes['feature_flag.variant']) AS value,
  Timestamp AS at, TraceId AS trace, SpanId AS span, 'logs' AS origin
  FROM otel_logs WHERE ${inBoth()} ${ofServices(services)} AND has(mapKeys(LogAttributes), 'feature_flag.key') AND subject != ''`,
  );
}

const DELIVERY_KEYS = `['cicd.pipeline.name', 'cicd.pipeline.run.id', 'cicd.pipeline.result', 'cicd.pipeline.run.url.full',
'deployment.name', 'deployment.id', 'deployment.status', 'vcs.change.id', 'vcs.change.title', 'vcs.ref.head.name',
'vcs.ref.head.revision', 'vcs.repository.url.full']`;

/** Each map is asked for them by itself: that way the skip indexes on the keys leave out what has none. */
const NAMING_KEYS = `['cicd.pipeline.run.id', 'deployment.id', 'deployment.name', 'vcs.change.id']`;

function deliveries(table: string, attributes: string, origin: string, services: readonly string[]): string {
  return `SELECT ServiceName AS service, Environment AS environment,
  mapFilter((k, v) -> has(${DELIVERY_KEYS}, k) AND v != '', mapUpdate(ResourceAttributes, ${attributes})) AS named,
  Timestamp AS at, TraceId AS trace, SpanId AS span, '${origin}' AS origin
  FROM ${table} WHERE ${inBoth()} ${ofServices(services)}
  AND (hasAny(mapKeys(ResourceAttributes), ${NAMING_KEYS}) OR hasAny(mapKeys(${attributes}), ${NAMING_KEYS}))`;
}

function deliveriesOf(services: readonly string[]): string {
  const spans = deliveries('otel_traces', 'SpanAttributes', 'traces', services);
  const logs = deliveries('otel_logs', 'LogAttributes', 'logs', services);
  return `SELECT 'delivery' AS kind, service, environment,
arrayFirst(t -> t != '', [any(named['deployment.name']), any(named['cicd.pipeline.name']), any(named['vcs.change.title']),
  any(named['deployment.id']), any(named['vcs.change.id']), 'delivery']) AS subject,
'' AS before,
arrayFirst(t -> t != '', [any(named['vcs.ref.head.revision']), any(named['deployment.id']),
  any(named['cicd.pipeline.run.id']), any(named['vcs.change.id']), 'seen']) AS after,
min(at) AS first, argMin(trace, at) AS traceId, argMin(span, at) AS spanId, argMin(origin, at) AS signal,
toUInt32(1) AS sight, argMin(named, at) AS attributes
FROM (${spans} UNION ALL ${logs})
GROUP BY service, environment,
  concat(named['cicd.pipeline.run.id'], '/', named['deployment.id'], '/', named['vcs.change.id']) AS run`;
}

/** Those of a statement's changes that happened in the scope; what came before it has nothing to compare with. */
function ofKind(statement: string): string {
  return `SELECT kind, service, environment, subject, before, after, toString(toUnixTimestamp64Nano(first)) AS firstSeen,
traceId, spanId, signal, sight, attributes FROM (${statement})
WHERE (kind = 'delivery' OR before != '') AND first >= ${BASELINE} AND first < ${TO}
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
