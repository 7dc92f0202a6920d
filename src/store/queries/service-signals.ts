import type {
  ExceptionFigures,
  ExceptionTrace,
  Figures,
  LogPatternFigures,
  MetricFigures,
  OperationFigures,
  OperationTraces,
  ServiceFigures,
  SignalFigures,
  SignalReader,
  SignalScope,
} from '../../record/service-signals.ts';
import type { Database } from '../database.ts';
import { compare, FROM, inBoth, inWindow, ofServices } from './comparison.ts';
import { logPatterns } from './log-patterns.ts';
import { findChanges } from './seen-changes.ts';
import { compareTraces } from './trace-comparison.ts';

/** Rows of one comparison; ranking keeps far fewer. */
const ROWS_MAX = 200;
/** Spans of whole traces that are looked at together; beyond, traces are sampled. */
const SPANS_TOGETHER_MAX = 150_000;
/** So many are sampled out of spans that could not even be counted. */
const UNCOUNTED_ONE_IN = 1_000;
/** Services compared, and services counted. */
const COMPARED_MAX = 100;
const SERVICES_MAX = 10_000;
const ENVIRONMENTS_MAX = 20;

/** Service signals and changes by SQL over the telemetry tables. */
export function createSignalReader(database: Database): SignalReader {
  function ask<Row>(
    statement: (services: readonly string[]) => string,
    scope: SignalScope,
    services: readonly string[],
  ): Promise<Figures<Row>> {
    return compare<Row>(database, statement(services), scope, { services });
  }

  /** How many traces there are for one that is looked at. */
  async function sampledOneIn(scope: SignalScope, services: readonly ServiceFigures[]): Promise<number> {
    const spansOf = (rows: readonly ServiceFigures[]): number =>
      rows.reduce((sum, row) => sum + row.spansBefore + row.spans, 0);
    const all = spansOf(services);
    if (all <= SPANS_TOGETHER_MAX || scope.services.length === 0)
      return Math.max(1, Math.ceil(all / SPANS_TOGETHER_MAX));
    const { rows } = await ask<{ traces: number }>(() => TRACES, scope, []);
    const traces = Math.max(1, rows[0]?.traces ?? 1);
    const named = spansOf(services.filter((row) => scope.services.includes(row.service)));
    return Math.max(1, Math.ceil((Math.min(named, traces) * (all / traces)) / SPANS_TOGETHER_MAX));
  }

  return {
    async figures(scope): Promise<SignalFigures> {
      // One after the other: what matters more is that receiving and reading go on beside them.
      const services = asServices(await ask<ServiceRow>(() => SERVICES, scope, []));
      const oneIn = services.unfinished === undefined ? await sampledOneIn(scope, services.rows) : UNCOUNTED_ONE_IN;
      const { reached, ...traces } = await compareTraces(database, scope, oneIn);
      const compared =
        scope.services.length === 0 ? [] : [...new Set([...scope.services, ...reached])].slice(0, COMPARED_MAX);
      return {
        sampledOneIn: oneIn,
        compared,
        services,
        ...traces,
        operations: await ask<OperationFigures>(operations, scope, compared),
        exceptions: await ask<ExceptionFigures>(exceptions, scope, compared),
        logPatterns: await ask<LogPatternFigures>(logPatterns, scope, compared),
        metrics: await ask<MetricFigures>(metrics, scope, compared),
      };
    },
    async traces(scope, asked): Promise<readonly OperationTraces[]> {
      if (asked.length === 0) return [];
      const names = [...new Set(asked.map((each) => each.operation))];
      const services = [...new Set(asked.map((each) => each.service))];
      return (await compare<OperationTraces>(database, OPERATION_TRACES, scope, { services, operations: names })).rows;
    },
    async exceptionTraces(scope, asked): Promise<readonly ExceptionTrace[]> {
      if (asked.length === 0) return [];
      const types = [...new Set(asked.map((each) => each.type))];
      const services = [...new Set(asked.map((each) => each.service))];
      return (await compare<ExceptionTrace>(database, EXCEPTION_TRACES, scope, { services, types })).rows;
    },
    changes: (scope, compared) => findChanges(database, scope, compared),
    async environments(scope): Promise<readonly string[]> {
      const { services, environments } = scope;
      const anywhere = { ...scope, environments: [] };
      const among = (condition: string, limit: number): string => `SELECT DISTINCT environment FROM (
  SELECT Environment AS environment FROM otel_traces WHERE ${inBoth()} ${ofServices(services)}
  UNION ALL SELECT Environment AS environment FROM otel_logs WHERE ${inBoth()} ${ofServices(services)}
) WHERE ${condition} LIMIT ${limit}`;
      const ask = async (condition: string, limit: number): Promise<readonly string[]> => {
        const statement = among(condition, limit);
        const { rows } = await compare<{ environment: string }>(database, statement, anywhere, {
          services,
          named: environments,
        });
        return rows.map((row) => row.environment);
      };
      // The first record will do in the usual case; only where none is of them everything has to be read.
      const own = await ask('environment IN {named:Array(String)}', 1);
      return own.length > 0 ? own : ask(`environment != ''`, ENVIRONMENTS_MAX);
    },
  };
}

/** Days of receipt make a trace count more than once: it is close enough to say how many to look at. */
const TRACES = `SELECT toUInt32(count()) AS traces FROM otel_traces_trace_id_ts
WHERE Tenant = {tenant:String} AND End >= toDateTime(fromUnixTimestamp64Nano({baseline:Int64}))
AND Start < toDateTime(fromUnixTimestamp64Nano({to:Int64}))`;

/** Steps of ten seconds in which the baseline has a record. */
const HEARD = `min(Timestamp) AS first, max(Timestamp) AS last,
groupUniqArrayIf(intDiv(toUnixTimestamp64Second(Timestamp), 10), Timestamp < ${FROM}) AS tens`;

const SERVICES = `SELECT service, toUInt32(sum(spansBefore)) AS spansBefore, toUInt32(sum(spans)) AS spans,
toUInt32(sum(logsBefore)) AS logsBefore, toUInt32(sum(logs)) AS logs,
toUInt32(10 * arrayMax(arrayDifference(arraySort(groupUniqArrayArray(tens))))) AS pauseSeconds,
toString(toUnixTimestamp64Nano(min(first))) AS firstSeen, toString(toUnixTimestamp64Nano(max(last))) AS lastSeen
FROM (
  SELECT ServiceName AS service, countIf(Timestamp < ${FROM}) AS spansBefore, countIf(Timestamp >= ${FROM}) AS spans,
  0 AS logsBefore, 0 AS logs, ${HEARD}
  FROM otel_traces WHERE ${inBoth()} GROUP BY service
  UNION ALL
  SELECT ServiceName AS service, 0 AS spansBefore, 0 AS spans,
  countIf(Timestamp < ${FROM}) AS logsBefore, countIf(Timestamp >= ${FROM}) AS logs, ${HEARD}
  FROM otel_logs WHERE ${inBoth()} GROUP BY service
)
WHERE service != '' GROUP BY service ORDER BY spansBefore + spans + logsBefore + logs DESC, service LIMIT ${SERVICES_MAX}`;

interface ServiceRow extends Omit<ServiceFigures, 'firstSeenUnixNano' | 'lastSeenUnixNano'> {
  readonly firstSeen: string;
  readonly lastSeen: string;
}

function asServices({ rows, ...found }: Figures<ServiceRow>): Figures<ServiceFigures> {
  return {
    ...found,
    rows: rows.map(({ firstSeen, lastSeen, ...row }) => ({
      ...row,
      firstSeenUnixNano: BigInt(firstSeen),
      lastSeenUnixNano: BigInt(lastSeen),
    })),
  };
}

/** Quantiles by the first eight binary digits of each duration: bounded in memory, and the same whenever they are asked for. */
function operations(services: readonly string[]): string {
  return `SELECT ServiceName AS service, SpanName AS operation,
toUInt32(countIf(Timestamp < ${FROM})) AS spansBefore, toUInt32(countIf(Timestamp >= ${FROM})) AS spans,
toUInt32(countIf(StatusCode = 'Error' AND Timestamp < ${FROM})) AS errorsBefore,
toUInt32(countIf(StatusCode = 'Error' AND Timestamp >= ${FROM})) AS errors,
ifNotFinite((quantilesBFloat16If(0.5, 0.95)(Duration, Timestamp < ${FROM}) AS before)[1], 0) AS p50Before,
ifNotFinite((quantilesBFloat16If(0.5, 0.95)(Duration, Timestamp >= ${FROM}) AS now)[1], 0) AS p50,
ifNotFinite(before[2], 0) AS p95Before, ifNotFinite(now[2], 0) AS p95
FROM otel_traces WHERE ${inBoth()} ${ofServices(services)}
GROUP BY service, operation HAVING spans > 0
ORDER BY (errors / spans - errorsBefore / greatest(spansBefore, 1) AS shift) >= 0.005 DESC,
if(shift >= 0.005, shift * sqrt(spans), 0) DESC, p95 / (p95Before + 1000000) * log2(1 + spans) DESC, service, operation
LIMIT ${ROWS_MAX}`;
}

const OPERATION_TRACES = `SELECT ServiceName AS service, SpanName AS operation, minIf(TraceId, StatusCode = 'Error') AS failed,
argMax(TraceId, (Duration, TraceId)) AS slowest
FROM otel_traces WHERE ${inWindow()} AND ServiceName IN {services:Array(String)} AND SpanName IN {operations:Array(String)}
GROUP BY service, operation ORDER BY service, operation LIMIT 10000`;

/** Exceptions among the events of spans and among log records; `figures` are columns of `service` and `type`. */
function exceptionRecords(figures: string, records: string): string {
  return `SELECT ServiceName AS service, attributes['exception.type'] AS type, ${figures}
  FROM otel_traces ARRAY JOIN Events.Attributes AS attributes
  WHERE ${records} AND has(Events.Name, 'exception') AND attributes['exception.type'] != ''
  GROUP BY service, type
  UNION ALL
  SELECT ServiceName AS service, LogAttributes['exception.type'] AS type, ${figures}
  FROM otel_logs WHERE ${records} AND has(mapKeys(LogAttributes), 'exception.type') AND type != ''
  GROUP BY service, type`;
}

/** Without trace ids, which are half of what there would be to read. */
function exceptions(services: readonly string[]): string {
  const figures = `countIf(Timestamp < ${FROM}) AS before, countIf(Timestamp >= ${FROM}) AS now`;
  return `SELECT service, type, toUInt32(sum(before)) AS before, toUInt32(sum(now)) AS now
FROM (
  ${exceptionRecords(figures, `${inBoth()} ${ofServices(services)}`)}
)
GROUP BY service, type HAVING now > 0
ORDER BY before = 0 DESC, now / (before + 1) DESC, now DESC, service, type LIMIT ${ROWS_MAX}`;
}

const EXCEPTION_TRACES = `SELECT service, type, minIf(trace, trace != '') AS traceId
FROM (
  ${exceptionRecords(`minIf(TraceId, TraceId != '') AS trace`, `${inWindow()} AND ServiceName IN {services:Array(String)}`)}
)
WHERE type IN {types:Array(String)} GROUP BY service, type ORDER BY service, type LIMIT 10000`;

function metrics(services: readonly string[]): string {
  return `SELECT ServiceName AS service, MetricName AS metric, any(MetricUnit) AS unit,
toUInt32(countIf(TimeUnix < ${FROM})) AS pointsBefore, toUInt32(countIf(TimeUnix >= ${FROM})) AS points,
ifNotFinite(avgIf(Value, TimeUnix < ${FROM}), 0) AS meanBefore, ifNotFinite(avgIf(Value, TimeUnix >= ${FROM}), 0) AS mean,
ifNotFinite(stddevPopIf(Value, TimeUnix < ${FROM}), 0) AS deviationBefore,
ifNotFinite(maxIf(Value, TimeUnix >= ${FROM}), 0) AS maximum
FROM otel_metrics_gauge WHERE ${inBoth('TimeUnix')} ${ofServices(services)} AND isFinite(Value)
GROUP BY service, metric HAVING pointsBefore >= 3 AND points >= 2
ORDER BY abs(mean - meanBefore) / (deviationBefore + 0.1 * abs(meanBefore) + 1e-9) DESC, service, metric LIMIT ${ROWS_MAX}`;
}
