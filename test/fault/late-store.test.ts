import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { doctor } from '../support/fault-doctor.ts';
import { createLedger, NOTHING_WRONG, readStored, verdictOf } from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { report } from '../support/fault-report.ts';
import { eventually } from '../support/otlp-json.ts';

// A ClickHouse server that is not there, or not well, when Docket starts.
let front: ClickHouseFront;
let proxy: FaultProxy;
let docket: DocketProcess | undefined;

beforeAll(async () => {
  front = await startClickHouseFront();
});

beforeEach(async () => {
  proxy = await startFaultProxy(front.url);
});

afterEach(async () => {
  await docket?.dispose();
  docket = undefined;
  await proxy.close();
});

afterAll(async () => {
  await front?.close();
});

const start = (): Promise<DocketProcess> => startDocket({ environment: { DOCKET_CLICKHOUSE_URL: proxy.url } });

interface Readiness {
  readonly ready: boolean;
  readonly components: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[];
}

async function readiness(of: DocketProcess): Promise<{ readonly status: number; readonly store: string }> {
  const response = await fetch(`http://${of.api}/readyz`);
  const { components } = (await response.json()) as Readiness;
  return { status: response.status, store: components.find(({ name }) => name === 'store')?.detail ?? '' };
}

async function isReady(of: DocketProcess): Promise<void> {
  const found = await eventually(
    () => readiness(of),
    ({ status }) => status === 200,
    60_000,
  );
  expect(found.status).toBe(200);
}

test('telemetry is acknowledged before the server is there, over a kill too, and stored once it comes', async () => {
  await proxy.refuse();
  docket = await start();
  const ledger = createLedger();
  const load = startLoad({ ledger, listeners: docket, firstNumber: 0, workers: 4, pauseMs: 10 });
  await eventually(
    () => Promise.resolve(load.acknowledgedRequests()),
    (count) => count > 50,
    60_000,
  );
  expect(load.acknowledgedRequests()).toBeGreaterThan(50);

  const before = await readiness(docket);
  expect(before.status).toBe(503);
  expect(before.store).toContain('not there yet: store: ECONNREFUSED');
  expect((await fetch(`http://${docket.api}/healthz`)).status).toBe(200);
  expect((await fetch(`http://${docket.api}/metrics`)).status).toBe(200);
  for (const path of ['/api/v1/incidents', '/api/v1/incidents/INC-1', '/']) {
    const refused = await fetch(`http://${docket.api}${path}`);
    expect([path, refused.status, refused.headers.get('content-type')]).toEqual([
      path,
      503,
      'application/problem+json',
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({ code: 'store.unavailable' });
  }

  const examined = await doctor(docket);
  expect(examined.code).toBe(1);
  expect(examined.printed).toMatch(/bad +store +ClickHouse \(server\) is not there yet/);

  await docket.kill();
  docket = await docket.restart();
  const killed = load.acknowledgedRequests();
  await eventually(
    () => Promise.resolve(load.acknowledgedRequests()),
    (count) => count > killed + 50,
    60_000,
  );

  await proxy.heal();
  const healed = performance.now();
  await isReady(docket);
  await load.stop();
  const verdict = await eventually(
    async () => verdictOf(ledger, await readStored(front)),
    ({ lost }) => lost.length === 0,
    60_000,
  );
  report({
    cycles: 1,
    sent: verdict.sent,
    acknowledged: verdict.acknowledged,
    stored: verdict.stored,
    lost: verdict.lost.length,
    duplicates: verdict.doubled.length,
    recoveryMs: [performance.now() - healed],
  });
  expect(load.refusals).toEqual([]);
  expect(verdict).toMatchObject(NOTHING_WRONG);

  // The record is there as if nothing had been.
  const opened = await fetch(`http://${docket.api}/api/v1/incidents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Checkout fails' }),
  });
  expect(opened.status).toBe(201);
  expect(await docket.stop()).toBe(0);
});

test('a server that hangs when Docket starts holds neither the start nor intake up', async () => {
  proxy.set({ kind: 'hang' });
  docket = await start();
  const load = startLoad({ ledger: createLedger(), listeners: docket, firstNumber: 10_000_000, workers: 2 });
  await eventually(
    () => Promise.resolve(load.acknowledgedRequests()),
    (count) => count > 20,
    60_000,
  );
  expect(load.acknowledgedRequests()).toBeGreaterThan(20);
  expect((await readiness(docket)).status).toBe(503);
  await load.stop();
  await proxy.heal();
  await isReady(docket);
});

test('a Docket whose server never came stops cleanly and keeps what it acknowledged', async () => {
  await proxy.refuse();
  docket = await start();
  const ledger = createLedger();
  const load = startLoad({ ledger, listeners: docket, firstNumber: 20_000_000, workers: 2, pauseMs: 10 });
  await eventually(
    () => Promise.resolve(load.acknowledgedRequests()),
    (count) => count > 20,
    60_000,
  );
  await load.stop();
  expect(await docket.stop()).toBe(0);
  expect(docket.output()).toContain('stopping with a backlog');
  await proxy.heal();
  docket = await docket.restart();
  await isReady(docket);
  const verdict = await eventually(
    async () => verdictOf(ledger, await readStored(front)),
    ({ lost }) => lost.length === 0,
    60_000,
  );
  expect(verdict.lost).toEqual([]);
});

test('a server that refuses who asks ends the start with exit code 3 and a sentence', async () => {
  proxy.set({ kind: 'error', code: 516, symbol: 'AUTHENTICATION_FAILED' });
  const dataDirectory = mkdtempSync(join(tmpdir(), 'docket-refused-'));
  try {
    await expect(startDocket({ dataDirectory, environment: { DOCKET_CLICKHOUSE_URL: proxy.url } })).rejects.toThrow(
      /ended with 3 [^]*docket could not start: store: ClickHouse error 516 AUTHENTICATION_FAILED/,
    );
  } finally {
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
