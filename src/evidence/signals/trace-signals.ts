import type { EdgeFigures, Figures, GapFigures, OwnTimeFigures } from '../../record/service-signals.ts';
import { confidence, figuresOf, ratioOf, SHIFT_NANOSECONDS_MIN } from './effect.ts';
import { duration, line, ofSample, percent } from './figure-text.ts';
import { narrowed, quoted } from './narrowed-query.ts';
import type { Signal } from './signal.ts';

/** Operations that take longer themselves, and calls that take longer outside whom they call. */
export function ownTimeShifts({ rows, query }: Figures<OwnTimeFigures>, sampledOneIn: number): Signal[] {
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
    const what =
      row.callee === ''
        ? `${row.service} ${row.operation}: ${duration(row.meanBefore)} to ${duration(row.mean)} a span, ` +
          `what it calls not counted; ${row.spans} spans`
        : `${row.service} calling ${row.callee} (${row.operation}): ${duration(row.meanBefore)} to ${duration(row.mean)} ` +
          `a call outside ${row.callee}; ${row.spans} calls`;
    return {
      key: `own time ${row.service} ${row.operation} ${row.callee}`,
      kind: 'trace',
      sourceFamily: row.callee === '' ? 'clickhouse:otel_traces:own_time' : 'clickhouse:otel_traces:call_time',
      service,
      summary: line(what + ofSample(sampledOneIn)),
      outcome: 'unknown',
      score:
        (Math.min(8, 1.5 * Math.log2(ratioOf(row.mean, row.meanBefore))) + (4 * added(row)) / total) *
        confidence(Math.min(row.spans, row.spansBefore)),
      figures: { ...figuresOf(row), sampledOneIn },
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
          `${duration(meanBefore)} to ${duration(mean)} a call outside the callee; ${spans} calls${ofSample(sampledOneIn)}`,
      ),
      outcome: 'unknown',
      score:
        (Math.min(8, 1.5 * Math.log2(ratioOf(mean, meanBefore))) + (4 * added) / total) *
        confidence(Math.min(spans, spansBefore)),
      figures: { ...figuresOf({ spansBefore, spans, meanBefore, mean }), sampledOneIn },
      query:
        'SELECT toUInt32(sum(calls.spansBefore)) AS spansBefore, toUInt32(sum(calls.spans)) AS spans,\n' +
        'sum(calls.meanBefore * calls.spansBefore) / sum(calls.spansBefore) AS meanBefore,\n' +
        'sum(calls.mean * calls.spans) / sum(calls.spans) AS mean FROM (\n' +
        `${query}\n) AS calls WHERE callee != '' AND ${quoted(service)} IN (service, callee)`,
      traceIds: [slowest.slowTraceId].filter(Boolean),
    },
  ];
}

/** Calls that failing traces have. */
export function failingEdges({ rows, query }: Figures<EdgeFigures>, sampledOneIn: number): Signal[] {
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
            `${percent(fails)} of the ${row.tracesHere} traces with this call fail${ofSample(sampledOneIn)}`,
        ),
        outcome: 'error',
        score: (2 * here + 3 * fails + Math.log2(1 + row.errors) / 2) * confidence(row.tracesHere),
        figures: { ...figuresOf(row), sampledOneIn },
        query: narrowed(query, { caller: row.caller, callee: row.callee }),
        traceIds: [row.traceId].filter(Boolean),
      },
    ];
  });
}

/** Services with spans whose caller cannot be seen. */
export function missingParents({ rows, query }: Figures<GapFigures>, sampledOneIn: number): Signal[] {
  return rows.map((row) => ({
    key: `gap ${row.service}`,
    kind: 'trace',
    sourceFamily: 'clickhouse:otel_traces:missing_parents',
    service: row.service,
    summary: line(
      `${row.service}: ${row.traces} traces have spans whose parent span was not received, ` +
        `${row.tracesBefore} before${ofSample(sampledOneIn)}`,
    ),
    outcome: 'unknown',
    score: Math.min(3, Math.log2(1 + row.traces) / 2),
    figures: { ...figuresOf(row), sampledOneIn },
    query: narrowed(query, { service: row.service }),
    traceIds: [row.traceId].filter(Boolean),
  }));
}
