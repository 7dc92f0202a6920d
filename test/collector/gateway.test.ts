import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { eventually, logsRequest, metricsRequest, postJson, traceId, tracesRequest } from '../support/otlp-json.ts';
import { freeAddress, startCollector, validate, type CollectorProcess } from './collector-process.ts';

let docket: DocketProcess;
let collector: CollectorProcess;
let collectorHttp: string;
let storage: string;

beforeEach(async () => {
  docket = await startDocket();
  collectorHttp = await freeAddress();
  storage = mkdtempSync(join(tmpdir(), 'docket-collector-'));
  collector = await startCollector('otel-config.yaml', collectorHttp, await environment());
});

afterEach(async () => {
  await collector?.stop();
  await docket?.dispose();
  rmSync(storage, { recursive: true, force: true });
});

async function environment(): Promise<Record<string, string>> {
  return {
    DOCKET_OTLP_GRPC: docket.otlpGrpc,
    COLLECTOR_OTLP_GRPC: await freeAddress(),
    COLLECTOR_OTLP_HTTP: collectorHttp,
    COLLECTOR_STORAGE: storage,
  };
}

async function spansStored(number: number): Promise<number> {
  const response = await fetch(`http://${docket.api}/api/v1/traces/${traceId(number)}`);
  if (response.status === 404) return 0;
  expect(response.status).toBe(200);
  const trace = (await response.json()) as { spans: unknown[] };
  return trace.spans.length;
}

test('the Collector accepts otel-config.yaml and in-path.yaml as they are in the repository', () => {
  expect(validate('otel-config.yaml', {})).toBe('');
  expect(validate('deploy/collector/in-path.yaml', {})).toBe('');
});

test('a Collector with otel-config.yaml forwards traces, logs and metrics to Docket', async () => {
  expect((await postJson(collectorHttp, 'traces', tracesRequest('shop', [1, 2, 3]))).status).toBe(200);
  expect((await postJson(collectorHttp, 'logs', logsRequest('shop', ['one', 'two']))).status).toBe(200);
  expect((await postJson(collectorHttp, 'metrics', metricsRequest('shop', 'queue.length', [1, 2, 3, 4]))).status).toBe(
    200,
  );
  for (const number of [1, 2, 3]) {
    expect(
      await eventually(
        () => spansStored(number),
        (spans) => spans > 0,
      ),
    ).toBe(1);
  }
  const accepted = await eventually(
    async () => (await fetch(`http://${docket.api}/metrics`)).text(),
    (text) => acceptedItems(text, 'metrics') >= 4 && acceptedItems(text, 'logs') >= 2,
  );
  expect(acceptedItems(accepted, 'logs')).toBe(2);
  expect(acceptedItems(accepted, 'metrics')).toBe(4);
});

test('killing and restarting Docket under load loses no span and stores none twice', async () => {
  const sent: number[] = [];
  let next = 0;
  let loading = true;
  const load = (async () => {
    while (loading) {
      const numbers = Array.from({ length: 20 }, () => next++);
      const { status } = await postJson(collectorHttp, 'traces', tracesRequest('shop', numbers));
      if (status === 200) sent.push(...numbers);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await docket.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    docket = await docket.restart();
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  loading = false;
  await load;
  expect(sent.length).toBeGreaterThan(200);
  const missing: number[] = [];
  const doubled: number[] = [];
  for (const number of sent) {
    const spans = await eventually(
      () => spansStored(number),
      (count) => count > 0,
      30_000,
    );
    if (spans === 0) missing.push(number);
    if (spans > 1) doubled.push(number);
  }
  expect({ missing, doubled }).toEqual({ missing: [], doubled: [] });
});

/** Items of a signal that Docket's own metrics count as accepted. */
function acceptedItems(prometheus: string, signal: string): number {
  let items = 0;
  for (const line of prometheus.split('\n')) {
    if (!line.startsWith('docket_receiver_accepted_items_total{')) continue;
    if (line.includes(`signal="${signal}"`)) items += Number(line.split(' ')[1]);
  }
  return items;
}
