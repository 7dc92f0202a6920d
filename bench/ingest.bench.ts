/**
 * How many redacted spans a second does Docket acknowledge and make queryable, at what cost, and what do its peers need for the same? Three
 * tables: one Docket with the embedded engine, as it is started by default; what a request costs Docket's own code, all threads of a
 * process that receives, redacts, spools and encodes and does nothing else (bench/path-server.ts); and Docket, the Collector and
 * Rotel each writing to the same engine apart from them. One load generator process; everything on this machine. Prints the tables and writes
 * bench/results/ingest.json. BENCH_SECONDS a row (12); BENCH_ROWS, a regular expression, chooses rows by
 * `embedded: <what is sent>`, `path: <what is sent>` and `peers: <what is sent>, <by whom>`.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { filesBelow } from '../src/demo/living-folder.ts';
import type { ClickHouseFront } from '../test/support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../test/support/docket-process.ts';
import { attribute, postJson, tracesRequest } from '../test/support/otlp-json.ts';
import { collectorContender, docketContender, rotelContender, type Contender } from './contender.ts';
import type { LoadOptions, LoadResult } from './load-generator.ts';
import { readProcessCost, type ProcessCost } from './process-cost.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 12);
/** Before anything is measured: what a process does in its first seconds, compiling above all, is no part of a sustained load. */
const WARM_UP_SECONDS = 4;
/** What should be queryable within two seconds. */
const WANTED_PER_SECOND = 60_000;
const chosen = new RegExp(process.env['BENCH_ROWS'] ?? '');

/** What is sent. */
interface Payload {
  readonly name: string;
  readonly load: Omit<LoadOptions, 'target' | 'seconds' | 'requestsPerSecond'>;
}

const base = { signal: 'traces', agentShare: 0, itemsPerRequest: 512, connections: 4, concurrency: 2 } as const;
const SERVICE_HTTP: Payload = { name: 'HTTP, service spans', load: { ...base, protocol: 'http' } };
const SERVICE_GRPC: Payload = { name: 'gRPC, service spans', load: { ...base, protocol: 'grpc' } };
const MIXED_HTTP: Payload = {
  name: 'HTTP, 20 % agent spans, all tool calls',
  load: { ...base, protocol: 'http', agentShare: 0.2, itemsPerRequest: 256 },
};
const MIXED_GRPC: Payload = {
  name: 'gRPC, 20 % agent spans, all tool calls',
  load: { ...MIXED_HTTP.load, protocol: 'grpc' },
};
const RECORDED_HTTP: Payload = {
  name: 'HTTP, 20 % agent spans as recorded',
  load: { ...MIXED_HTTP.load, agentSpans: 'recorded' },
};
const RECORDED_GRPC: Payload = {
  name: 'gRPC, 20 % agent spans as recorded',
  load: { ...RECORDED_HTTP.load, protocol: 'grpc' },
};
/** Nothing but agent spans: what one of them costs Docket's own code. */
const TOOL_CALLS: Payload = {
  name: 'HTTP, tool calls alone',
  load: { ...MIXED_HTTP.load, agentShare: 1, itemsPerRequest: 64 },
};
const RECORDED: Payload = {
  name: 'HTTP, agent spans as recorded alone',
  load: { ...RECORDED_HTTP.load, agentShare: 1, itemsPerRequest: 64 },
};
const LOGS_HTTP: Payload = { name: 'HTTP, logs', load: { ...base, protocol: 'http', signal: 'logs' } };
const SMALL: Payload = {
  name: 'HTTP, 10 KB requests, 32 clients',
  load: { ...base, protocol: 'http', itemsPerRequest: 18, connections: 32, concurrency: 1 },
};
const SMALL_GRPC: Payload = {
  ...SMALL,
  name: 'gRPC, 10 KB requests, 32 clients',
  load: { ...SMALL.load, protocol: 'grpc' },
};

interface Row {
  readonly sent: string;
  readonly by: string;
  readonly perSecond: number;
  /** From the last answer until all that was acknowledged could be read; undefined when not all of it could. */
  readonly queryableAfterSeconds: number | undefined;
  /** CPU-seconds of the ingesting process, its engine apart, for a million items. */
  readonly cpuPerMillion: number;
  readonly engineCpuPerMillion: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly rssMaxMiB: number;
  readonly refusedRequests: number;
  readonly lostItems: number;
  readonly bytesOnDiskPerItem: number | undefined;
  /** Spans in which a planted credential was still readable in the store. */
  readonly credentialsLeft: number | undefined;
}

async function generate(options: LoadOptions): Promise<LoadResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'load-generator.ts'), JSON.stringify(options)],
    { maxBuffer: 1024 * 1024 },
  );
  return JSON.parse(stdout) as LoadResult;
}

interface Measuring {
  readonly payload: Payload;
  readonly target: { readonly otlpGrpc: string; readonly otlpHttp: string };
  readonly pid: number;
  readonly requestsPerSecond?: number;
  readonly secondsOfLoad?: number;
  /** Resolves when everything acknowledged so far can be read; how many items cannot. */
  readonly settled: (acknowledged: number) => Promise<number>;
}

interface Measured {
  readonly load: LoadResult;
  readonly settledAfterSeconds: number;
  readonly missing: number;
  readonly before: ProcessCost;
  readonly after: ProcessCost;
  readonly rssMaxBytes: number;
}

async function measure(measuring: Measuring): Promise<Measured> {
  const { payload, target, pid, requestsPerSecond = 0, secondsOfLoad = seconds, settled } = measuring;
  const options: LoadOptions = {
    ...payload.load,
    target: payload.load.protocol === 'http' ? target.otlpHttp : target.otlpGrpc,
    requestsPerSecond,
    seconds: secondsOfLoad,
  };
  const before = readProcessCost(pid);
  let rssMaxBytes = before.rssBytes;
  const sampler = setInterval(() => (rssMaxBytes = Math.max(rssMaxBytes, readProcessCost(pid).rssBytes)), 250);
  const load = await generate(options);
  const loadedAt = performance.now();
  const missing = await settled(load.acknowledged);
  const settledAfterSeconds = (performance.now() - loadedAt) / 1000;
  clearInterval(sampler);
  return { load, settledAfterSeconds, missing, before, after: readProcessCost(pid), rssMaxBytes };
}

function rowOf(sent: string, by: string, measured: Measured, engineInside: boolean): Row {
  const { load, before, after, missing } = measured;
  const millions = load.acknowledged / 1e6;
  const own = after.docketSeconds - before.docketSeconds;
  const other = after.engineSeconds - before.engineSeconds;
  return {
    sent,
    by,
    perSecond: Math.round(load.acknowledged / load.seconds),
    queryableAfterSeconds: missing === 0 ? measured.settledAfterSeconds : undefined,
    cpuPerMillion: (engineInside ? own : own + other) / millions,
    engineCpuPerMillion: engineInside ? other / millions : 0,
    ackP50Ms: load.ackP50Ms,
    ackP99Ms: load.ackP99Ms,
    rssMaxMiB: measured.rssMaxBytes / 1024 / 1024,
    refusedRequests: load.refusedRequests,
    lostItems: missing,
    bytesOnDiskPerItem: undefined,
    credentialsLeft: undefined,
  };
}

// ---- one Docket with the embedded engine

/** Frames every consumer still has to take, from Docket's own metrics. */
async function pendingFrames(docket: Pick<DocketProcess, 'api'>): Promise<number> {
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  let pending = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('docket_spool_lag_frames{')) pending = Math.max(pending, Number(line.split(' ')[1]));
  }
  return pending;
}

function folderBytes(folder: string): number {
  let bytes = 0;
  for (const path of filesBelow(folder)) bytes += statSync(path).size;
  return bytes;
}

/** Milliseconds from sending one tool call until its evidence row is answered by the API; sorted. */
async function toolCallToEvidence(docket: DocketProcess, rounds: number): Promise<number[]> {
  const opened = await fetch(`http://${docket.api}/api/v1/incidents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Bench', ref: 'INC-BENCH' }),
  });
  if (!opened.ok) throw new Error(`opening an incident answered ${opened.status}`);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const callId = `call_evidence_${round}`;
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
      await delay(10);
    }
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b);
}

interface EmbeddedFigures {
  readonly rows: Row[];
  readonly firstReadyMs: number;
  readonly restartMs: number;
  readonly evidence: number[];
  readonly bytesOnDiskPerItem: number;
}

async function measureEmbedded(payloads: readonly Payload[]): Promise<EmbeddedFigures> {
  const startedAt = performance.now();
  let docket = await startDocket({ environment: { DOCKET_LOG_LEVEL: 'warn' } });
  const firstReadyMs = performance.now() - startedAt;
  const rows: Row[] = [];
  let stored = 0;
  const settled = async (): Promise<number> => {
    while ((await pendingFrames(docket)) > 0) await delay(50);
    return 0;
  };
  const run = async (name: string, payload: Payload, requestsPerSecond = 0): Promise<Row> => {
    const measured = await measure({ payload, target: docket, pid: docket.pid, requestsPerSecond, settled });
    stored += measured.load.acknowledged;
    const row = rowOf(name, 'Docket', measured, true);
    rows.push(row);
    // At once: a run that is cut short has shown what it saw.
    printLine([
      row.sent,
      String(row.perSecond),
      fixed(row.queryableAfterSeconds, 1),
      fixed(row.cpuPerMillion, 1),
      fixed(row.engineCpuPerMillion, 1),
      fixed(row.ackP50Ms, 1),
      fixed(row.ackP99Ms, 1),
      fixed(row.rssMaxMiB, 0),
      String(row.refusedRequests),
    ]);
    return row;
  };
  const [first] = payloads;
  if (first !== undefined) {
    const warmUp = { payload: first, target: docket, pid: docket.pid, secondsOfLoad: WARM_UP_SECONDS, settled };
    stored += (await measure(warmUp)).load.acknowledged;
  }
  for (const payload of payloads) {
    const row = await run(payload.name, payload);
    if (payload !== SERVICE_HTTP && payload !== SERVICE_GRPC) continue;
    await run(`${payload.name}, half of that`, payload, row.perSecond / payload.load.itemsPerRequest / 2);
    await run(`${payload.name}, ${WANTED_PER_SECOND}/s`, payload, WANTED_PER_SECOND / payload.load.itemsPerRequest);
  }
  const evidence = await toolCallToEvidence(docket, 20);
  await docket.stop();
  const stoppedAt = performance.now();
  docket = await docket.restart();
  const restartMs = performance.now() - stoppedAt;
  const bytes = folderBytes(join(docket.dataDirectory, 'clickhouse', 'engine', 'store'));
  await docket.dispose();
  return { rows, firstReadyMs, restartMs, evidence, bytesOnDiskPerItem: bytes / stored };
}

// ---- Docket's own code, without an engine

interface PathServer {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly api: string;
  readonly dataDirectory: string;
}

async function measurePath(payloads: readonly Payload[]): Promise<Row[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'path-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // As `npm start` sets it.
    env: { ...process.env, UV_THREADPOOL_SIZE: '12' },
  });
  const ended = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const server = JSON.parse(line.toString()) as PathServer;
  const rows: Row[] = [];
  const settled = async (): Promise<number> => {
    while ((await pendingFrames(server)) > 0) await delay(50);
    return 0;
  };
  try {
    for (const payload of payloads) {
      const common = { payload, target: server, pid: child.pid ?? 0, settled };
      await measure({ ...common, secondsOfLoad: WARM_UP_SECONDS });
      const row = rowOf(payload.name, 'Docket', await measure(common), false);
      rows.push(row);
      printLine([
        row.sent,
        String(row.perSecond),
        fixed(row.cpuPerMillion, 1),
        fixed(row.ackP50Ms, 1),
        fixed(row.ackP99Ms, 1),
        fixed(row.rssMaxMiB, 0),
        String(row.refusedRequests),
      ]);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(server.dataDirectory, { recursive: true, force: true });
  }
  return rows;
}

// ---- peers, each on an engine apart

/** Waits until the table holds `wanted` rows, or none came for ten seconds; how many are missing. */
async function missingRows(store: ClickHouseFront, table: string, wanted: number): Promise<number> {
  let last = -1;
  let cameAt = performance.now();
  for (;;) {
    const rows = Number(await store.query(`SELECT count() FROM ${table}`));
    if (rows >= wanted) return 0;
    if (rows !== last) {
      last = rows;
      cameAt = performance.now();
    } else if (performance.now() - cameAt > 10_000) return wanted - last;
    await delay(50);
  }
}

/** Bytes of the active parts, the trace index included, when the engine's own merges have come to rest. */
async function bytesOnDisk(store: ClickHouseFront, table: string): Promise<number> {
  for (let quiet = 0; quiet < 2;) {
    await delay(500);
    quiet = (await store.query('SELECT count() FROM system.merges')) === '0\n' ? quiet + 1 : 0;
  }
  return Number(
    await store.query(`SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND startsWith(table, '${table}')`),
  );
}

/** Spans in which a planted credential can still be read. */
async function credentialsLeft(store: ClickHouseFront): Promise<number> {
  return Number(
    await store.query(
      "SELECT countIf(arrayExists(value -> match(value, 'ghp_[A-Za-z0-9]{36}'), mapValues(SpanAttributes))) FROM otel_traces",
    ),
  );
}

async function measureContender(contender: Contender, payload: Payload, half: boolean): Promise<Row[]> {
  const table = payload.load.signal === 'traces' ? 'otel_traces' : 'otel_logs';
  const running = await contender.start();
  try {
    let sent = 0;
    const settled = (acknowledged: number): Promise<number> => {
      sent += acknowledged;
      return missingRows(running.store, table, sent);
    };
    const common = { payload, target: running, pid: running.pid, settled };
    await measure({ ...common, secondsOfLoad: WARM_UP_SECONDS });
    const full = rowOf(payload.name, contender.name, await measure(common), false);
    const bytes = await bytesOnDisk(running.store, table);
    const left = payload.load.agentShare > 0 ? await credentialsLeft(running.store) : undefined;
    const rows: Row[] = [{ ...full, bytesOnDiskPerItem: bytes / sent, credentialsLeft: left }];
    if (half) {
      const requestsPerSecond = full.perSecond / payload.load.itemsPerRequest / 2;
      const paced = await measure({ ...common, requestsPerSecond });
      rows.push(rowOf(`${payload.name}, half of that`, contender.name, paced, false));
    }
    return rows;
  } finally {
    await running.close();
  }
}

async function measurePeers(): Promise<{ rows: Row[]; notRun: string[] }> {
  const docket = docketContender();
  const collector = collectorContender('common', 'memory');
  const plan: readonly (readonly [Payload, readonly Contender[]])[] = [
    [SERVICE_HTTP, [docket, collector, rotelContender()]],
    [SERVICE_GRPC, [docket, collector, collectorContender('common', 'disk'), rotelContender()]],
    [MIXED_GRPC, [docket, collector, collectorContender('docket', 'memory')]],
    [RECORDED_GRPC, [docket, collector]],
    [LOGS_HTTP, [docket, collector]],
  ];
  const rows: Row[] = [];
  const notRun = new Set<string>();
  printHeader([
    'engine apart',
    'by',
    'items/s',
    'CPU s/M',
    'ack p50 ms',
    'ack p99 ms',
    'RSS max MiB',
    'refused',
    'queryable after s',
    'lost',
    'bytes on disk an item',
    'credentials left',
  ]);
  for (const [payload, contenders] of plan) {
    for (const contender of contenders) {
      if (!chosen.test(`peers: ${payload.name}, ${contender.name}`)) continue;
      if (contender.missing === undefined) {
        for (const row of await measureContender(contender, payload, payload === SERVICE_GRPC)) {
          rows.push(row);
          printLine([
            row.sent,
            row.by,
            String(row.perSecond),
            fixed(row.cpuPerMillion, 1),
            fixed(row.ackP50Ms, 1),
            fixed(row.ackP99Ms, 1),
            fixed(row.rssMaxMiB, 0),
            String(row.refusedRequests),
            fixed(row.queryableAfterSeconds, 1),
            String(row.lostItems),
            fixed(row.bytesOnDiskPerItem, 1),
            fixed(row.credentialsLeft, 0),
          ]);
        }
      } else notRun.add(`${contender.name}: ${contender.missing}`);
    }
  }
  return { rows, notRun: [...notRun] };
}

// ---- the tables

const fixed = (value: number | undefined, digits: number): string => (value === undefined ? '' : value.toFixed(digits));

function printLine(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function printHeader(cells: readonly string[]): void {
  printLine(cells);
  printLine(cells.map(() => '---'));
}

process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.versions.node}; ${seconds} s a row; load before ${fixed(loadavg()[0], 1)}\n\n`,
);
const everyPayload = [
  SERVICE_HTTP,
  SERVICE_GRPC,
  MIXED_HTTP,
  MIXED_GRPC,
  RECORDED_HTTP,
  RECORDED_GRPC,
  LOGS_HTTP,
  SMALL,
  SMALL_GRPC,
];
const payloads = everyPayload.filter(({ name }) => chosen.test(`embedded: ${name}`));
if (payloads.length > 0) {
  printHeader([
    'Docket, embedded engine',
    'items/s',
    'queryable after s',
    'Docket CPU s/M',
    'engine CPU s/M',
    'ack p50 ms',
    'ack p99 ms',
    'RSS max MiB',
    'refused',
  ]);
}
const embedded = payloads.length > 0 ? await measureEmbedded(payloads) : undefined;
if (embedded !== undefined) {
  const { evidence } = embedded;
  process.stdout.write(
    `
start to ready: ${fixed(embedded.firstReadyMs, 0)} ms new, ${fixed(embedded.restartMs, 0)} ms again with the data
tool call sent to evidence readable: ${fixed(evidence[Math.floor(evidence.length / 2)], 0)} ms median, ${fixed(evidence.at(-1), 0)} ms worst of ${evidence.length}
on disk: ${fixed(embedded.bytesOnDiskPerItem, 1)} bytes an item over all rows, every table, before all merges

`,
  );
}
const ofPath = [...everyPayload, TOOL_CALLS, RECORDED].filter(({ name }) => chosen.test(`path: ${name}`));
if (ofPath.length > 0) {
  printHeader([
    'receive, redact, spool, encode',
    'items/s',
    'CPU s/M',
    'ack p50 ms',
    'ack p99 ms',
    'RSS max MiB',
    'refused',
  ]);
}
const path = ofPath.length > 0 ? await measurePath(ofPath) : undefined;
const peers = await measurePeers();
for (const each of peers.notRun) process.stdout.write(`not run: ${each}\n`);
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(
  join(import.meta.dirname, 'results', 'ingest.json'),
  `${JSON.stringify({ node: process.versions.node, cores: cpus().length, seconds, embedded, path, peers }, null, 2)}\n`,
);
process.exit(0);
