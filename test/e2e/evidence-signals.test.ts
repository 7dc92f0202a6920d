import { metrics } from '@opentelemetry/api';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIncidentWatch, type IncidentWatch } from '../../src/evidence/incident-watch.ts';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { signalQuery } from '../../src/record/signal-rerun.ts';
import { createKeyedTurns } from '../../src/record/keyed-turns.ts';
import type { SignalReader } from '../../src/record/service-signals.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { attribute } from '../support/otlp-json.ts';
import { sharedData } from '../support/shared-data.ts';

/** Service signals of incidents on the real store: what they say, and that their queries give it again. */
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NOW = Date.now();
let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

interface Span {
  readonly trace: number;
  readonly id: number;
  readonly parent?: number;
  readonly service: string;
  readonly name?: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly milliseconds?: number;
  readonly failed?: boolean;
  readonly exception?: string;
}

interface LogRecord {
  readonly service: string;
  readonly at: number;
  readonly body: string;
  readonly severity?: number;
}

function nano(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds)) * 1_000_000n);
}

function hex(number: number, digits: number): string {
  return (number + 1).toString(16).padStart(digits, '0');
}

async function sendSpans(tenant: string, spans: readonly Span[]): Promise<void> {
  const resourceSpans = spans.map((span) => ({
    resource: { attributes: [attribute('service.name', span.service)] },
    scopeSpans: [
      {
        spans: [
          {
            traceId: hex(span.trace, 32),
            spanId: hex(span.id, 16),
            ...(span.parent === undefined ? {} : { parentSpanId: hex(span.parent, 16) }),
            name: span.name ?? 'GET /',
            kind: 2,
            startTimeUnixNano: nano(span.at),
            endTimeUnixNano: nano(span.at + (span.milliseconds ?? 2)),
            status: span.failed === true ? { code: 2 } : {},
            events:
              span.exception === undefined
                ? []
                : [
                    {
                      timeUnixNano: nano(span.at),
                      name: 'exception',
                      attributes: [attribute('exception.type', span.exception)],
                    },
                  ],
          },
        ],
      },
    ],
  }));
  await bench.send(tenant, 'traces', { resourceSpans });
}

async function sendLogs(tenant: string, records: readonly LogRecord[]): Promise<void> {
  const resourceLogs = records.map((record) => ({
    resource: { attributes: [attribute('service.name', record.service)] },
    scopeLogs: [
      {
        logRecords: [
          {
            timeUnixNano: nano(record.at),
            severityNumber: record.severity ?? 9,
            severityText: (record.severity ?? 9) >= 17 ? 'ERROR' : 'INFO',
            body: { stringValue: record.body },
          },
        ],
      },
    ],
  }));
  await bench.send(tenant, 'logs', { resourceLogs });
}

/** One record a step in milliseconds over [from, to). */
function every(step: number, from: number, to: number): readonly number[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);
}

let ids = 1_000_000;

function spansOf(service: string, times: readonly number[], more: Partial<Span> = {}): readonly Span[] {
  return times.map((at) => {
    ids += 1;
    return { trace: ids, id: ids, service, at, ...more };
  });
}

async function openIncident(tenant: string, startedAt: number, services: readonly string[] = []): Promise<string> {
  const opened = await bench.record.open(tenant, ALICE, {
    title: 'It fails',
    services,
    startedAt: new Date(startedAt).toISOString(),
  });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  return opened.incident.id;
}

async function signalsOf(tenant: string, incident: string): Promise<readonly EvidenceRow[]> {
  const { items } = await bench.temporary.store.evidenceLog.page(tenant, incident, {
    kinds: ['error', 'trace', 'log', 'metric'],
    limit: 500,
  });
  return items.filter((row) => row.dialect === 'service_signal');
}

function summaries(rows: readonly EvidenceRow[]): readonly string[] {
  return rows.map((row) => row.summary);
}

async function signalsAfterLook(tenant: string, startedAt: number, services: readonly string[] = []) {
  const incident = await openIncident(tenant, startedAt, services);
  await bench.watch.refresh(tenant, incident);
  return signalsOf(tenant, incident);
}

/** The figures of a row, and what its query gives now. Numbers are compared in the six digits that rows tell. */
async function figuresAgain(row: EvidenceRow): Promise<readonly [told: object, again: object]> {
  const { sampledOneIn: _, ...told } = JSON.parse(row.content['data']?.value ?? '{}') as Record<string, unknown>;
  const found = await bench.temporary.store.query<Record<string, unknown>>(row.content['query']?.value ?? '');
  expect(found, row.summary).toHaveLength(1);
  const again = Object.fromEntries(
    Object.keys(told).map((name) => {
      const value = found[0]?.[name];
      return [name, typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value];
    }),
  );
  return [told, again];
}

describe('queries of signal rows', () => {
  const faults = sharedData.present
    ? readdirSync(sharedData.path('incidents')).filter((name) => name.startsWith('nezha-'))
    : [];
  test.skipIf(faults.length === 0).each(faults)(
    'of %s give their figures again, also when more has come since',
    async (name) => {
      const scenario = JSON.parse(readFileSync(sharedData.path('incidents', name, 'scenario.json'), 'utf8')) as {
        readonly start: string;
        readonly trigger: { readonly at?: string };
      };
      const send = async (): Promise<void> => {
        for (const [signal, file] of [
          ['traces', 'traces.otlp.json'],
          ['logs', 'logs.otlp.json'],
          ['metrics', 'metrics.otlp.json'],
        ] as const) {
          const path = sharedData.path('incidents', name, file);
          if (existsSync(path)) await bench.send(name, signal, JSON.parse(readFileSync(path, 'utf8')) as object);
        }
      };
      await send();
      const rows = await signalsAfterLook(name, Date.parse(scenario.trigger.at ?? scenario.start));
      await new Promise((resolve) => setTimeout(resolve, 2));
      await send();
      expect(rows.length).toBeGreaterThan(20);
      const seen = new Map<string, number>();
      for (const row of rows) {
        // Three of each shape: a trace comparison reads all of the telemetry again.
        const nth = (seen.get(row.sourceFamily) ?? 0) + 1;
        seen.set(row.sourceFamily, nth);
        if (nth > 3) continue;
        const [told, again] = await figuresAgain(row);
        expect(again, `${row.sourceFamily} ${row.summary}`).toEqual(told);
      }
    },
    120_000,
  );
});

test("where no services are named, failing calls of the agent that looks into it are no signals, and a service's are", async () => {
  const start = NOW - 10 * MINUTE;
  const failing = { failed: true, name: 'execute_tool kubectl' } as const;
  const incident = await openIncident('looked-into', start);
  const named = await openIncident('looked-into', start, ['sre-agent']);
  const times = every(10 * SECOND, start, NOW - MINUTE);
  await sendSpans('looked-into', [
    ...spansOf('shop', times, { failed: true }),
    ...spansOf('sre-agent', times, failing),
  ]);
  await bench.send('looked-into', 'traces', {
    resourceSpans: [
      {
        resource: { attributes: [attribute('service.name', 'sre-agent'), attribute('incident.id', incident)] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: hex(77, 32),
                spanId: hex(77, 16),
                name: 'execute_tool kubectl',
                startTimeUnixNano: nano(start),
                endTimeUnixNano: nano(start + 5),
                attributes: [
                  attribute('gen_ai.operation.name', 'execute_tool'),
                  attribute('gen_ai.tool.name', 'kubectl'),
                  attribute('gen_ai.tool.call.id', 'call_77'),
                ],
              },
            ],
          },
        ],
      },
    ],
  });
  const told = async (id: string): Promise<readonly string[]> => {
    await bench.watch.refresh('looked-into', id);
    return [...new Set((await signalsOf('looked-into', id)).map((row) => row.service))];
  };
  expect(await told(incident)).toEqual(['shop']);
  expect(await told(named)).toContain('sre-agent');
});

test('a signal is asked again through the store, one at a time and by its own tenant', async () => {
  const start = NOW - 10 * MINUTE;
  await sendSpans('asked', [
    ...spansOf('web', every(5 * SECOND, start - 50 * MINUTE, NOW - MINUTE)),
    ...spansOf('cart', every(20 * SECOND, start - 50 * MINUTE, start - 20 * SECOND)),
  ]);
  const [row] = await signalsAfterLook('asked', start);
  if (row === undefined) throw new Error('nothing was told');
  const { signalRerun } = bench.temporary.store;
  const query = signalQuery(row) ?? '';
  const [told] = await figuresAgain(row);
  const [first, second] = await Promise.all([signalRerun.again('asked', query), signalRerun.again('asked', query)]);
  expect(first).toMatchObject({ kind: 'answered', rows: [told], more: false });
  expect(second).toEqual({ kind: 'busy' });
  expect(await signalRerun.again('another', query)).toEqual({ kind: 'answered', rows: [], more: false });
  expect(
    await signalRerun.again(
      'asked',
      `SELECT number, Tenant = 'asked' AS own FROM (SELECT number, '' AS Tenant FROM numbers(1000))`,
    ),
  ).toMatchObject({
    rows: { length: 100 },
    more: true,
  });
});

describe('a service that says nothing', () => {
  test('has gone silent when it outlasts its pauses, and says when it was heard last', async () => {
    const start = NOW - 10 * MINUTE;
    await sendSpans('silent', [
      ...spansOf('web', every(5 * SECOND, start - 50 * MINUTE, NOW - MINUTE)),
      ...spansOf('cart', every(20 * SECOND, start - 50 * MINUTE, start - 20 * SECOND)),
    ]);
    const said = summaries(await signalsAfterLook('silent', start));
    const last = new Date(start - 40 * SECOND).toISOString().slice(0, 19);
    expect(said).toEqual([
      `cart has gone silent: 149 spans and log records in the hour before, the last at ${last}Z, none since`,
    ]);
  });

  test('is not silent while it pauses no longer than before', async () => {
    const start = NOW - 6 * MINUTE;
    await sendSpans('pausing', [
      ...spansOf('web', every(5 * SECOND, start - 55 * MINUTE, NOW - MINUTE)),
      ...spansOf(
        'nightly',
        [50, 45, 40, 35, 30, 25, 20, 15, 10, 5].flatMap((minutes) => [
          start - minutes * MINUTE,
          start - minutes * MINUTE + 50,
        ]),
      ),
    ]);
    expect(summaries(await signalsAfterLook('pausing', start))).toEqual([]);
  });

  test('is not told of when it stopped long before', async () => {
    const start = NOW - 10 * MINUTE;
    await sendSpans('stopped', [
      ...spansOf('web', every(5 * SECOND, start - 55 * MINUTE, NOW - MINUTE)),
      ...spansOf('removed', every(5 * SECOND, start - 55 * MINUTE, start - 30 * MINUTE)),
    ]);
    expect(summaries(await signalsAfterLook('stopped', start))).toEqual([]);
  });

  test('is not told of when nobody is heard at all', async () => {
    const start = NOW - 10 * MINUTE;
    await sendSpans('nobody', spansOf('web', every(5 * SECOND, start - 55 * MINUTE, start)));
    expect(summaries(await signalsAfterLook('nobody', start))).toEqual([]);
  });
});

describe('spans whose parent is not there', () => {
  test('are told of and open a gap once there was time for the parent', async () => {
    const start = NOW - 10 * MINUTE;
    const orphans = spansOf('billing', every(10 * SECOND, start, start + 2 * MINUTE)).map((span) => ({
      ...span,
      parent: 7,
    }));
    await sendSpans('orphans', [...spansOf('web', every(10 * SECOND, start - 30 * MINUTE, NOW)), ...orphans]);
    const incident = await openIncident('orphans', start);
    await bench.watch.refresh('orphans', incident);
    expect(summaries(await signalsOf('orphans', incident))).toEqual([
      'billing: 12 traces have spans whose parent span was not received, 0 before',
    ]);
    const found = await bench.record.record('orphans', incident);
    expect(found?.gaps.map((gap) => gap.what)).toEqual([
      'Traces of billing have spans whose parent span was not received.',
    ]);
  });

  test('are not told of while the parent may still be under way', async () => {
    const start = NOW - 10 * MINUTE;
    const fresh = spansOf('billing', every(2 * SECOND, NOW - 40 * SECOND, NOW)).map((span) => ({ ...span, parent: 7 }));
    await sendSpans('fresh', [...spansOf('web', every(10 * SECOND, start - 30 * MINUTE, NOW)), ...fresh]);
    const incident = await openIncident('fresh', start);
    await bench.watch.refresh('fresh', incident);
    expect(summaries(await signalsOf('fresh', incident)).filter((said) => said.includes('parent'))).toEqual([]);
    expect((await bench.record.record('fresh', incident))?.gaps).toEqual([]);
  });
});

test('calls between services are told with the share of failing traces, whatever else the traces hold', async () => {
  const start = NOW - 10 * MINUTE;
  const calls = every(5 * SECOND, start - 20 * MINUTE, NOW - 3 * MINUTE).flatMap((at, index): Span[] => {
    const trace = 500_000 + index;
    const failed = at >= start && index % 2 === 0;
    return [
      { trace, id: trace * 10, service: 'web', at, milliseconds: 40, failed },
      { trace, id: trace * 10 + 1, parent: trace * 10, service: 'cart', at: at + 1, milliseconds: 30, failed },
      {
        trace,
        id: trace * 10 + 2,
        parent: trace * 10 + 1,
        service: 'cart',
        name: 'SELECT',
        at: at + 2,
        milliseconds: 5,
      },
    ];
  });
  await sendSpans('calls', calls);
  const rows = await signalsAfterLook('calls', start, ['cart']);
  const now = calls.filter((span) => span.service === 'web' && span.at >= start);
  const failing = now.filter((span) => span.failed).length;
  const edge = rows.find((row) => row.sourceFamily.endsWith(':failing_path'));
  expect(edge?.summary).toBe(
    `web calls cart in ${failing} of ${failing} failing traces; 50 % of the ${now.length} traces with this call fail`,
  );
  expect(edge?.source.traceId).toMatch(/^[0-9a-f]{32}$/);
  const errors = rows.find((row) => row.summary.startsWith('cart GET /:'));
  expect(errors?.summary).toBe(`cart GET /: 50 % of ${now.length} spans fail, 0 % of 240 before`);
  // The trace that a row shows as its example is one that failed.
  const [span] = await bench.temporary.store.query<{ status: string }>(
    `SELECT StatusCode AS status FROM otel_traces WHERE Tenant = 'calls' AND TraceId = {id:String} AND ServiceName = 'cart' AND SpanName = 'GET /' LIMIT 1`,
    { id: errors?.source.traceId ?? '' },
  );
  expect(span?.status).toBe('Error');
});

test('exceptions that come as often as before, over a window longer than the hour before, are not told', async () => {
  const start = NOW - 170 * MINUTE;
  const times = every(20 * SECOND, start - 55 * MINUTE, NOW - MINUTE);
  await sendSpans('steady', [
    ...spansOf('web', times, { exception: 'TimeoutException' }),
    ...spansOf('web', every(60 * SECOND, start, NOW - MINUTE), { exception: 'NullPointerException' }),
  ]);
  const said = summaries(await signalsAfterLook('steady', start)).filter((each) => each.includes('Exception'));
  expect(said).toEqual([`web: NullPointerException 169 times, never in the hour before`]);
});

describe('log patterns', () => {
  test('are one whatever redaction left in a text, and none where the text was withheld', async () => {
    const start = NOW - 10 * MINUTE;
    await sendSpans('logs', spansOf('shop', every(5 * SECOND, start - 50 * MINUTE, NOW - MINUTE)));
    await sendLogs('logs', [
      ...every(10 * SECOND, start - 50 * MINUTE, NOW - MINUTE).map((at) => ({
        service: 'shop',
        at,
        body: `served ${at} in 5 ms`,
      })),
      ...every(30 * SECOND, start, start + 5 * MINUTE).map((at, index) => ({
        service: 'shop',
        at,
        body: `refused order ${index} of buyer${index}@mail.example`,
        severity: 17,
      })),
      ...every(30 * SECOND, start, start + 5 * MINUTE).map((at) => ({
        service: 'shop',
        at,
        body: `[withheld:budget bytes=512 ~0123456789]`,
        severity: 17,
      })),
    ]);
    const rows = (await signalsAfterLook('logs', start)).filter((row) => row.kind === 'log');
    expect(summaries(rows)).toContain(
      'shop ERROR 10 times, never in the hour before: refused order <n> of <redacted email>',
    );
    expect(rows).toHaveLength(2);
  });

  test('that a service writes without alarm and equally often are one row, and rare ones none', async () => {
    const start = NOW - 10 * MINUTE;
    const before = every(10 * SECOND, start - 50 * MINUTE, NOW - MINUTE);
    await sendLogs('plain', [
      ...before.map((at) => ({ service: 'shop', at, body: 'served' })),
      ...every(MINUTE, start, start + 5 * MINUTE).flatMap((at) =>
        ['asked the bank', 'bank said no', 'told the buyer'].map((body) => ({ service: 'shop', at, body })),
      ),
      { service: 'shop', at: start + 1, body: 'reloaded its settings' },
    ]);
    const rows = await signalsAfterLook('plain', start);
    expect(summaries(rows)).toEqual([
      'shop INFO 5 times, never in the hour before, and 2 other messages as often: asked the bank',
    ]);
  });
});

test('a row that a later look no longer tells of says so, once, and ranks stay unique', async () => {
  const start = NOW - 10 * MINUTE;
  const web = every(5 * SECOND, start - 50 * MINUTE, NOW - MINUTE);
  await sendSpans('past', [
    ...spansOf('web', web),
    ...spansOf('cart', every(20 * SECOND, start - 50 * MINUTE, start - 20 * SECOND)),
    ...spansOf('web', every(30 * SECOND, start, NOW - MINUTE), { name: 'POST /', failed: true }),
  ]);
  const incident = await openIncident('past', start);
  await bench.watch.refresh('past', incident);
  const first = await signalsOf('past', incident);
  expect(first.some((row) => row.summary.startsWith('cart has gone silent'))).toBe(true);

  await sendSpans('past', spansOf('cart', [NOW - 5 * MINUTE]));
  // A watch of another process, which has not heard of the rows.
  const next = watchOf('past', bench.temporary.store.signalReader);
  await next.refresh('past', incident);
  const second = await signalsOf('past', incident);
  const past = second.filter((row) => row.facts['rank'] === undefined);
  expect(past.map((row) => row.summary)).toEqual([
    expect.stringMatching(/^No longer so at \S+Z: cart has gone silent: /),
  ]);
  expect(second.at(-1)).toEqual(past[0]);
  const ranks = second.flatMap((row) => row.facts['rank'] ?? []);
  expect(ranks).toEqual(ranks.map((_, index) => String(index + 1)));

  await next.refresh('past', incident);
  const third = await signalsOf('past', incident);
  expect(third.filter((row) => row.facts['rank'] === undefined)).toEqual(past);
});

function watchOf(tenant: string, signals: SignalReader): IncidentWatch {
  return createIncidentWatch({
    changeTurns: createKeyedTurns(),
    signals,
    evidenceLog: bench.temporary.store.evidenceLog,
    record: bench.record,
    tenants: [tenant],
    pollMilliseconds: 0,
    meter: metrics.getMeter('test'),
    logger: createLogger('silent'),
  });
}

test('a comparison that does not finish is a gap until it does, and the others are told', async () => {
  const start = NOW - 10 * MINUTE;
  await sendSpans('unfinished', [
    ...spansOf('web', every(5 * SECOND, start - 50 * MINUTE, NOW - MINUTE)),
    ...spansOf('web', every(5 * SECOND, start, NOW - MINUTE), { failed: true }),
  ]);
  const reader = bench.temporary.store.signalReader;
  let slow = true;
  const watch = watchOf('unfinished', {
    ...reader,
    figures: async (scope) => {
      const figures = await reader.figures(scope);
      return slow
        ? { ...figures, logPatterns: { rows: [], query: '', unfinished: 'needed too much memory' } }
        : figures;
    },
    changes: async (scope, compared) => {
      const changes = await reader.changes(scope, compared);
      return slow ? { ...changes, version: { rows: [], query: '', unfinished: 'took too long' } } : changes;
    },
  });
  const incident = await openIncident('unfinished', start);
  await watch.refresh('unfinished', incident);
  expect(await signalsOf('unfinished', incident)).not.toEqual([]);
  const gaps = async () =>
    (await bench.record.record('unfinished', incident))?.gaps.map((gap) => `${gap.state}: ${gap.what}`).sort();
  const said = [
    "Not compared over the incident's window: changes of versions. The query took too long.",
    "Not compared over the incident's window: log messages. The query needed too much memory.",
  ];
  expect(await gaps()).toEqual(said.map((each) => `open: ${each}`));
  slow = false;
  await watch.refresh('unfinished', incident);
  expect(await gaps()).toEqual(said.map((each) => `filled: ${each}`));
});

test('a comparison that stops finishing again has a new gap, which a person who closes it is not overruled on', async () => {
  const tenant = 'again';
  const start = NOW - 10 * MINUTE;
  await sendSpans(tenant, spansOf('web', every(30 * SECOND, start - 50 * MINUTE, NOW - MINUTE)));
  const reader = bench.temporary.store.signalReader;
  let slow = true;
  const unfinishedNow = (): IncidentWatch =>
    watchOf(tenant, {
      ...reader,
      figures: async (scope) => {
        const figures = await reader.figures(scope);
        return slow ? { ...figures, metrics: { rows: [], query: '', unfinished: 'took too long' } } : figures;
      },
    });
  let watch = unfinishedNow();
  const incident = await openIncident(tenant, start);
  const look = async (isSlow: boolean): Promise<readonly string[]> => {
    slow = isSlow;
    await watch.refresh(tenant, incident);
    const found = await bench.record.record(tenant, incident);
    return (found?.gaps ?? []).map((gap) => `${gap.state}: ${gap.what.replace(/\d{4}-\S+Z/, 'TIME')}`);
  };
  const first = "Not compared over the incident's window: gauges. The query took too long.";
  const again = 'Not compared since TIME, though it was before: gauges. The query took too long.';
  expect(await look(true)).toEqual([`open: ${first}`]);
  expect(await look(false)).toEqual([`filled: ${first}`]);
  watch = unfinishedNow();
  expect(await look(true)).toEqual([`filled: ${first}`, `open: ${again}`]);
  expect(await look(true)).toEqual([`filled: ${first}`, `open: ${again}`]);

  const second = (await bench.record.record(tenant, incident))?.gaps[1]?.id ?? '';
  const accepted = await bench.record.append(tenant, incident, ALICE, {
    type: 'gap.accept',
    body: { gap: second, reason: 'We go on without gauges.' },
  });
  expect(accepted.kind).toBe('appended');
  expect(await look(true)).toEqual([`filled: ${first}`, `accepted: ${again}`]);
  expect(await look(false)).toEqual([`filled: ${first}`, `accepted: ${again}`]);
  expect(await look(true)).toEqual([`filled: ${first}`, `accepted: ${again}`, `open: ${again}`]);
});
