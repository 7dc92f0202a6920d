import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { doctor } from '../support/fault-doctor.ts';
import { createLedger, NOTHING_WRONG, readStoredIn, verdictOf } from '../support/fault-ledger.ts';
import { startLoad, type Load } from '../support/fault-load.ts';
import { report, residentBytes } from '../support/fault-report.ts';
import { numberedRequest } from '../support/fault-requests.ts';
import { createOtlpClient } from '../support/fault-sender.ts';
import { searchFolder } from '../support/folder-search.ts';
import { eventually } from '../support/otlp-json.ts';

// One service with the embedded engine through every test; the last one looks at what it stored.
const ledger = createLedger();
const canary = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;
const preload = pathToFileURL(join(import.meta.dirname, '..', 'support', 'fault-points.mjs')).href;
let docket: DocketProcess;
let nextNumber = 0;
const loads: Load[] = [];
let stormNumbers: readonly number[] = [];

beforeAll(async () => {
  docket = await startDocket();
});

afterAll(async () => {
  await docket?.dispose();
});

afterEach(async () => {
  for (const each of loads.splice(0)) await each.abandon();
});

function load(): Load {
  const started = startLoad({ ledger, listeners: docket, firstNumber: nextNumber, workers: 4, canary, pauseMs: 5 });
  nextNumber += 1_000_000;
  loads.push(started);
  return started;
}

async function acknowledges(running: Load, more: number): Promise<void> {
  const wanted = running.acknowledgedRequests() + more;
  await eventually(
    () => Promise.resolve(running.acknowledgedRequests()),
    (count) => count >= wanted,
    60_000,
  );
  expect(running.acknowledgedRequests()).toBeGreaterThanOrEqual(wanted);
}

async function end(running: Load): Promise<void> {
  await running.stop();
  expect(running.refusals).toEqual([]);
  expect(running.delaysNotNamed()).toBe(0);
}

test('a storm of 1,000 retries of one request over both transports and a restart is acknowledged throughout', async () => {
  const request = numberedRequest('traces', 90_000_000, 5, { canary });
  stormNumbers = request.numbers;
  ledger.onSent(request);
  for (const round of [0, 1]) {
    const http = createOtlpClient(docket, 'http');
    const grpc = createOtlpClient(docket, 'grpc');
    const attempts = await Promise.all(
      Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? http : grpc).send(request)),
    );
    expect(attempts.filter(({ outcome }) => outcome !== 'acknowledged')).toEqual([]);
    http.close();
    grpc.close();
    const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
    expect(metrics).toMatch(
      new RegExp(`^docket_spool_duplicates_total(\\{[^}]*\\})? ${round === 0 ? 499 : 500}$`, 'm'),
    );
    await docket.kill();
    docket = await docket.restart();
  }
  ledger.onAcknowledged(request);
});

test('a rolling restart by SIGTERM under load fails no request for good', async () => {
  const running = load();
  const recoveryMs: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    await acknowledges(running, 20);
    expect(await docket.stop()).toBe(0);
    const began = performance.now();
    docket = await docket.restart();
    recoveryMs.push(performance.now() - began);
  }
  await acknowledges(running, 20);
  await end(running);
  report({ recoveryMs, rssBytes: residentBytes(docket.pid) });
});

test('a second process on the data directory is told who has it and ends; the first goes on', async () => {
  const running = load();
  const { dataDirectory } = docket;
  await expect(startDocket({ dataDirectory })).rejects.toThrow(
    new RegExp(`ended with 3 before it was ready[^]*process ${docket.pid}\\)? `),
  );
  await acknowledges(running, 10);
  await end(running);
});

test('a clock that jumps a day ahead and two days back changes nothing', async () => {
  const running = load();
  for (const days of [1, -1, 0]) {
    await docket.kill();
    docket = await docket.restart({ NODE_OPTIONS: `--import=${preload}`, FAULT_CLOCK_MS: String(days * 86_400_000) });
    await acknowledges(running, 20);
  }
  await end(running);
});

test('a sync that fails is not acknowledged and later ones are', async () => {
  await docket.kill();
  docket = await docket.restart({ NODE_OPTIONS: `--import=${preload}`, FAULT_EIO: '3:6' });
  const running = load();
  await acknowledges(running, 30);
  await end(running);
  const refused = (running.answers.get('503') ?? 0) + (running.answers.get('UNAVAILABLE') ?? 0);
  expect(refused).toBeGreaterThan(0);
  expect(docket.output()).toContain('EIO');
});

test('items of 150 days, of 1970 and of the end of time land beside their neighbours', async () => {
  const now = BigInt(Date.now()) * 1_000_000n;
  const day = 86_400_000_000_000n;
  const extremes = [0n, 1n, now + 400n * day, (1n << 64n) - 1n, (1n << 63n) - 1n, 1n << 63n];
  const client = createOtlpClient(docket, 'http');
  for (const signal of ['traces', 'logs', 'metrics'] as const) {
    const first = nextNumber;
    nextNumber += 160;
    const request = numberedRequest(signal, first, 160, {
      canary,
      timeUnixNano: (number) => extremes[number - first] ?? now - BigInt(number - first) * day,
    });
    ledger.onSent(request);
    expect(await client.send(request)).toMatchObject({ outcome: 'acknowledged' });
    ledger.onAcknowledged(request);
  }
  client.close();
});

test('everything acknowledged is stored once, nothing else is, and no canary is anywhere', async () => {
  const { code, printed } = await doctor(docket);
  expect(printed).toContain('ClickHouse (embedded) answers');
  expect([0, 1]).toContain(code);
  expect(await docket.stop()).toBe(0);
  const stored = await readStoredIn(docket.dataDirectory);
  const verdict = verdictOf(ledger, stored);
  report({
    sent: verdict.sent,
    acknowledged: verdict.acknowledged,
    stored: verdict.stored,
    lost: verdict.lost.length,
    duplicates: verdict.doubled.length,
  });
  expect(verdict).toMatchObject(NOTHING_WRONG);
  for (const number of stormNumbers) expect(stored.counts.get('traces')?.get(number)).toBe(1);
  expect(stored.setAside).toEqual([]);
  expect(searchFolder(docket.dataDirectory, canary)).toEqual([]);
  expect(docket.output()).not.toContain(canary);
});
