import type { EdgeFigures, Figures, GapFigures, OwnTimeFigures, SignalScope } from '../../record/service-signals.ts';
import type { Database } from '../database.ts';
import { AS_OF, compare, FROM, inBoth, inWindow } from './comparison.ts';

/** Rows of one kind; ranking keeps far fewer. */
const ROWS_MAX = 200;
/** Seconds after which a span's parent could have come. */
const SETTLED_SECONDS = 120;

const TRACE = 'cityHash64(TraceId)';
const CHOSEN = `${TRACE} % {oneIn:UInt32} = 0`;

/** One in `oneIn` traces, of those that a named service has spans in where services are named. */
function chosenTraces(services: readonly string[]): string {
  if (services.length === 0) return CHOSEN;
  return `${TRACE} IN (SELECT ${TRACE} FROM otel_traces WHERE ${inBoth()} AND ServiceName IN {services:Array(String)} AND ${CHOSEN})`;
}

/**
 * What lies between the spans of a trace, all of it by one reading of the table and without a join: each span stands under
 * its own id and under its parent's, so that a group holds one span and its children. What a group says becomes facts:
 *
 * - `own`: the span's duration without its children's; `callee` is another service that it calls;
 * - `edge`: a call from one service into another;
 * - `gap`: a child whose parent is not there, though there was time for it;
 * - `service`, `all`: the traces a service, or anybody, has spans in.
 *
 * A trace fails when a span of it failed in the window, or an error was logged under it.
 */
function traceFacts(services: readonly string[]): string {
  return `SELECT *, max(if(kind = 'all', failingTraces, 0)) OVER () AS allFailing FROM (
SELECT fact.1 AS kind, fact.2 AS service, fact.3 AS operation, fact.4 AS callee,
toUInt32(countIf(NOT fact.5)) AS spansBefore, toUInt32(countIf(fact.5)) AS spans,
ifNotFinite(avgIf(fact.6, NOT fact.5), 0) AS meanBefore, ifNotFinite(avgIf(fact.6, fact.5), 0) AS mean,
toUInt32(countIf(fact.5 AND fact.7)) AS errors,
toUInt32(uniqExactIf(trace, NOT fact.5)) AS tracesBefore, toUInt32(uniqExactIf(trace, fact.5)) AS traces,
toUInt32(uniqExactIf(trace, fact.5 AND fails)) AS failingTraces,
if(kind = 'own', argMaxIf(id, (fact.6, trace), fact.5), minIf(id, fact.5 AND (fails OR kind != 'edge'))) AS traceId
FROM (
  SELECT trace, id, fails, arrayJoin(if(present, arrayConcat([
      ('own', service, operation, arrayMin(arrayFilter(name -> name != service, children.1)), isNow,
        toUInt64(duration - least(duration, below)), failed),
      ('service', service, '', '', isNow, toUInt64(0), failed),
      ('all', '', '', '', isNow, toUInt64(0), failed)],
    arrayMap(child -> ('edge', service, '', child.1, child.2, toUInt64(0), child.3 OR failed),
      arrayFilter(child -> child.1 != service, children))),
    arrayMap(child -> ('gap', child.1, '', '', child.2, toUInt64(0), child.3), arrayFilter(child -> child.4, children)))) AS fact
  FROM (
    SELECT trace, any(id) AS id, any(fails) AS fails, max(key.2) AS present, anyIf(span.3, key.2) AS service,
    anyIf(span.4, key.2) AS operation, anyIf(span.5, key.2) AS isNow, anyIf(span.6, key.2) AS failed,
    anyIf(span.7, key.2) AS duration, sumIf(span.7, NOT key.2) AS below,
    groupArrayIf((span.3, span.5, span.6, span.8), NOT key.2) AS children
    FROM (
      SELECT ${TRACE} AS trace, any(TraceId) AS id,
      max(StatusCode = 'Error' AND Timestamp >= ${FROM}) OR trace IN (
        SELECT ${TRACE} FROM otel_logs WHERE ${inWindow()} AND SeverityNumber >= 17 AND TraceId != '') AS fails,
      arrayJoin(groupArray((cityHash64(SpanId), if(ParentSpanId = '', 0, cityHash64(ParentSpanId)), toString(ServiceName),
        toString(SpanName), Timestamp >= ${FROM}, StatusCode = 'Error', Duration,
        Timestamp < ${AS_OF} - INTERVAL ${SETTLED_SECONDS} SECOND))) AS span,
      arrayJoin([(span.1, true), (span.2, false)]) AS key
      FROM otel_traces PREWHERE ${inBoth()} AND ${chosenTraces(services)} GROUP BY trace
    )
    WHERE key.1 != 0 GROUP BY trace, key.1
  )
)
GROUP BY kind, service, operation, callee)`;
}

const OWN_TIMES = `SELECT service, operation, callee, spansBefore, spans, meanBefore, mean, traceId AS slowTraceId`;
const EDGES = `SELECT service AS caller, callee, spansBefore AS callsBefore, spans AS calls, errors, allFailing AS failingTraces,
facts.failingTraces AS failingTracesHere, traces AS tracesHere, traceId`;
const GAPS = `SELECT service, tracesBefore, traces, spans, traceId`;

/** What is worth telling of a kind, and how much of it: the rest is not read. */
const TELLING = `multiIf(kind = 'own', spans >= 2 AND spansBefore >= 1, kind = 'edge', failingTraces > 0, kind = 'gap', spans > 0,
kind = 'service')`;
const WEIGHT = `multiIf(kind = 'own', (mean - meanBefore) * spans, kind = 'edge', failingTraces / traces,
toFloat64(tracesBefore + traces))`;

interface FactRow {
  readonly kind: 'own' | 'edge' | 'gap' | 'service';
  readonly service: string;
  readonly operation: string;
  readonly callee: string;
  readonly spansBefore: number;
  readonly spans: number;
  readonly meanBefore: number;
  readonly mean: number;
  readonly errors: number;
  readonly tracesBefore: number;
  readonly traces: number;
  readonly failingTraces: number;
  readonly allFailing: number;
  readonly traceId: string;
}

export interface TraceComparison {
  readonly ownTimes: Figures<OwnTimeFigures>;
  readonly edges: Figures<EdgeFigures>;
  readonly gaps: Figures<GapFigures>;
  /** Services with spans in the traces looked at, those with most traces first. */
  readonly reached: readonly string[];
}

/** Compares one in `oneIn` traces: all of the tenant's, or those that one of the scope's services has spans in. */
export async function compareTraces(database: Database, scope: SignalScope, oneIn: number): Promise<TraceComparison> {
  const statement = `SELECT * FROM (${traceFacts(scope.services)}) WHERE ${TELLING}
ORDER BY kind, ${WEIGHT} DESC, failingTraces DESC, service, operation, callee LIMIT ${ROWS_MAX} BY kind`;
  const found = await compare<FactRow>(database, statement, scope, { services: scope.services, oneIn });
  function figures<Row>(kind: FactRow['kind'], columns: string, toRow: (fact: FactRow) => Row): Figures<Row> {
    const query = `${columns} FROM (${found.query}) AS facts WHERE kind = '${kind}'`;
    return { ...found, query, rows: found.rows.filter((fact) => fact.kind === kind).map(toRow) };
  }
  return {
    ownTimes: figures('own', OWN_TIMES, (fact) => ({
      service: fact.service,
      operation: fact.operation,
      callee: fact.callee,
      spansBefore: fact.spansBefore,
      spans: fact.spans,
      meanBefore: fact.meanBefore,
      mean: fact.mean,
      slowTraceId: fact.traceId,
    })),
    edges: figures('edge', EDGES, (fact) => ({
      caller: fact.service,
      callee: fact.callee,
      callsBefore: fact.spansBefore,
      calls: fact.spans,
      errors: fact.errors,
      failingTraces: fact.allFailing,
      failingTracesHere: fact.failingTraces,
      tracesHere: fact.traces,
      traceId: fact.traceId,
    })),
    gaps: figures('gap', GAPS, (fact) => ({
      service: fact.service,
      tracesBefore: fact.tracesBefore,
      traces: fact.traces,
      spans: fact.spans,
      traceId: fact.traceId,
    })),
    reached: found.rows.filter((fact) => fact.kind === 'service').map((fact) => fact.service),
  };
}
