import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Signal } from '../../src/otlp/signal.ts';
import { sharedData } from '../support/shared-data.ts';
import { batchOf, frameOfJson } from '../support/spooled-frame.ts';
import { openTemporaryStore, type TemporaryStore } from '../support/temporary-store.ts';

/** Stands for a metric's points, which lie under the name of the metric's kind. */
const POINTS = 'points';
const METRIC_KINDS = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'];

const KINDS: readonly (readonly [file: string, signal: Signal, table: string, lists: readonly string[]])[] = [
  ['traces.otlp.json', 'traces', 'otel_traces', ['resourceSpans', 'scopeSpans', 'spans']],
  ['logs.otlp.json', 'logs', 'otel_logs', ['resourceLogs', 'scopeLogs', 'logRecords']],
  [
    'metrics.otlp.json',
    'metrics',
    `merge(currentDatabase(), '^otel_metrics_')`,
    ['resourceMetrics', 'scopeMetrics', 'metrics', POINTS],
  ],
];

interface Recording {
  readonly file: string;
  readonly signal: Signal;
  readonly table: string;
  readonly lists: readonly string[];
}

const recordings: Recording[] = sharedData.present
  ? readdirSync(sharedData.path('incidents'), { recursive: true, encoding: 'utf8' }).flatMap((file) =>
      KINDS.filter(([name]) => file.endsWith(`/${name}`)).map(([, signal, table, lists]) => ({
        file,
        signal,
        table,
        lists,
      })),
    )
  : [];

/** Items under nested lists, e.g. resourceSpans → scopeSpans → spans. */
function itemsIn(value: unknown, lists: readonly string[]): number {
  const [list, ...rest] = lists;
  if (list === undefined) return 1;
  if (list === POINTS) {
    const metric = value as Readonly<Record<string, { readonly dataPoints?: readonly unknown[] } | undefined>>;
    return METRIC_KINDS.reduce((sum, kind) => sum + (metric[kind]?.dataPoints?.length ?? 0), 0);
  }
  const children = (value as Readonly<Record<string, readonly unknown[] | undefined>>)[list] ?? [];
  return children.reduce((sum: number, child) => sum + itemsIn(child, rest), 0);
}

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

async function rows(table: string): Promise<number> {
  const counted = await temporary.store.query<{ rows: string }>(`SELECT toString(count()) AS rows FROM ${table}`);
  return Number(counted[0]?.rows);
}

test.skipIf(recordings.length === 0)('every item of the recorded incidents becomes exactly one row', async () => {
  for (const { file, signal, table, lists } of recordings) {
    const before = await rows(table);
    let items = 0;
    // A recording is one request, or one request a line.
    const text = readFileSync(sharedData.path('incidents', file), 'utf8');
    const requests = text.trimStart().includes('\n{') ? text.split('\n').filter((line) => line !== '') : [text];
    const frames = requests.map((request) => {
      const parsed: unknown = JSON.parse(request);
      const count = itemsIn(parsed, lists);
      items += count;
      return frameOfJson(signal, parsed, { items: count });
    });
    expect(await temporary.store.loader.consume(batchOf(...frames)), file).toEqual({ kind: 'accepted', setAside: 0 });
    expect((await rows(table)) - before, file).toBe(items);
  }
});

test.skipIf(recordings.length === 0)(
  'a recorded trace reads back whole, in time order, for its tenant only',
  async () => {
    const found = await temporary.store.query<{ TraceId: string; rows: string }>(
      `SELECT TraceId, toString(count()) AS rows FROM otel_traces GROUP BY TraceId ORDER BY count() DESC LIMIT 1`,
    );
    const { TraceId: traceId, rows: spans } = found[0] ?? { TraceId: '', rows: '0' };
    const trace = await temporary.store.telemetryReader.trace('default', traceId);
    expect(trace?.spans.length).toBe(Math.min(5_000, Number(spans)));
    const times = trace?.spans.map((span) => span.startedAt) ?? [];
    expect(times).toEqual([...times].sort());
    expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(await temporary.store.telemetryReader.trace('other', traceId)).toBeUndefined();
    expect(await temporary.store.telemetryReader.trace('default', `${traceId}' OR 1=1`)).toBeUndefined();
  },
);
