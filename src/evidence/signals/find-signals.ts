import type {
  EdgeFigures,
  Figures,
  GapFigures,
  LogPatternFigures,
  MetricFigures,
  OperationFigures,
  OwnTimeFigures,
  SignalFigures,
} from '../../record/service-signals.ts';
import type { Signal } from './signal.ts';

/** Samples from which a comparison counts in full. */
const ENOUGH = 10;
/** Shifts below this many nanoseconds are nobody's incident. */
const SHIFT_NANOSECONDS_MIN = 5_000_000;
const SEVERITY_ERROR = 17;
const SEVERITY_WARN = 13;
const SUMMARY_MAX = 300;

/** What the figures say, each with an effect size; not ordered. */
export function findSignals(figures: SignalFigures): readonly Signal[] {
  return [
    ...errorShifts(figures.operations),
    ...latencyShifts(figures.operations),
    ...ownTimeShifts(figures.ownTimes, figures.sampledOneIn),
    ...failingEdges(figures.edges),
    ...exceptions(figures),
    ...logPatterns(figures.logPatterns),
    ...metricShifts(figures.metrics),
    ...silences(figures),
    ...missingParents(figures.gaps),
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
          `${row.service} ${row.operation}: ${percent(now)} of ${row.spans} spans fail, ${percent(before)} before`,
        ),
        outcome: 'error',
        score: (3 + 5 * (now - before) + Math.log2(1 + row.errors) / 2) * confidence(row.spans),
        figures: figuresOf(row),
        query: narrowed(query, { service: row.service, operation: row.operation }),
        traceIds: [row.errorTraceId].filter(Boolean),
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
        traceIds: [row.slowTraceId].filter(Boolean),
      },
    ];
  });
}

function ownTimeShifts({ rows, query }: Figures<OwnTimeFigures>, sampledOneIn: number): Signal[] {
  const slower = rows.filter(
    (row) => row.mean - row.meanBefore >= SHIFT_NANOSECONDS_MIN / 5 && ratioOf(row.mean, row.meanBefore) >= 1.5,
  );
  const added = (row: OwnTimeFigures): number => (row.mean - row.meanBefore) * row.spans;
  const total = rows.reduce((sum, row) => sum + Math.max(0, added(row)), 0);
  const slowCalls = new Map<string, Set<string>>();
  for (const row of slower) {
    if (row.callee === '') continue;
    for (const [end, other] of [
      [row.service, row.callee],
      [row.callee, row.service],
    ] as const) {
      slowCalls.set(end, (slowCalls.get(end) ?? new Set()).add(other));
    }
  }
  const single = slower.map((row) => {
    // A slow call may be either side's doing. The side that is slow with more others is the likelier one.
    const calling = slowCalls.get(row.service)?.size ?? 0;
    const called = slowCalls.get(row.callee)?.size ?? 0;
    const service = row.callee !== '' && called >= calling ? row.callee : row.service;
    const where = row.callee === '' ? `${row.service} ${row.operation}` : `${row.service} calling ${row.callee}`;
    return {
      key: `own time ${row.service} ${row.operation} ${row.callee}`,
      kind: 'trace',
      sourceFamily: row.callee === '' ? 'clickhouse:otel_traces:own_time' : 'clickhouse:otel_traces:call_time',
      service,
      summary: line(
        `${where}: ${duration(row.meanBefore)} to ${duration(row.mean)} ` +
          `${row.callee === '' ? 'of its own' : `outside the callee (${row.operation})`} a span, ${row.spans} spans`,
      ),
      outcome: 'unknown',
      score:
        (Math.min(8, 1.5 * Math.log2(ratioOf(row.mean, row.meanBefore))) + (4 * added(row)) / total) *
        confidence(Math.min(row.spans, row.spansBefore)),
      figures: { ...figuresOf(row), shareOfAddedTime: Math.round((1000 * added(row)) / total) / 1000, sampledOneIn },
      query: narrowed(query, { service: row.service, operation: row.operation, callee: row.callee }),
      traceIds: [row.slowTraceId].filter(Boolean),
    } satisfies Signal;
  });
  const all = [...slowCalls].flatMap(([service, others]) =>
    others.size < 2 ? [] : slowWithAll(service, rows, others, query, total, sampledOneIn),
  );
  return [...single, ...all];
}

/** One service that is slow with several others, in either direction: all its calls taken together. */
function slowWithAll(
  service: string,
  rows: readonly OwnTimeFigures[],
  others: ReadonlySet<string>,
  query: string,
  total: number,
  sampledOneIn: number,
): Signal[] {
  const calls = rows.filter((row) => row.callee !== '' && (row.service === service || row.callee === service));
  const sum = (of: (row: OwnTimeFigures) => number): number => calls.reduce((all, row) => all + of(row), 0);
  const spans = sum((row) => row.spans);
  const spansBefore = sum((row) => row.spansBefore);
  const mean = sum((row) => row.mean * row.spans) / spans;
  const meanBefore = sum((row) => row.meanBefore * row.spansBefore) / spansBefore;
  const added = (mean - meanBefore) * spans;
  if (ratioOf(mean, meanBefore) < 1.5 || added < SHIFT_NANOSECONDS_MIN) return [];
  const slowest = calls.reduce((worst, row) => (row.mean > worst.mean ? row : worst));
  return [
    {
      key: `calls ${service}`,
      kind: 'trace',
      sourceFamily: 'clickhouse:otel_traces:call_time',
      service,
      summary: line(
        `${service} is slow with ${others.size} services (${[...others].slice(0, 5).join(', ')}): ` +
          `${duration(meanBefore)} to ${duration(mean)} a call outside the callee, ${spans} calls`,
      ),
      outcome: 'unknown',
      score:
        (Math.min(8, 1.5 * Math.log2(ratioOf(mean, meanBefore))) + (4 * added) / total) *
        confidence(Math.min(spans, spansBefore)),
      figures: { service, others: others.size, spansBefore, spans, meanBefore, mean, sampledOneIn },
      query: `SELECT * FROM (\n${query}\n) WHERE callee != '' AND ${quoted(service)} IN (service, callee)`,
      traceIds: [slowest.slowTraceId].filter(Boolean),
    },
  ];
}

function failingEdges({ rows, query }: Figures<EdgeFigures>): Signal[] {
  return rows.flatMap((row): Signal[] => {
    if (row.failingTraces === 0) return [];
    const here = row.failingTracesHere / row.failingTraces;
    const fails = row.failingTracesHere / row.tracesHere;
    if (here < 0.1 && row.errors === 0) return [];
    return [
      {
        key: `edge ${row.caller} ${row.callee}`,
        kind: 'trace',
        sourceFamily: 'clickhouse:otel_traces:failing_path',
        service: row.callee,
        summary: line(
          `${row.caller} calls ${row.callee} in ${row.failingTracesHere} of ${row.failingTraces} failing traces; ` +
            `${percent(fails)} of the traces with this call fail`,
        ),
        outcome: 'error',
        score: (2 * here + 3 * fails + Math.log2(1 + row.errors) / 2) * confidence(row.tracesHere),
        figures: figuresOf(row),
        query: narrowed(query, { caller: row.caller, callee: row.callee }),
        traceIds: [row.traceId].filter(Boolean),
      },
    ];
  });
}

function exceptions({ exceptions: { rows, query } }: SignalFigures): Signal[] {
  return rows.map((row) => ({
    key: `exception ${row.service} ${row.type}`,
    kind: 'error',
    sourceFamily: 'clickhouse:otel_traces+otel_logs:exceptions',
    service: row.service,
    summary: line(
      row.before === 0
        ? `${row.service}: ${row.type} ${row.now} times, never before`
        : `${row.service}: ${row.type} ${row.now} times, ${row.before} before`,
    ),
    outcome: 'error',
    score: (row.before === 0 ? 4 : 2) + Math.min(5, Math.log2(1 + row.now)),
    figures: figuresOf(row),
    query: narrowed(query, { service: row.service, type: row.type }),
    traceIds: [row.traceId].filter(Boolean),
  }));
}

function logPatterns({ rows, query }: Figures<LogPatternFigures>): Signal[] {
  return rows.map((row) => {
    const isError = row.severityNumber >= SEVERITY_ERROR;
    const isWarning = row.severityNumber >= SEVERITY_WARN;
    const isNew = row.before === 0;
    const times = isNew ? 0 : row.now / Math.max(1, row.serviceNow) / (row.before / Math.max(1, row.serviceBefore));
    // A service that was hardly heard before says everything for the first time.
    const known = confidence(row.serviceBefore);
    return {
      key: `log ${row.service} ${row.pattern}`,
      kind: 'log',
      sourceFamily: 'clickhouse:otel_logs:pattern',
      service: row.service,
      summary: line(
        `${row.service} ${row.severity === '' ? 'log' : row.severity}, ` +
          `${isNew ? `new, ${row.now} times` : `${row.before} before, ${row.now} now`}: ${row.pattern}`,
      ),
      outcome: isError ? 'error' : 'unknown',
      score: isError
        ? 2.5 + (isNew ? 1 : 0) + Math.min(4, Math.log2(1 + row.now))
        : ((isWarning ? 2 : 0.5) +
            (isNew ? 0.5 : Math.min(2, Math.log2(times) / 2)) +
            Math.min(4, Math.log2(1 + row.now))) *
          known,
      figures: figuresOf(row),
      query: narrowed(query, { service: row.service, pattern: row.pattern }),
      traceIds: [row.traceId].filter(Boolean),
    } satisfies Signal;
  });
}

function metricShifts({ rows, query }: Figures<MetricFigures>): Signal[] {
  return rows.flatMap((row): Signal[] => {
    const shift = Math.abs(row.mean - row.meanBefore);
    const deviations = shift / (row.deviationBefore + 0.1 * Math.abs(row.meanBefore) + 1e-9);
    // A deviation out of a handful of points is hardly known.
    const certain = deviations * (row.pointsBefore / (row.pointsBefore + ENOUGH));
    if (certain < 3) return [];
    const unit = row.unit === '' || row.unit === '1' ? '' : ` ${row.unit}`;
    return [
      {
        key: `metric ${row.service} ${row.metric}`,
        kind: 'metric',
        sourceFamily: 'clickhouse:otel_metrics_gauge:shift',
        service: row.service,
        summary: line(
          `${row.service} ${row.metric}: ${figure(row.meanBefore)} to ${figure(row.mean)}${unit} ` +
            `(${Math.round(deviations)} deviations), at most ${figure(row.maximum)}`,
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

function silences({ silences: { rows, query } }: SignalFigures): Signal[] {
  return rows.map((row) => ({
    key: `silent ${row.service}`,
    kind: 'trace',
    sourceFamily: 'clickhouse:otel_traces+otel_logs:silence',
    service: row.service,
    summary: line(`${row.service} has gone silent: ${row.recordsBefore} spans and log records before, none since`),
    outcome: 'unknown',
    score: Math.min(7, 2 + Math.log2(1 + row.recordsBefore / ENOUGH)),
    figures: { recordsBefore: row.recordsBefore, lastSeenUnixNano: String(row.lastSeenUnixNano) },
    query: narrowed(query, { service: row.service }),
    traceIds: [],
  }));
}

function missingParents({ rows, query }: Figures<GapFigures>): Signal[] {
  return rows.map((row) => ({
    key: `gap ${row.service}`,
    kind: 'trace',
    sourceFamily: 'clickhouse:otel_traces:missing_parents',
    service: row.service,
    summary: line(`${row.service}: ${row.traces} traces have spans whose parent span was never received`),
    outcome: 'unknown',
    score: Math.min(3, Math.log2(1 + row.traces) / 2),
    figures: figuresOf(row),
    query: narrowed(query, { service: row.service }),
    traceIds: [row.traceId].filter(Boolean),
  }));
}

/** 0 to 1: how much so few samples can say. */
function confidence(samples: number): number {
  return Math.sqrt(Math.min(samples, ENOUGH) / ENOUGH);
}

/** Against at least 0.1 ms, so that nothing out of nothing is not an endless rise. */
function ratioOf(now: number, before: number): number {
  return (now + 100_000) / (before + 100_000);
}

function figuresOf(row: object): Record<string, string | number> {
  const figures: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(row) as [string, unknown][]) {
    if (typeof value === 'string') figures[name] = value;
    else if (typeof value === 'number') figures[name] = Number.isInteger(value) ? value : Number(value.toPrecision(6));
  }
  return figures;
}

/** The query, asked for one of its rows only. */
function narrowed(query: string, columns: Readonly<Record<string, string>>): string {
  const conditions = Object.entries(columns).map(([name, value]) => `${name} = ${quoted(value)}`);
  return `SELECT * FROM (\n${query}\n) WHERE ${conditions.join(' AND ')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function percent(share: number): string {
  return `${share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)} %`;
}

function duration(nanoseconds: number): string {
  const milliseconds = nanoseconds / 1e6;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds >= 10 ? Math.round(milliseconds) : milliseconds.toFixed(1)} ms`;
}

function figure(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** One line of at most 300 characters; names come from telemetry and may hold anything. */
function line(text: string): string {
  const flat = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return flat.length <= SUMMARY_MAX ? flat : `${flat.slice(0, SUMMARY_MAX - 1)}…`;
}
