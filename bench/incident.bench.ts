/**
 * What does opening an incident cost over many stored spans? Fills the embedded engine with service spans and evidence rows,
 * opens an incident bound to an agent, computes its service signals, and reads pages. Prints milliseconds and writes
 * bench/results/incident.json. The number of spans is the first argument (10,000,000 when left out).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { observedRow } from '../src/evidence/observed-row.ts';
import { findSignals } from '../src/evidence/signals/find-signals.ts';
import { rankSignals } from '../src/evidence/signals/signal.ts';
import { openIncidentBench } from '../test/support/incident-bench.ts';

const SPANS = Number(process.argv[2] ?? 10_000_000);
const ROWS = 100_000;
const MATCHING = 2_000;
const PAGES = 100;
const FILL_AT_ONCE = 1_000_000;
const TENANT = 'default';

const bench = await openIncidentBench();
const { store } = bench.temporary;
const startedAt = Date.now() - 30 * 60_000;
const results: Record<string, number> = { spans: SPANS, evidenceRows: ROWS };

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = performance.now();
  const value = await work();
  results[name] = Math.round((performance.now() - before) * 10) / 10;
  console.log(`${name.padEnd(36)} ${String(results[name]).padStart(10)} ms`);
  return value;
}

await timed('fill spans', async () => {
  // Five spans a trace over ninety minutes, 20 services; one of them is slow and failing for the last thirty.
  for (let from = 0; from < SPANS; from += FILL_AT_ONCE) {
    await bench.temporary
      .command(`INSERT INTO otel_traces (Tenant, ReceivedAt, Timestamp, TraceId, SpanId, ParentSpanId,
SpanName, SpanKind, ServiceName, ResourceAttributes, SpanAttributes, Duration, StatusCode)
SELECT '${TENANT}', now64(9), at, lower(hex(MD5(toString(intDiv(number, 5))))), lower(hex(substring(MD5(toString(number)), 1, 8))),
if(number % 5 = 0, '', lower(hex(substring(MD5(toString(number - 1)), 1, 8)))),
concat('GET /', toString(service % 7)), 'Server', concat('service-', toString(service)),
map('service.name', concat('service-', toString(service)), 'service.version', '1.0', 'deployment.environment.name', 'prod'),
map('http.request.method', 'GET', 'http.route', '/item', 'url.scheme', 'https'),
toUInt64(1000000 * (6 - number % 5) * if(service = 4 AND at >= fromUnixTimestamp64Milli(${startedAt}), 40, 1) + rand() % 300000),
if(service = 4 AND at >= fromUnixTimestamp64Milli(${startedAt}) AND number % 3 = 0, 'Error', 'Unset')
FROM (SELECT number, intDiv(number, 5) % 4 * 5 + number % 5 AS service,
fromUnixTimestamp64Nano(${startedAt - 3_600_000}000000 + intDiv(number, 5) * ${Math.floor((90 * 60_000 * 1e6) / (SPANS / 5))}) AS at
FROM numbers(${from}, ${Math.min(FILL_AT_ONCE, SPANS - from)})) SETTINGS max_threads = 2`);
  }
});

await timed('fill evidence', async () => {
  for (let from = 0; from < ROWS; from += 10_000) {
    await store.evidenceLog.put(
      Array.from({ length: 10_000 }, (_, index) => {
        const number = from + index;
        return observedRow({
          tenant: TENANT,
          id: `ev_${number}`,
          incident: number < MATCHING ? '' : 'big',
          link: null,
          kind: 'tool_call',
          occurredAtUnixNano: BigInt(startedAt + number) * 1_000_000n,
          endedAtUnixNano: null,
          receivedAtUnixNano: BigInt(startedAt + number) * 1_000_000n,
          outcome: 'ok',
          actor: { kind: 'agent', name: number < MATCHING ? 'responder' : 'other', id: null },
          service: 'agent',
          environment: '',
          summary: `kubectl_get pods ${number}`,
          content: { arguments: '{"namespace":"shop"}', result: 'x'.repeat(1_000) },
          source: { traceId: '', spanId: '', signal: 'traces', alsoSeenAs: [] },
          sourceFamily: 'tool:kubectl_get',
          trust: 'self_reported',
          dialect: 'otel-genai',
          facts: {},
        });
      }),
    );
  }
});

const opened = await timed('open and file matching agent work', () =>
  bench.record.open(
    TENANT,
    { kind: 'human', name: 'bench', id: null },
    {
      title: 'Bench',
      services: ['service-4'],
      startedAt: new Date(startedAt).toISOString(),
      bind: { agent: 'responder' },
    },
  ),
);
if (opened.kind !== 'opened' || opened.filed !== MATCHING) throw new Error('the matching rows were not filed');

const scope = {
  tenant: TENANT,
  services: ['service-4'],
  baselineFromUnixNano: BigInt(startedAt - 3_600_000) * 1_000_000n,
  fromUnixNano: BigInt(startedAt) * 1_000_000n,
  toUnixNano: BigInt(Date.now()) * 1_000_000n,
};
const figures = await timed('service signals', () => store.signalReader.figures(scope));
const [top] = rankSignals(findSignals(figures));
if (top?.service !== 'service-4') throw new Error('the slow service is not the first signal');
results['sampledOneIn'] = figures.sampledOneIn;
await timed('changes', () => store.signalReader.changes(scope));

const took: number[] = [];
let cursor: string | undefined;
for (let page = 0; page < PAGES; page += 1) {
  const before = performance.now();
  const { next } = await store.evidenceLog.page(TENANT, 'big', {
    limit: 50,
    ...(cursor === undefined ? {} : { cursor }),
  });
  took.push(performance.now() - before);
  cursor = next ?? undefined;
}
took.sort((a, b) => a - b);
results['page p50'] = Math.round(took[Math.floor(PAGES / 2)] ?? 0);
results['page p99'] = Math.round(took[Math.floor(PAGES * 0.99)] ?? 0);
console.log(`page of 50 among ${ROWS} rows: p50 ${results['page p50']} ms, p99 ${results['page p99']} ms`);

await bench.dispose();
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'incident.json'), `${JSON.stringify(results, null, 2)}\n`);
