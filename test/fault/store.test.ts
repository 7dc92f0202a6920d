import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { doctor } from '../support/fault-doctor.ts';
import { createLedger, NOTHING_WRONG, readStored, verdictOf, type Ledger } from '../support/fault-ledger.ts';
import { startLoad, type Load } from '../support/fault-load.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../support/fault-proxy.ts';
import { report, residentBytes } from '../support/fault-report.ts';
import { eventually } from '../support/otlp-json.ts';

// Docket on a ClickHouse server, with a proxy between the two that breaks what passes.
let front: ClickHouseFront;
let proxy: FaultProxy;
let docket: DocketProcess;
let nextNumber = 0;
const running: Load[] = [];
// One for all tests: what an earlier fault stored must not be doubled by a later one.
const ledger: Ledger = createLedger();

const canary = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;
const INSERTS = /^INSERT INTO otel_/;
/** The consumers' longest back-off, and some. */
const DRAINS_WITHIN_MS = 60_000;

beforeAll(async () => {
  front = await startClickHouseFront();
  proxy = await startFaultProxy(front.url);
  docket = await startDocket({ environment: { DOCKET_CLICKHOUSE_URL: proxy.url } });
});

afterAll(async () => {
  await docket?.dispose();
  await proxy?.close();
  await front?.close();
});

afterEach(async () => {
  await proxy.heal();
  for (const each of running.splice(0)) await each.abandon();
});

function load(): Load {
  const started = startLoad({ ledger, listeners: docket, firstNumber: nextNumber, workers: 4, canary, pauseMs: 20 });
  nextNumber += 1_000_000;
  running.push(started);
  return started;
}

/** Waits until the fault was met so often and, with it in place, so many more requests were acknowledged. */
async function endure(started: Load, hits: number, acknowledged: number): Promise<void> {
  const before = started.acknowledgedRequests();
  const met = await eventually(
    () => Promise.resolve({ hits: proxy.hits(), acknowledged: started.acknowledgedRequests() - before }),
    (so) => so.hits >= hits && so.acknowledged >= acknowledged,
    60_000,
  );
  expect(met.hits).toBeGreaterThanOrEqual(hits);
  expect(met.acknowledged).toBeGreaterThanOrEqual(acknowledged);
}

/** Ends the load and the fault, waits for the backlog, and holds the store against the ledger. */
async function settle(started: Load, heal: () => Promise<void> = () => proxy.heal()) {
  await heal();
  const healed = performance.now();
  await started.stop();
  const verdict = await eventually(
    async () => verdictOf(ledger, await readStored(front)),
    ({ lost, doubled, neverSent, falselyReported }) =>
      lost.length === 0 || doubled.length + neverSent.length + falselyReported.length > 0,
    DRAINS_WITHIN_MS,
  );
  report({
    lost: verdict.lost.length,
    duplicates: verdict.doubled.length,
    recoveryMs: [performance.now() - healed],
    rssBytes: residentBytes(docket.pid),
  });
  expect(started.refusals).toEqual([]);
  expect(started.delaysNotNamed()).toBe(0);
  return verdict;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

const errorOf = (code: number, symbol: string): Fault => ({ kind: 'error', code, symbol });

const FAULTS: readonly (readonly [name: string, fault: Fault, times: number | undefined])[] = [
  ['too many parts (252)', errorOf(252, 'TOO_MANY_PARTS'), undefined],
  ['out of memory (241)', errorOf(241, 'MEMORY_LIMIT_EXCEEDED'), undefined],
  ['a time-out of its own (159)', errorOf(159, 'TIMEOUT_EXCEEDED'), undefined],
  ['a read-only table (242)', errorOf(242, 'TABLE_IS_READ_ONLY'), undefined],
  ['no Keeper (999)', errorOf(999, 'KEEPER_EXCEPTION'), undefined],
  ['an unknown table (60)', errorOf(60, 'UNKNOWN_TABLE'), undefined],
  ['slow answers', { kind: 'slow', delayMs: 700 }, undefined],
  ['answers lost after the insert committed', { kind: 'answer lost' }, 6],
  ['answers cut after the insert committed', { kind: 'answer cut' }, 6],
  ['requests cut on their way', { kind: 'request cut' }, 6],
  [
    'an exception in a header of a 200',
    { kind: 'late exception', where: 'header', code: 241, symbol: 'MEMORY_LIMIT_EXCEEDED' },
    6,
  ],
  [
    'an exception in the body of a 200',
    { kind: 'late exception', where: 'body', code: 241, symbol: 'MEMORY_LIMIT_EXCEEDED' },
    6,
  ],
];

test.each(FAULTS)('a store with %s loses and doubles nothing', async (_, fault, times) => {
  const started = load();
  proxy.set(fault, times === undefined ? { only: INSERTS } : { only: INSERTS, times });
  await endure(started, times ?? 4, 10);
  expect(await settle(started)).toMatchObject(NOTHING_WRONG);
});

test('a store that refuses connections stops no acknowledgement and gets everything later', async () => {
  const started = load();
  await endure(started, 0, 5);
  await proxy.refuse();
  await endure(started, 0, 20);
  const ready = await fetch(`http://${docket.api}/readyz`);
  expect(ready.status).toBe(503);
  await ready.body?.cancel();
  expect(await settle(started)).toMatchObject(NOTHING_WRONG);
});

test('a store that hangs stops no acknowledgement and gets everything later', async () => {
  const started = load();
  proxy.set({ kind: 'hang' });
  await endure(started, 1, 20);
  const ready = await fetch(`http://${docket.api}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('does not answer');
  expect(await settle(started)).toMatchObject(NOTHING_WRONG);
});

test('a store that dies with kill -9 in the middle of inserts gets everything once it is back', async () => {
  const started = load();
  for (let round = 0; round < 3; round += 1) {
    await endure(started, 0, 5);
    await front.kill();
    await pause(100);
    front = await startClickHouseFront({ directory: front.directory, port: front.port });
  }
  expect(await settle(started)).toMatchObject(NOTHING_WRONG);
});

test('a batch that was refused for its rows once, then half stored, then delivered again is stored once', async () => {
  const started = load();
  for (let round = 0; round < 4; round += 1) {
    proxy.plan([errorOf(117, 'INCORRECT_DATA'), undefined, errorOf(241, 'MEMORY_LIMIT_EXCEEDED')], {
      only: /^INSERT INTO otel_traces/,
    });
    await endure(started, 3, 5);
  }
  expect(await settle(started)).toMatchObject(NOTHING_WRONG);
});

test('a row that ClickHouse refuses is set aside with its reason and its neighbours land, those of its request too', async () => {
  const poison = 'poison-4711';
  const bystanders = load();
  proxy.set(errorOf(117, 'INCORRECT_DATA'), { only: /^INSERT INTO otel_/, holding: poison });
  const isPoison = (number: number): boolean => number % 10 === 3;
  const poisonLoad = startLoad({
    ledger,
    listeners: docket,
    firstNumber: 50_000_000,
    workers: 1,
    itemsPerRequest: 10,
    mark: (number) => (isPoison(number) ? poison : undefined),
    signals: ['traces', 'logs', 'metrics'],
    pauseMs: 100,
  });
  await eventually(
    () => Promise.resolve(poisonLoad.acknowledgedRequests()),
    (count) => count >= 6,
    60_000,
  );
  await poisonLoad.stop();
  // The fault stays: a refused row is refused for good.
  expect(await settle(bystanders, () => Promise.resolve())).toMatchObject(NOTHING_WRONG);
  // Item for item: one of ten of each request is reported, and the verdict says that the other nine are stored.
  const { setAside, reported } = await readStored(front);
  let sent = 0;
  for (const [signal, numbers] of ledger.acknowledged) {
    const poisonous = [...numbers].filter((number) => number >= 50_000_000 && isPoison(number));
    expect([...(reported.get(signal) ?? [])].toSorted((a, b) => a - b)).toEqual(poisonous.toSorted((a, b) => a - b));
    sent += poisonous.length;
  }
  expect(sent).toBeGreaterThanOrEqual(6);
  expect(setAside.reduce((sum, each) => sum + each.items, 0)).toBe(sent);
  expect(setAside.every((each) => each.reason.includes('117'))).toBe(true);
  report({ setAside: sent });
  expect((await doctor(docket)).printed).toContain(`${sent} items set aside in unloadable_items`);
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  expect(metrics).toMatch(/docket_spool_set_aside_items_total\{consumer="loader"[^}]*\} [1-9]/);
});

test('nothing that redaction took out is in the server, the spool or the log', async () => {
  for (const [table, columns] of [
    ['otel_traces', 'SpanAttributes'],
    ['otel_logs', 'LogAttributes'],
    ['otel_metrics_gauge', 'Attributes'],
  ]) {
    expect(await front.query(`SELECT count() FROM ${table} WHERE toString(${columns}) LIKE '%${canary}%'`)).toBe('0\n');
    expect(
      Number(await front.query(`SELECT count() FROM ${table} WHERE toString(${columns}) LIKE '%redacted:%'`)),
    ).toBeGreaterThan(0);
  }
  expect(docket.output()).not.toContain(canary);
  // The log says what failed, by code.
  expect(docket.output()).toContain('241');
  expect(docket.output()).not.toContain('Injected by a test');
});
