import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startClickHouseFront } from '../../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../../support/docket-process.ts';
import { report, residentBytes } from '../../support/fault-report.ts';
import { traceIdOf } from '../../support/fault-requests.ts';
import type { Phase, PhaseReport } from './sender.ts';

/** Ten minutes is what is promised; a minute shows the same in every run. */
const SECONDS = Number(process.env['DOCKET_FAULT_OVERLOAD_SECONDS'] ?? 60);
const MEASURE_SECONDS = 15;
const ITEMS = 200;
/** Bytes of content in every fifth span. */
const AGENT_CONTENT = 3_000;
/** What a service with the embedded engine may take in all. */
const RSS_BYTES_MAX = 1_500_000_000;

let docket: DocketProcess;
let senders: ChildProcess;

beforeAll(async () => {
  docket = await startDocket();
  senders = fork(join(import.meta.dirname, 'sender.ts'), [], {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
});

afterAll(async () => {
  senders?.kill();
  await docket?.dispose();
});

async function send(phase: Omit<Phase, 'listeners' | 'items' | 'agentContent'>): Promise<PhaseReport> {
  const { otlpGrpc, otlpHttp, api } = docket;
  senders.send({
    ...phase,
    listeners: { otlpGrpc, otlpHttp, api },
    items: ITEMS,
    agentContent: AGENT_CONTENT,
  } satisfies Phase);
  const ended = once(senders, 'exit').then(() => {
    throw new Error('the senders ended');
  });
  const [answer] = (await Promise.race([once(senders, 'message'), ended])) as [PhaseReport];
  return answer;
}

// What was acknowledged in the time is in the store within about as long again.
test(
  `twice the load it can take, for ${SECONDS} s, loses nothing, stays in bounded memory and does not drown`,
  { timeout: 300_000 + SECONDS * 3_000 },
  async () => {
    const idle = cpuSeconds(docket.pid);
    // As fast as it answers: what it can take.
    const closed = await send({
      firstRequest: 0,
      seconds: MEASURE_SECONDS,
      warmSeconds: 3,
      outstandingMax: 64,
      perSecond: undefined,
    });
    const most = closed.acknowledgedInTime / MEASURE_SECONDS;
    const measured = cpuSeconds(docket.pid);

    // Twice as much, whether it answers or not.
    const residents: number[] = [];
    const sampling = setInterval(() => residents.push(residentBytes(docket.pid)), 1000);
    const open = await send({
      firstRequest: closed.sent,
      seconds: SECONDS,
      warmSeconds: 0,
      outstandingMax: 512,
      perSecond: most * 2,
    });
    clearInterval(sampling);
    const goodput = open.acknowledgedInTime / SECONDS;
    const overloaded = cpuSeconds(docket.pid);
    const evidenceLateSeconds = await lag('age', 'linker');
    const stopped = await docket.stop();

    const thirds = [residents.slice(0, residents.length / 3), residents.slice((residents.length * 2) / 3)].map(median);
    const figures = {
      mostSpansPerSecond: Math.round(most * ITEMS),
      offered: Math.round(((open.sent + open.withheld) / SECONDS) * ITEMS),
      goodput: Math.round(goodput * ITEMS),
      share: Number((goodput / most).toFixed(2)),
      withheld: open.withheld,
      answers: open.answers,
      acknowledgedMs: { atMost: closed.acknowledgedMs, overloaded: open.acknowledgedMs },
      refusedMs: open.refusedMs,
      evidenceLateSeconds,
      cpuSeconds: {
        docketAtMost: Math.round(measured - idle),
        docketOverloaded: Math.round(overloaded - measured),
        sendersAtMost: Math.round(closed.cpuSeconds),
        sendersOverloaded: Math.round(open.cpuSeconds),
      },
      rssMiB: residents
        .filter((_, index) => index % Math.ceil(residents.length / 12) === 0)
        .map((bytes) => Math.round(bytes / 1024 / 1024)),
    };
    console.log(JSON.stringify(figures));
    report({ rssBytes: Math.max(...residents), overloadShare: figures.share });
    expect(stopped).toBe(0);
    expect(Math.max(...residents)).toBeLessThan(RSS_BYTES_MAX);
    expect(thirds[1]).toBeLessThan((thirds[0] ?? 0) * 1.3);
    expect(open.delayNotNamed).toBe(0);
    // Nothing was answered in a way that makes a client drop it.
    expect(open.fatal).toEqual([]);
    // A drowning service answers when nobody listens any more.
    expect(timedOut(open)).toBeLessThan(open.sent * 0.03);
    // The share itself is printed: how much of the machine the senders and others took is in it. This only a drowning service misses.
    expect(goodput).toBeGreaterThan(most * 0.25);

    // What the drain at the end did not get to is delivered by the next start.
    docket = await docket.restart();
    const until = performance.now() + 120_000 + SECONDS * 1000;
    while (performance.now() < until && (await lag('bytes')) > 0) await pause(500);
    expect(await docket.stop()).toBe(0);
    const verdict = await verdictOf(closed, open);
    report({
      sent: (closed.sent + open.sent) * ITEMS,
      acknowledged: verdict.acknowledged * ITEMS,
      stored: verdict.stored * ITEMS,
      lost: verdict.lost.length * ITEMS,
      duplicates: verdict.doubled.length,
    });
    expect(verdict).toMatchObject({ lost: [], doubled: [], neverSent: 0 });
  },
);

function timedOut({ answers }: PhaseReport): number {
  return (answers['TIMEOUT'] ?? 0) + (answers['DEADLINE_EXCEEDED'] ?? 0);
}

interface RequestVerdict {
  readonly acknowledged: number;
  readonly stored: number;
  /** Numbers of acknowledged requests of which not every span is stored. */
  readonly lost: readonly number[];
  readonly doubled: readonly number[];
  readonly neverSent: number;
}

/** Holds the store against what was acknowledged, request by request: there are too many spans to name each. */
async function verdictOf(...phases: readonly PhaseReport[]): Promise<RequestVerdict> {
  const front = await startClickHouseFront({ directory: `${docket.dataDirectory}/clickhouse` });
  let rows: { id: string; spans: number | string; different: number | string }[];
  try {
    rows = await front.rows(
      'SELECT TraceId AS id, count() AS spans, uniqExact(SpanId) AS different FROM otel_traces GROUP BY id',
    );
  } finally {
    await front.close();
  }
  const sent = phases.reduce((sum, phase) => sum + phase.sent, 0);
  const acknowledged = phases.flatMap((phase) => [...phase.acknowledged]);
  const stored = new Map<number, number>();
  const doubled: number[] = [];
  let neverSent = 0;
  for (const { id, spans, different } of rows) {
    const first = Number.parseInt(id.slice(16), 16) - 1;
    const number = first / ITEMS;
    if (traceIdOf(first) !== id || !Number.isInteger(number) || number >= sent) neverSent += 1;
    stored.set(number, Number(different));
    if (Number(spans) !== Number(different)) doubled.push(number);
  }
  return {
    acknowledged: acknowledged.length,
    stored: stored.size,
    lost: acknowledged.filter((number) => stored.get(number) !== ITEMS),
    doubled,
    neverSent,
  };
}

/** Processor time of a process so far; 0 where there is no /proc. */
function cpuSeconds(pid: number): number {
  try {
    // proc(5): utime and stime are fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** `docket_spool_lag_<what>`, of one consumer or the sum of all. */
async function lag(what: 'bytes' | 'age', consumer = ''): Promise<number> {
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  let sum = 0;
  for (const line of metrics.split('\n'))
    if (line.startsWith(`docket_spool_lag_${what}`) && line.includes(`consumer="${consumer}`))
      sum += Number(line.split(' ')[1]);
  return sum;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}
