import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDocket, type DocketProcess, type Listeners } from '../support/docket-process.ts';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import {
  createLedger,
  NOTHING_WRONG,
  readStored,
  verdictOf,
  type Ledger,
  type Verdict,
} from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { eventually } from '../support/otlp-json.ts';
import { freeAddress, startCollector, validate, type CollectorProcess } from './collector-process.ts';

const canary = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;

// A server, so that what is stored can be read while Docket runs.
let store: ClickHouseFront;
let docket: DocketProcess;
let collector: CollectorProcess;
/** Where applications send: the Collector. */
let gateway: Listeners;
let storage: string;

beforeEach(async () => {
  store = await startClickHouseFront();
  docket = await startDocket({ environment: { DOCKET_CLICKHOUSE_URL: store.url } });
  storage = mkdtempSync(join(tmpdir(), 'docket-collector-'));
  gateway = { otlpGrpc: await freeAddress(), otlpHttp: await freeAddress(), api: docket.api };
  collector = await startGateway();
});

afterEach(async () => {
  await collector?.kill();
  await docket?.dispose();
  await store?.close();
  rmSync(storage, { recursive: true, force: true });
});

function startGateway(): Promise<CollectorProcess> {
  return startCollector('otel-config.yaml', gateway.otlpHttp, {
    DOCKET_OTLP_GRPC: docket.otlpGrpc,
    COLLECTOR_OTLP_GRPC: gateway.otlpGrpc,
    COLLECTOR_OTLP_HTTP: gateway.otlpHttp,
    COLLECTOR_STORAGE: storage,
  });
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Holds the store against the ledger once everything is through: a batch may wait 30 s in the Collector for its next try. */
async function verdictWhenThrough(ledger: Ledger): Promise<Verdict> {
  const verdict = await eventually(
    async () => verdictOf(ledger, await readStored(store)),
    ({ lost }) => lost.length === 0,
    90_000,
  );
  console.log(JSON.stringify(verdict));
  return verdict;
}

test('the Collector accepts otel-config.yaml and in-path.yaml as they are in the repository', () => {
  expect(validate('otel-config.yaml', {})).toBe('');
  expect(validate('deploy/collector/in-path.yaml', {})).toBe('');
});

test('a Collector with otel-config.yaml forwards traces, logs and metrics to Docket', async () => {
  const ledger = createLedger();
  const load = startLoad({ ledger, listeners: gateway, firstNumber: 0, workers: 3, canary, pauseMs: 20 });
  await pause(1_000);
  await load.stop();
  const verdict = await verdictWhenThrough(ledger);
  expect(verdict).toMatchObject({ ...NOTHING_WRONG, unacknowledged: 0 });
  expect(verdict.stored).toBe(verdict.sent);
  expect(docket.output()).not.toContain(canary);
  expect((await fetch(`http://${collector.health}/`)).status).toBe(200);
  const own = await (await fetch(`http://${collector.metrics}/metrics`)).text();
  expect(own).toMatch(/^otelcol_exporter_queue_size\{.*otlp\/docket/m);
  expect(own).toMatch(/^otelcol_exporter_queue_capacity\{.*\} 1.073741824e\+09$/m);
});

test('killing and restarting Docket under load loses nothing and stores nothing twice', async () => {
  const ledger = createLedger();
  const load = startLoad({ ledger, listeners: gateway, firstNumber: 0, workers: 6, pauseMs: 10 });
  for (let round = 0; round < 4; round += 1) {
    await pause(1_200);
    await docket.kill();
    await pause(200);
    docket = await docket.restart();
  }
  await pause(500);
  await load.stop();
  const verdict = await verdictWhenThrough(ledger);
  expect(verdict).toMatchObject(NOTHING_WRONG);
  expect(verdict.acknowledged).toBeGreaterThan(2_000);
});

// A Collector that restarts takes its queue up from the disk and may put other batches together than those that were under
// way: requests of other bytes with the same items, which Docket cannot recognise (docs/operating.md).
test('killing and restarting the Collector under load loses nothing it acknowledged', async () => {
  const ledger = createLedger();
  const load = startLoad({ ledger, listeners: gateway, firstNumber: 0, workers: 6, pauseMs: 10 });
  for (let round = 0; round < 3; round += 1) {
    await pause(1_000);
    await collector.kill();
    collector = await startGateway();
  }
  await pause(500);
  await load.stop();
  const verdict = await verdictWhenThrough(ledger);
  expect(verdict).toMatchObject({ lost: [], neverSent: [] });
  expect(verdict.acknowledged).toBeGreaterThan(1_000);
});
