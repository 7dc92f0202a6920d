/**
 * How many redacted spans a second does Docket acknowledge and make queryable, and at what cost? One Docket process with the
 * embedded engine, one load generator process, both on this machine. Prints a table and writes bench/results/ingest.json.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { filesBelow } from '../src/demo/living-folder.ts';
import { startDocket, type DocketProcess } from '../test/support/docket-process.ts';
import { attribute, postJson, tracesRequest } from '../test/support/otlp-json.ts';
import type { LoadOptions, LoadResult } from './load-generator.ts';
import { readProcessCost } from './process-cost.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 20);
const spansPerRequest = 512;

interface Row {
  readonly name: string;
  readonly acknowledgedPerSecond: number;
  readonly queryableAfterSeconds: number;
  readonly docketCpuPerMillion: number;
  readonly engineCpuPerMillion: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly rssMaxMiB: number;
  readonly refusedRequests: number;
}

async function generate(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'load-generator.ts'), JSON.stringify(options)],
    { maxBuffer: 1024 * 1024 },
  );
  return JSON.parse(stdout) as LoadResult;
}

/** Frames every consumer still has to take, from Docket's own metrics. */
async function pendingFrames(docket: DocketProcess): Promise<number> {
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  let pending = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('docket_spool_lag_frames{')) pending = Math.max(pending, Number(line.split(' ')[1]));
  }
  return pending;
}

async function measure(docket: DocketProcess, name: string, options: LoadOptions): Promise<[Row, LoadResult]> {
  const before = readProcessCost(docket.pid);
  let rssMax = before.rssBytes;
  const sampler = setInterval(() => {
    rssMax = Math.max(rssMax, readProcessCost(docket.pid).rssBytes);
  }, 250);
  const load = await generate(options);
  const loadedAt = performance.now();
  while ((await pendingFrames(docket)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const queryableAfterSeconds = (performance.now() - loadedAt) / 1000;
  clearInterval(sampler);
  const after = readProcessCost(docket.pid);
  const millions = load.acknowledgedSpans / 1e6;
  return [
    {
      name,
      acknowledgedPerSecond: Math.round(load.acknowledgedSpans / load.seconds),
      queryableAfterSeconds,
      docketCpuPerMillion: (after.docketSeconds - before.docketSeconds) / millions,
      engineCpuPerMillion: (after.engineSeconds - before.engineSeconds) / millions,
      ackP50Ms: load.ackP50Ms,
      ackP99Ms: load.ackP99Ms,
      rssMaxMiB: rssMax / 1024 / 1024,
      refusedRequests: load.refusedRequests,
    },
    load,
  ];
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const path of filesBelow(folder)) bytes += statSync(path).size;
  return bytes;
}

/** Milliseconds from sending one tool call until its evidence row is answered by the API; median of several. */
async function toolCallToEvidence(docket: DocketProcess, rounds: number): Promise<number[]> {
  const opened = await fetch(`http://${docket.api}/api/v1/incidents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Bench', ref: 'INC-BENCH' }),
  });
  if (!opened.ok) throw new Error(`opening an incident answered ${opened.status}`);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const callId = `call_bench_${round}`;
    const begun = performance.now();
    const sent = await postJson(
      docket.otlpHttp,
      'traces',
      tracesRequest('sre-agent', [9_000_000 + round], {
        name: 'execute_tool kubectl',
        attributes: [
          attribute('incident.id', 'INC-BENCH'),
          attribute('gen_ai.operation.name', 'execute_tool'),
          attribute('gen_ai.tool.name', 'kubectl'),
          attribute('gen_ai.tool.call.id', callId),
        ],
      }),
    );
    if (sent.status !== 200) throw new Error(`posting a tool call answered ${sent.status}`);
    for (;;) {
      const response = await fetch(`http://${docket.api}/api/v1/incidents/INC-BENCH/evidence?kind=tool_call&limit=5`);
      if ((await response.text()).includes(callId)) break;
      if (performance.now() - begun > 20_000) throw new Error('a tool call did not become evidence within 20 s');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b);
}

const startedAt = performance.now();
let docket = await startDocket({ environment: { DOCKET_LOG_LEVEL: 'warn' } });
const firstReadyMs = performance.now() - startedAt;
const rows: Row[] = [];
let lastNumber = 0;
let spansStored = 0;
const base = { spansPerRequest, agentShare: 0, requestsPerSecond: 0, seconds };
for (const [name, extra] of [
  ['HTTP, service spans', { protocol: 'http', connections: 4 }],
  ['gRPC, service spans', { protocol: 'grpc', connections: 4 }],
  ['HTTP, 20 % agent spans', { protocol: 'http', connections: 4, agentShare: 0.2 }],
  ['HTTP, 10 KB requests, 32 clients', { protocol: 'http', connections: 32, spansPerRequest: 18 }],
] as const) {
  const target = extra.protocol === 'http' ? docket.otlpHttp : docket.otlpGrpc;
  const [row, load] = await measure(docket, name, { ...base, ...extra, target, firstNumber: lastNumber });
  lastNumber = load.lastNumber;
  rows.push(row);
  spansStored += load.acknowledgedSpans;
  if (rows.length === 1) {
    const half = Math.round(row.acknowledgedPerSecond / spansPerRequest / 2);
    const [halfRow, halfLoad] = await measure(docket, 'HTTP, half of that load', {
      ...base,
      ...extra,
      target,
      requestsPerSecond: half,
      firstNumber: lastNumber,
    });
    lastNumber = halfLoad.lastNumber;
    rows.push(halfRow);
    spansStored += halfLoad.acknowledgedSpans;
  }
}
const evidence = await toolCallToEvidence(docket, 20);
await docket.stop();
const stoppedAt = performance.now();
docket = await docket.restart();
const restartMs = performance.now() - stoppedAt;
const diskBytes = folderBytes(join(docket.dataDirectory, 'clickhouse', 'engine', 'store'));
await docket.dispose();

const fixed = (value: number, digits: number): string => value.toFixed(digits);
process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.versions.node}; ${seconds} s a row\n\n`,
);
const header = [
  '',
  'spans/s',
  'queryable after s',
  'Docket CPU s/M',
  'engine CPU s/M',
  'ack p50 ms',
  'ack p99 ms',
  'RSS max MiB',
  'refused',
];
const table = rows.map((row) => [
  row.name,
  String(row.acknowledgedPerSecond),
  fixed(row.queryableAfterSeconds, 1),
  fixed(row.docketCpuPerMillion, 1),
  fixed(row.engineCpuPerMillion, 1),
  fixed(row.ackP50Ms, 1),
  fixed(row.ackP99Ms, 1),
  fixed(row.rssMaxMiB, 0),
  String(row.refusedRequests),
]);
for (const cells of [header, header.map(() => '---'), ...table]) process.stdout.write(`| ${cells.join(' | ')} |\n`);
const evidenceP50 = evidence[Math.floor(evidence.length / 2)] ?? 0;
const evidenceMax = evidence.at(-1) ?? 0;
process.stdout.write(`
start to ready: ${fixed(firstReadyMs, 0)} ms new, ${fixed(restartMs, 0)} ms again with the data
tool call sent to evidence readable: ${fixed(evidenceP50, 0)} ms median, ${fixed(evidenceMax, 0)} ms worst of ${evidence.length}
on disk: ${fixed(diskBytes / spansStored, 1)} bytes a span (${spansStored} spans, before all merges)
`);
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(
  join(import.meta.dirname, 'results', 'ingest.json'),
  `${JSON.stringify({ node: process.versions.node, cores: cpus().length, seconds, rows, firstReadyMs, restartMs, evidence, bytesPerSpanOnDisk: diskBytes / spansStored }, null, 2)}\n`,
);
process.exit(0);
