/**
 * What a whole Docket does with twice what it can take: a maximum before (as fast as it answers), twice that, and the maximum again
 * behind it, for what can be taken falls as the store fills. After each, evidence has the time to become current. Senders are a process of
 * their own. Seconds of the overload: BENCH_SECONDS (60); of each maximum: BENCH_MAXIMUM_SECONDS (20). Prints a table and writes
 * bench/results/overload.json.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Phase, PhaseReport } from '../test/fault/overload/sender.ts';
import { startDocket } from '../test/support/docket-process.ts';
import { readProcessCost, type ProcessCost } from './process-cost.ts';

const overloadSeconds = Number(process.env['BENCH_SECONDS'] ?? 60);
const maximumSeconds = Number(process.env['BENCH_MAXIMUM_SECONDS'] ?? 20);
const factor = Number(process.env['BENCH_FACTOR'] ?? 2);
const ITEMS = 200;
/** Bytes of an agent's conversation in every fifth span. */
const AGENT_CONTENT = 3_000;

interface Row {
  readonly phase: string;
  readonly offered: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unanswered: number;
  readonly acknowledgedMs: PhaseReport['acknowledgedMs'];
  readonly refusedMs: PhaseReport['refusedMs'];
  /** Processors taken, by Docket's own threads, by the engine in it, and by the senders. */
  readonly processors: { readonly docket: number; readonly engine: number; readonly senders: number };
  /** Processors that nothing ran on. */
  readonly idle: number;
  /** Processors that were none of these: other work on the machine, the host's other guests, and interrupts. */
  readonly others: number;
  /** Spans acknowledged for each second of a processor that Docket's own threads had. */
  readonly perProcessorSecond: number;
  readonly rssMegabytes: readonly [least: number, most: number];
  /** What each consumer has yet to take at the end. */
  readonly lagMegabytes: Readonly<Record<string, number>>;
  /** For how long the oldest request without evidence has waited at the end, and from then until there was none. */
  readonly evidenceSeconds: { readonly late: number; readonly currentAfter: number };
}

const docket = await startDocket({ environment: { NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '' } });
const senders = fork(join(import.meta.dirname, '..', 'test', 'fault', 'overload', 'sender.ts'), [], {
  execArgv: ['--import', 'tsx'],
  serialization: 'advanced',
});
let sent = 0;

/** Seconds that all processors were idle so far (proc(5), /proc/stat, ticks of 10 ms). */
function idleSeconds(): number {
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/ +/).slice(1).map(Number);
  return ((ticks[3] ?? 0) + (ticks[4] ?? 0)) / 100;
}

/** `docket_spool_lag_<what>` by consumer. */
async function lag(what: 'bytes' | 'age'): Promise<Record<string, number>> {
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  const found: Record<string, number> = {};
  const line = new RegExp(`^docket_spool_lag_${what}\\{.*?consumer="(\\w+)".*?\\} ([\\d.e+-]+)`, 'gm');
  for (const [, consumer = '', value] of metrics.matchAll(line)) found[consumer] = Number(value);
  return found;
}

/** Seconds until every request has its evidence. */
async function untilCurrent(): Promise<number> {
  const begun = performance.now();
  while (((await lag('bytes'))['linker'] ?? 0) > 0) await delay(50);
  return (performance.now() - begun) / 1000;
}

async function measure(
  phase: string,
  seconds: number,
  load: Pick<Phase, 'outstandingMax' | 'perSecond' | 'warmSeconds'>,
): Promise<Row> {
  const { otlpGrpc, otlpHttp, api } = docket;
  const residents: number[] = [];
  const before: ProcessCost = readProcessCost(docket.pid);
  const idleBefore = idleSeconds();
  const begun = performance.now();
  const sampling = setInterval(() => residents.push(readProcessCost(docket.pid).rssBytes / 1e6), 1000);
  senders.send({
    ...load,
    seconds,
    firstRequest: sent,
    listeners: { otlpGrpc, otlpHttp, api },
    items: ITEMS,
    agentContent: AGENT_CONTENT,
  } satisfies Phase);
  const [report] = (await once(senders, 'message')) as [PhaseReport];
  clearInterval(sampling);
  const after = readProcessCost(docket.pid);
  const elapsed = (performance.now() - begun) / 1000;
  const [bytes, ages] = [await lag('bytes'), await lag('age')];
  const idle = (idleSeconds() - idleBefore) / elapsed;
  const processors = {
    docket: (after.docketSeconds - before.docketSeconds) / elapsed,
    engine: (after.engineSeconds - before.engineSeconds) / elapsed,
    senders: report.cpuSeconds / elapsed,
  };
  const acknowledged = (report.acknowledgedInTime * ITEMS) / seconds;
  sent += report.sent;
  const answered = Object.values(report.answers).reduce((sum, count) => sum + count, 0);
  const unanswered = (report.answers['TIMEOUT'] ?? 0) + (report.answers['DEADLINE_EXCEEDED'] ?? 0);
  return {
    phase,
    offered: Math.round(((report.sent + report.withheld) * ITEMS) / (seconds + load.warmSeconds)),
    acknowledged: Math.round(acknowledged),
    refused: answered - report.acknowledged.length - unanswered,
    unanswered,
    acknowledgedMs: report.acknowledgedMs,
    refusedMs: report.refusedMs,
    processors: {
      docket: round(processors.docket),
      engine: round(processors.engine),
      senders: round(processors.senders),
    },
    idle: round(idle),
    others: round(cpus().length - idle - processors.docket - processors.engine - processors.senders),
    perProcessorSecond: Math.round(acknowledged / processors.docket),
    rssMegabytes: [Math.round(Math.min(...residents)), Math.round(Math.max(...residents))],
    lagMegabytes: Object.fromEntries(Object.entries(bytes).map(([name, each]) => [name, Math.round(each / 1e6)])),
    evidenceSeconds: { late: round(ages['linker'] ?? 0), currentAfter: round(await untilCurrent()) },
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

const closed = { outstandingMax: 64, perSecond: undefined };
const rows: Row[] = [];
try {
  rows.push(await measure('maximum before', maximumSeconds, { ...closed, warmSeconds: 3 }));
  const perSecond = ((rows[0]?.acknowledged ?? 0) / ITEMS) * factor;
  rows.push(
    await measure(`${factor} times the maximum`, overloadSeconds, { outstandingMax: 512, perSecond, warmSeconds: 0 }),
  );
  rows.push(await measure('maximum behind it', maximumSeconds, { ...closed, warmSeconds: 3 }));
} finally {
  senders.kill();
  await docket.dispose();
}

process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, load ${loadavg()[0]?.toFixed(1)}; Node ${process.versions.node}; spans/s\n\n`,
);
const header = [
  'phase',
  'offered',
  'acknowledged',
  'refused requests',
  'unanswered',
  'acknowledged ms p50/p99/most',
  'refused ms p50/p99',
  'processors Docket/engine/senders/idle/others',
  'acknowledged per Docket processor-second',
  'RSS MB',
  'lag MB',
  'evidence s late/current after',
];
for (const cells of [
  header,
  header.map(() => '---'),
  ...rows.map((row) => [
    row.phase,
    row.offered,
    row.acknowledged,
    row.refused,
    row.unanswered,
    `${row.acknowledgedMs.p50}/${row.acknowledgedMs.p99}/${row.acknowledgedMs.most}`,
    `${row.refusedMs.p50}/${row.refusedMs.p99}`,
    `${row.processors.docket}/${row.processors.engine}/${row.processors.senders}/${row.idle}/${row.others}`,
    row.perProcessorSecond,
    row.rssMegabytes.join(' to '),
    Object.entries(row.lagMegabytes)
      .map(([consumer, megabytes]) => `${consumer} ${megabytes}`)
      .join(', '),
    `${row.evidenceSeconds.late}/${row.evidenceSeconds.currentAfter}`,
  ]),
])
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
const [before, overload, behind] = rows;
if (before !== undefined && overload !== undefined && behind !== undefined) {
  const share = (of: (row: Row) => number): string => ((2 * of(overload)) / (of(before) + of(behind))).toFixed(2);
  process.stdout.write(
    `\ngoodput ${share((row) => row.acknowledged)} of the mean of both maxima, ${share((row) => row.perProcessorSecond)} per processor-second of Docket's\n`,
  );
}
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(join(import.meta.dirname, 'results', 'overload.json'), `${JSON.stringify(rows, null, 2)}\n`);
