import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { createLedger, NOTHING_WRONG, readStoredIn, verdictOf } from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { report, residentBytes } from '../support/fault-report.ts';
import { searchFolder } from '../support/folder-search.ts';
import { chosenSeed, randomFrom } from './spool/kill-cycles.ts';

/** Incarnations of each data directory. */
const CYCLES = 26;
const DIRECTORIES = 4;

/** From the write of a request to the cursor that says it is stored, and the most times each is passed before the kill. */
const POINTS = [
  ['append', 15],
  ['fsync', 15],
  ['acknowledge', 15],
  ['insert', 8],
  ['inserted', 8],
  ['before checkpoint', 5],
  ['checkpoint', 5],
  ['before linker checkpoint', 5],
] as const;

const preload = pathToFileURL(join(import.meta.dirname, '..', 'support', 'fault-points.mjs')).href;
const canary = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;

test.each(Array.from({ length: DIRECTORIES }, (_, index) => index))(
  `${CYCLES} kills of the whole service under load lose nothing and store nothing twice (directory %i)`,
  async (directory) => {
    const seed = chosenSeed() + directory;
    const random = randomFrom(seed);
    const log = join(tmpdir(), `docket-points-${process.pid}-${directory}.log`);
    writeFileSync(log, '');
    const ledger = createLedger();
    const recoveryMs: number[] = [];
    let rssBytes = 0;
    let docket: DocketProcess = await startDocket();
    const load = startLoad({ ledger, listeners: docket, firstNumber: 0, canary, pauseMs: 2 });
    let atRandom = 0;
    try {
      for (let cycle = 0; cycle < CYCLES; cycle += 1) {
        rssBytes = Math.max(rssBytes, residentBytes(docket.pid));
        const died = await endsWithin(docket, cycle % 2 === 0 ? 50 + random() * 700 : 4_000);
        if (!died) atRandom += 1;
        await docket.kill();
        const [name, most] = POINTS[(Math.floor(cycle / 2) + directory * 3) % POINTS.length] ?? POINTS[0];
        const next = cycle % 2 === 0 ? `${name}:${1 + Math.floor(random() * most)}` : '';
        const began = performance.now();
        docket = await restart(docket, next, log);
        recoveryMs.push(performance.now() - began);
      }
      // The last one may carry a point that was not reached.
      await docket.kill();
      docket = await restart(docket, '', log);
      await load.stop();
      expect(await docket.stop()).toBe(0);
      const verdict = verdictOf(ledger, await readStoredIn(docket.dataDirectory));
      const windows = Object.fromEntries(POINTS.map(([name]) => [name, 0]));
      for (const line of readFileSync(log, 'utf8').split('\n'))
        if (line in windows) windows[line] = (windows[line] ?? 0) + 1;
      console.log(
        `seed ${seed}: ${JSON.stringify({ ...verdict, windows, atRandom, answers: Object.fromEntries(load.answers) })}`,
      );
      report({
        cycles: CYCLES,
        sent: verdict.sent,
        acknowledged: verdict.acknowledged,
        stored: verdict.stored,
        lost: verdict.lost.length,
        duplicates: verdict.doubled.length,
        recoveryMs,
        rssBytes,
        windows: { ...windows, 'at random': atRandom },
      });
      expect(verdict).toMatchObject(NOTHING_WRONG);
      expect(verdict.acknowledged).toBeGreaterThan(CYCLES * 20);
      // The points are really there to be reached.
      expect(Object.values(windows).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(CYCLES / 10);
      expect(load.refusals).toEqual([]);
      expect(searchFolder(docket.dataDirectory, canary)).toEqual([]);
      expect(docket.output()).not.toContain(canary);
    } finally {
      await load.abandon();
      await docket.dispose();
      rmSync(log, { force: true });
    }
  },
);

/** A point may be reached before the service is ready, while it takes up its backlog: then it is started once more. */
async function restart(docket: DocketProcess, point: string, log: string): Promise<DocketProcess> {
  try {
    return await docket.restart({
      NODE_OPTIONS: `--import=${preload}`,
      FAULT_POINT: point,
      FAULT_LOG: log,
    });
  } catch (error) {
    if (point === '' || !(error instanceof Error) || !error.message.includes('before it was ready')) throw error;
    return restart(docket, '', log);
  }
}

async function endsWithin(docket: DocketProcess, milliseconds: number): Promise<boolean> {
  const until = performance.now() + milliseconds;
  while (performance.now() < until) {
    if (!isAlive(docket.pid)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
