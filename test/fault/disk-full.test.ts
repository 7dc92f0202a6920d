import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startClickHouseFront, type ClickHouseFront } from '../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { createLedger, NOTHING_WRONG, readStored, readStoredIn, verdictOf } from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { report } from '../support/fault-report.ts';
import { eventually } from '../support/otlp-json.ts';

// The spool on a disk of 32 MB: a tmpfs, which only root can mount.
const dataDirectory = mkdtempSync(join(tmpdir(), 'docket-small-disk-'));
const spoolDirectory = join(dataDirectory, 'spool');
mkdirSync(spoolDirectory);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', spoolDirectory]).status === 0;
if (!mounted) console.log('skipped: no tmpfs can be mounted here (needs root), so no disk can be filled');

let front: ClickHouseFront;
let proxy: FaultProxy;
let docket: DocketProcess;

beforeAll(async () => {
  if (!mounted) return;
  front = await startClickHouseFront();
  proxy = await startFaultProxy(front.url);
  docket = await startDocket({ dataDirectory, environment: { DOCKET_CLICKHOUSE_URL: proxy.url } });
});

afterAll(async () => {
  await docket?.kill();
  await proxy?.close();
  await front?.close();
  if (mounted) spawnSync('umount', ['-l', spoolDirectory]);
  rmSync(dataDirectory, { recursive: true, force: true });
});

test.skipIf(!mounted)(
  'a full disk refuses with a delay, survives a restart, and takes up work when there is room',
  async () => {
    const ledger = createLedger();
    // Nothing leaves the spool: the server takes no telemetry.
    proxy.set({ kind: 'error', code: 241, symbol: 'MEMORY_LIMIT_EXCEEDED' }, { only: /^INSERT INTO otel_/ });
    const load = startLoad({
      ledger,
      listeners: docket,
      firstNumber: 0,
      workers: 4,
      itemsPerRequest: 10,
      padding: 20_000,
    });
    const refusals = (): number => (load.answers.get('503') ?? 0) + (load.answers.get('UNAVAILABLE') ?? 0);
    await eventually(
      () => Promise.resolve(refusals()),
      (count) => count > 20,
      60_000,
    );
    expect(refusals()).toBeGreaterThan(20);
    expect(load.answers.get('503')).toBeGreaterThan(0);
    expect(load.answers.get('UNAVAILABLE')).toBeGreaterThan(0);

    // Still full: it starts, answers for itself and refuses as before.
    await docket.kill();
    docket = await docket.restart();
    expect((await fetch(`http://${docket.api}/healthz`)).status).toBe(200);
    const before = refusals();
    await eventually(
      () => Promise.resolve(refusals()),
      (count) => count > before,
      30_000,
    );
    expect(refusals()).toBeGreaterThan(before);
    expect(load.delaysNotNamed()).toBe(0);

    await proxy.heal();
    const healed = performance.now();
    const acknowledged = load.acknowledgedRequests();
    await eventually(
      () => Promise.resolve(load.acknowledgedRequests()),
      (count) => count > acknowledged + 20,
      60_000,
    );
    await load.stop();
    const verdict = await eventually(
      async () => verdictOf(ledger, await readStored(front)),
      ({ lost }) => lost.length === 0,
      60_000,
    );
    report({
      sent: verdict.sent,
      acknowledged: verdict.acknowledged,
      stored: verdict.stored,
      lost: verdict.lost.length,
      duplicates: verdict.doubled.length,
      recoveryMs: [performance.now() - healed],
    });
    expect(load.acknowledgedRequests()).toBeGreaterThan(acknowledged + 20);
    expect(load.refusals).toEqual([]);
    expect(verdict).toMatchObject(NOTHING_WRONG);
  },
);

test.skipIf(!mounted)(
  'a disk that something else fills, the engine’s data on it too, loses nothing, and work goes on when there is room',
  async () => {
    const whole = mkdtempSync(join(tmpdir(), 'docket-full-disk-'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600m', 'tmpfs', whole]).status).toBe(0);
    const ballast = join(whole, 'ballast');
    let embedded = await startDocket({ dataDirectory: whole });
    const ledger = createLedger();
    const load = startLoad({
      ledger,
      listeners: embedded,
      firstNumber: 0,
      workers: 4,
      itemsPerRequest: 10,
      padding: 20_000,
      pauseMs: 5,
    });
    const refusals = (): number => (load.answers.get('503') ?? 0) + (load.answers.get('UNAVAILABLE') ?? 0);
    try {
      await eventually(
        () => Promise.resolve(load.acknowledgedRequests()),
        (count) => count > 20,
      );
      expect((await fetch(`http://${embedded.api}/readyz`)).status).toBe(200);
      // While requests and their rows are being written.
      fill(ballast);
      await eventually(
        () => Promise.resolve(refusals()),
        (count) => count > 20,
        60_000,
      );
      expect(refusals()).toBeGreaterThan(20);
      expect((await fetch(`http://${embedded.api}/healthz`)).status).toBe(200);
      expect((await fetch(`http://${embedded.api}/readyz`)).status).toBe(503);

      rmSync(ballast);
      const freed = performance.now();
      const acknowledged = load.acknowledgedRequests();
      await eventually(
        () => Promise.resolve(load.acknowledgedRequests()),
        (count) => count > acknowledged + 20,
        60_000,
      );
      expect(load.acknowledgedRequests()).toBeGreaterThan(acknowledged + 20);
      await load.stop();
      report({ recoveryMs: [performance.now() - freed] });
      expect(load.refusals).toEqual([]);
      expect(load.delaysNotNamed()).toBe(0);
      // Stops when the backlog is stored.
      expect(await embedded.stop()).toBe(0);
      embedded = await embedded.restart();
      expect(await embedded.stop()).toBe(0);
      const verdict = verdictOf(ledger, await readStoredIn(whole));
      report({
        sent: verdict.sent,
        acknowledged: verdict.acknowledged,
        stored: verdict.stored,
        lost: verdict.lost.length,
        duplicates: verdict.doubled.length,
      });
      expect(verdict).toMatchObject(NOTHING_WRONG);
    } finally {
      await load.abandon();
      await embedded.kill();
      spawnSync('umount', ['-l', whole]);
      rmSync(whole, { recursive: true, force: true });
    }
  },
);

/** Writes until there is no room for another megabyte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const piece = Buffer.alloc(1024 * 1024); ;) writeSync(file, piece);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(file);
  }
}
