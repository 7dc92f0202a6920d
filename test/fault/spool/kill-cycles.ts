import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KillReport {
  readonly cycles: number;
  readonly sent: number;
  readonly acknowledged: number;
  /** Batches that were delivered again because a kill came between their delivery and the cursor. */
  readonly redelivered: number;
  /** Everything below must be zero or empty. */
  readonly lost: readonly string[];
  readonly neverSent: readonly string[];
  /** Frames that one consumer was given in two different batches: a deduplication token would not catch them. */
  readonly doubled: readonly string[];
  /** Batches that were under way at a kill and did not come again first, whole and marked. */
  readonly changed: readonly string[];
  readonly corruptFrames: number;
}

const FAILPOINTS = [
  ['append', 'before'],
  ['append', 'after'],
  ['fdatasync', 'before'],
  ['fdatasync', 'after'],
  ['rename', 'before'],
  ['rename', 'after'],
  ['fsyncDirectory', 'after'],
  ['unlink', 'before'],
  ['unlink', 'after'],
] as const;

/**
 * Starts a real process on one spool directory and kills it with SIGKILL, `cycles` times: every other time at a
 * failpoint of the file layer, else at a random moment. Then lets a last one finish, and checks the log of all.
 */
export async function runKillCycles(cycles: number, random: () => number): Promise<KillReport> {
  const directory = await mkdtemp(join(tmpdir(), 'docket-kill-'));
  const log = join(directory, 'events.log');
  try {
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      const point = cycle % 2 === 1 ? FAILPOINTS[Math.floor(random() * FAILPOINTS.length)] : undefined;
      const failpoint = point === undefined ? [] : [...point, String(Math.floor(random() * 30))];
      await runChild([directory, log, `c${cycle}`, 'run', ...failpoint], log, `R c${cycle}\n`, 20 + random() * 150);
    }
    await runChild([directory, log, 'last', 'finish'], log, undefined, undefined);
    return check((await readFile(log, 'utf8')).split('\n'), cycles);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Waits for the child's end; kills it `killAfterMs` after `ready` shows in the log, when it did not die before. */
async function runChild(
  args: readonly string[],
  log: string,
  ready: string | undefined,
  killAfterMs: number | undefined,
): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'child.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const gone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  if (ready !== undefined) {
    while (!gone() && !(await readFile(log, 'utf8').catch(() => '')).includes(ready)) await pause(10);
    // A failpoint that is never reached must not keep the cycle running.
    const until = performance.now() + (killAfterMs ?? 0) + (args.length > 4 ? 2_000 : 0);
    while (!gone() && performance.now() < until) await pause(2);
    child.kill('SIGKILL');
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the process ended with code ${code}, signal ${signal}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function check(lines: readonly string[], cycles: number): KillReport {
  const sent = new Set<string>();
  const acknowledged = new Set<string>();
  const consumers = new Map(
    ['one', 'two'].map((name) => [
      name,
      {
        effects: new Set<string>(),
        batchOf: new Map<string, string>(),
        content: new Map<string, string>(),
        underWay: '',
      },
    ]),
  );
  const doubled: string[] = [];
  const changed: string[] = [];
  let redelivered = 0;
  let corruptFrames = -1;
  for (const line of lines) {
    const [event, a = '', b = '', c = '', d = ''] = line.split(' ');
    const consumer = consumers.get(a);
    if (event === 'S') sent.add(a);
    else if (event === 'A') acknowledged.add(a);
    else if (event === 'F') corruptFrames = a === 'true' ? Number(b) : -1;
    else if (event === 'D' && consumer !== undefined) {
      if (c === 'true') redelivered += 1;
      if (consumer.underWay !== '' && (consumer.underWay !== b || c !== 'true')) changed.push(b);
      if ((consumer.content.get(b) ?? d) !== d) changed.push(b);
      consumer.content.set(b, d);
      consumer.underWay = b;
      for (const label of d.split(',')) {
        if ((consumer.batchOf.get(label) ?? b) !== b) doubled.push(label);
        consumer.batchOf.set(label, b);
      }
    } else if (event === 'E' && consumer !== undefined) {
      consumer.underWay = '';
      for (const label of (consumer.content.get(b) ?? '').split(',')) consumer.effects.add(label);
    }
  }
  const all = [...consumers.values()];
  return {
    cycles,
    sent: sent.size,
    acknowledged: acknowledged.size,
    redelivered,
    lost: [...acknowledged].filter((label) => !all.every(({ effects }) => effects.has(label))),
    neverSent: all.flatMap(({ effects }) => [...effects].filter((label) => !sent.has(label))),
    doubled,
    changed,
    corruptFrames,
  };
}

/** The seed of this run: FAULT_SEED where it is set, to make the choices of an earlier run again, which printed its own. */
export function chosenSeed(): number {
  return Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000);
}

/** Mulberry32: the same seed, the same choices. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
