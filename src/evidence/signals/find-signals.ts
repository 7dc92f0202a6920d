import type {
  ExceptionFigures,
  Figures,
  LogPatternFigures,
  MetricFigures,
  OperationFigures,
  ServiceFigures,
  SignalFigures,
  SignalScope,
} from '../../record/service-signals.ts';
import { instantOf } from '../../record/evidence-by-hand.ts';
import { confidence, ENOUGH, figuresOf, ratioOf, SHIFT_NANOSECONDS_MIN } from './effect.ts';
import { duration, figure, line, percent, period, times } from './figure-text.ts';
import { narrowed } from './narrowed-query.ts';
import type { Signal } from './signal.ts';
import { failingEdges, missingParents, ownTimeShifts } from './trace-signals.ts';

const SEVERITY_ERROR = 17;
const SEVERITY_WARN = 13;
/** Times from which something said without alarm is worth a row. */
const PLAIN_LOGS_MIN = 3;
/** Records before from which a service's silence says something. */
const SILENT_AFTER = 10;
/** How much longer a silence lasts than the longest pause before it, and how long at least. */
const SILENT_PAUSES = 2;
const SILENT_SECONDS_MIN = 30;
/** A service that was heard last this long before the window went silent for another reason. */
const SILENT_LEAD_SECONDS = 900;
const SECOND = 1_000_000_000n;

/** What the figures of a scope say, each with an effect size; not ordered. */
export function findSignals(figures: SignalFigures, scope: SignalScope): readonly Signal[] {
  const before = `in the ${period(scope.fromUnixNano - scope.baselineFromUnixNano)} before`;
  return [
    ...errorShifts(figures.operations),
    ...latencyShifts(figures.operations),
    ...ownTimeShifts(figures.ownTimes, figures.sampledOneIn),
    ...failingEdges(figures.edges, figures.sampledOneIn),
    ...exceptions(figures.exceptions, figures.services.rows, before),
    ...logPatterns(figures.logPatterns, before),
    ...metricShifts(figures.metrics),
    ...silences(figures, scope, before),
    ...missingParents(figures.gaps, figures.sampledOneIn),
  ];
}

function errorShifts({ rows, query }: Figures<OperationFigures>): Signal[] {
  return rows.flatMap((row): Signal[] => {
    const before = row.spansBefore === 0 ? 0 : row.errorsBefore / row.spansBefore;
    const now = row.errors / row.spans;
    if (row.errors === 0 || now - before < 0.005) return [];
    return [
      {
        key: `errors ${row.service} ${row.operation}`,
        kind: 'error',
        sourceFamily: 'clickhouse:otel_traces:error_rate',
        service: row.service,
        summary: line(
          `${row.service} ${row.operation}: ${percent(now)} of ${row.spans} spans fail, ` +
            (row.spansBefore === 0 ? 'none of it seen before' : `${percent(before)} of ${row.spansBefore} before`),
        ),
        outcome: 'error',
        score: (3 + 5 * (now - before) + Math.log2(1 + row.errors) / 2) * confidence(row.spans),
        figures: figuresOf(row),
        query: narrowed(query, { service: row.service, operation: row.operation }),
        traceIds: [],
        exemplar: { service: row.service, operation: row.operation, which: 'failed' },
      },
    ];
  });
}

function latencyShifts({ rows, query }: Figures<OperationFigures>): Signal[] {
  return rows.flatMap((row): Signal[] => {
    const shift = Math.max(row.p95 - row.p95Before, row.p50 - row.p50Before);
    if (row.spansBefore < 3 || row.spans < 3 || shift < SHIFT_NANOSECONDS_MIN) return [];
    const ratio = Math.max(ratioOf(row.p50, row.p50Before), ratioOf(row.p95, row.p95Before));
    if (ratio < 1.5) return [];
    return [
      {
        key: `latency ${row.service} ${row.operation}`,
        kind: 'trace',
        sourceFamily: 'clickhouse:otel_traces:latency',
        service: row.service,
        summary: line(
          `${row.service} ${row.operation}: p95 ${duration(row.p95Before)} to ${duration(row.p95)}, ` +
            `p50 ${duration(row.p50Before)} to ${duration(row.p50)}`,
        ),
        outcome: 'unknown',
        // Whoever waits for a slow service is slow too, so the time spent in the service itself weighs more (below).
        score: Math.min(5, Math.log2(ratio)) * confidence(Math.min(row.spans, row.spansBefore)),
        figures: figuresOf(row),
        query: narrowed(query, { service: row.service, operation: row.operation }),
        traceIds: [],
        exemplar: { service: row.service, operation: row.operation, which: 'slowest' },
      },
    ];
  });
}

/** New ones, and those that a service's spans and log records have more than twice as often as before. */
function exceptions(
  { rows, query }: Figures<ExceptionFigures>,
  services: readonly ServiceFigures[],
  before: string,
): Signal[] {
  const heard = new Map(services.map((row) => [row.service, row]));
  return rows.flatMap((row): Signal[] => {
    const service = heard.get(row.service);
    const recordsBefore = Math.max(1, (service?.spansBefore ?? 0) + (service?.logsBefore ?? 0));
    const records = Math.max(1, (service?.spans ?? 0) + (service?.logs ?? 0));
    if (row.before > 0 && row.now / records <= (2 * row.before) / recordsBefore) return [];
    return [
      {
        key: `exception ${row.service} ${row.type}`,
        kind: 'error',
        sourceFamily: 'clickhouse:otel_traces+otel_logs:exceptions',
        service: row.service,
        summary: line(
          `${row.service}: ${row.type} ${times(row.now)}, ${row.before === 0 ? 'never' : row.before} ${before}`,
        ),
        outcome: 'error',
        score: (row.before === 0 ? 4 : 2) + Math.min(5, Math.log2(1 + row.now)),
        figures: figuresOf(row),
        query: narrowed(query, { service: row.service, type: row.type }),
        traceIds: [],
        exemplar: { service: row.service, type: row.type },
      },
    ];
  });
}

/**
 * Patterns that a service says without alarm, each as often as the other, are one message in several records: one row tells
 * of them.
 */
function logPatterns({ rows, query }: Figures<LogPatternFigures>, before: string): Signal[] {
  const asOften = new Map<string, LogPatternFigures[]>();
  for (const row of rows) {
    const counted =
      row.severityNumber >= SEVERITY_WARN
        ? `${row.service}\n${row.pattern}`
        : `${row.service} ${row.before} ${row.now}`;
    const same = asOften.get(counted);
    if (same === undefined) asOften.set(counted, [row]);
    else same.push(row);
  }
  return [...asOften.values()].flatMap(([row, ...others]) =>
    row === undefined ? [] : logPattern(row, others.length, query, before),
  );
}

function logPattern(row: LogPatternFigures, others: number, query: string, before: string): Signal[] {
  const isError = row.severityNumber >= SEVERITY_ERROR;
  const isWarning = row.severityNumber >= SEVERITY_WARN;
  const isNew = row.before === 0;
  const ratio = isNew ? 0 : row.now / Math.max(1, row.serviceNow) / (row.before / Math.max(1, row.serviceBefore));
  // A service that was hardly heard before says everything for the first time.
  const known = confidence(row.serviceBefore);
  if (!isWarning && row.now < PLAIN_LOGS_MIN) return [];
  const counts = `${times(row.now)}, ${isNew ? 'never' : row.before} ${before}`;
  const more = others === 0 ? '' : `, and ${others} other ${others === 1 ? 'message' : 'messages'} as often`;
  return [
    {
      key: `log ${row.service} ${row.pattern}`,
      kind: 'log',
      sourceFamily: 'clickhouse:otel_logs:pattern',
      service: row.service,
      summary: line(`${row.service} ${row.severity === '' ? 'log' : row.severity} ${counts}${more}: ${row.pattern}`),
      outcome: isError ? 'error' : 'unknown',
      score: isError
        ? 2.5 + (isNew ? 1 : 0) + Math.min(4, Math.log2(1 + row.now))
        : ((isWarning ? 2 : 0.5) +
            (isNew ? 0.5 : Math.min(2, Math.log2(ratio) / 2)) +
            Math.min(4, Math.log2(1 + row.now))) *
          known,
      figures: figuresOf(row),
      query: narrowed(query, { service: row.service, pattern: row.pattern }),
      traceIds: [row.traceId].filter(Boolean),
    },
  ];
}

function metricShifts({ rows, query }: Figures<MetricFigures>): Signal[] {
  return rows.flatMap((row): Signal[] => {
    const shift = Math.abs(row.mean - row.meanBefore);
    const deviations = shift / (row.deviationBefore + 0.1 * Math.abs(row.meanBefore) + 1e-9);
    // A deviation out of a handful of points is hardly known.
    const certain = deviations * (row.pointsBefore / (row.pointsBefore + ENOUGH));
    if (certain < 3) return [];
    // Floating point leaves a trace of a spread where there is none.
    const spread = row.deviationBefore < 1e-6 * Math.abs(row.meanBefore) ? 0 : row.deviationBefore;
    const unit = row.unit === '' || row.unit === '1' ? '' : ` ${row.unit}`;
    return [
      {
        key: `metric ${row.service} ${row.metric}`,
        kind: 'metric',
        sourceFamily: 'clickhouse:otel_metrics_gauge:shift',
        service: row.service,
        summary: line(
          `${row.service} ${row.metric}: ${figure(row.mean)}${unit}, at most ${figure(row.maximum)}; ` +
            `${figure(row.meanBefore)} ± ${figure(spread)} before`,
        ),
        outcome: 'unknown',
        score: Math.min(8, 2 + Math.log2(certain)),
        figures: figuresOf(row),
        query: narrowed(query, { service: row.service, metric: row.metric }),
        traceIds: [],
      },
    ];
  });
}

/**
 * Services that were heard up to the window and are not heard in it. Telemetry comes in batches and at intervals: the silence
 * must outlast the pauses that the service made before, and others must be heard meanwhile.
 */
function silences(
  { services: { rows, query }, compared }: SignalFigures,
  scope: SignalScope,
  before: string,
): Signal[] {
  const heardLast = rows.reduce((latest, row) => (row.lastSeenUnixNano > latest ? row.lastSeenUnixNano : latest), 0n);
  const heardFirst = rows.reduce(
    (first, row) => (row.firstSeenUnixNano < first ? row.firstSeenUnixNano : first),
    heardLast,
  );
  if (heardLast < scope.fromUnixNano) return [];
  return rows.flatMap((row): Signal[] => {
    const recordsBefore = row.spansBefore + row.logsBefore;
    if (row.spans + row.logs > 0 || recordsBefore < SILENT_AFTER) return [];
    if (compared.length > 0 && !compared.includes(row.service)) return [];
    const late = Number((row.firstSeenUnixNano - heardFirst) / SECOND);
    const silent = Number((heardLast - row.lastSeenUnixNano) / SECOND);
    const lead = Number((scope.fromUnixNano - row.lastSeenUnixNano) / SECOND);
    if (silent < Math.max(SILENT_SECONDS_MIN, SILENT_PAUSES * Math.max(row.pauseSeconds, late))) return [];
    if (lead > SILENT_LEAD_SECONDS) return [];
    return [
      {
        key: `silent ${row.service}`,
        kind: 'trace',
        sourceFamily: 'clickhouse:otel_traces+otel_logs:silence',
        service: row.service,
        summary: line(
          `${row.service} has gone silent: ${recordsBefore} spans and log records ${before}, ` +
            `the last at ${instantOf(row.lastSeenUnixNano).slice(0, 19)}Z, none since`,
        ),
        outcome: 'unknown',
        score: Math.min(7, 2 + Math.log2(1 + recordsBefore / ENOUGH)),
        figures: {
          service: row.service,
          spansBefore: row.spansBefore,
          logsBefore: row.logsBefore,
          pauseSeconds: row.pauseSeconds,
          lastSeen: String(row.lastSeenUnixNano),
        },
        query: narrowed(query, { service: row.service }),
        traceIds: [],
      },
    ];
  });
}
