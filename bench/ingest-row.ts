import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { LoadOptions, LoadResult } from './load-generator.ts';
import { readProcessCost, type ProcessCost } from './process-cost.ts';
import { fixed, type Column } from './result-table.ts';

/** Seconds a row. */
export const ROW_SECONDS = Number(process.env['BENCH_SECONDS'] ?? 12);
/** Before anything is measured: what a process does in its first seconds, compiling above all, is no part of a sustained load. */
export const WARM_UP_SECONDS = 4;

/** What is sent. */
export interface Payload {
  readonly name: string;
  readonly load: Omit<LoadOptions, 'target' | 'seconds' | 'requestsPerSecond'>;
}

/** What one load showed of one process. */
export interface Row {
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
  readonly ackP99SentMs: number;
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

export interface Measuring {
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

export async function measure(measuring: Measuring): Promise<Measured> {
  const { payload, target, pid, requestsPerSecond = 0, secondsOfLoad = ROW_SECONDS, settled } = measuring;
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

export function rowOf(sent: string, by: string, measured: Measured, engineInside: boolean): Row {
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
    ackP99SentMs: load.ackP99SentMs,
    rssMaxMiB: measured.rssMaxBytes / 1024 / 1024,
    refusedRequests: load.refusedRequests,
    lostItems: missing,
    bytesOnDiskPerItem: undefined,
    credentialsLeft: undefined,
  };
}

/** Waits until every consumer of a Docket has taken all frames; none is missing then. */
export async function drained(docket: { readonly api: string }): Promise<number> {
  while ((await pendingFrames(docket)) > 0) await delay(50);
  return 0;
}

/** Frames every consumer still has to take, from Docket's own metrics. */
async function pendingFrames(docket: { readonly api: string }): Promise<number> {
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  let pending = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('docket_spool_lag_frames{')) pending = Math.max(pending, Number(line.split(' ')[1]));
  }
  return pending;
}

export const COLUMNS = {
  sent: (title: string): Column<Row> => ({ title, cell: (row) => row.sent }),
  by: { title: 'by', cell: (row) => row.by },
  perSecond: { title: 'items/s', cell: (row) => String(row.perSecond) },
  queryableAfter: { title: 'queryable after s', cell: (row) => fixed(row.queryableAfterSeconds, 1) },
  cpu: { title: 'CPU s/M', cell: (row) => fixed(row.cpuPerMillion, 1) },
  engineCpu: { title: 'engine CPU s/M', cell: (row) => fixed(row.engineCpuPerMillion, 1) },
  ackP50: { title: 'ack p50 ms', cell: (row) => fixed(row.ackP50Ms, 1) },
  ackP99: { title: 'ack p99 ms', cell: (row) => fixed(row.ackP99Ms, 1) },
  ackP99Sent: { title: 'from sending', cell: (row) => fixed(row.ackP99SentMs, 1) },
  rssMax: { title: 'RSS max MiB', cell: (row) => fixed(row.rssMaxMiB, 0) },
  refused: { title: 'refused', cell: (row) => String(row.refusedRequests) },
  lost: { title: 'lost', cell: (row) => String(row.lostItems) },
  bytesOnDisk: { title: 'bytes on disk an item', cell: (row) => fixed(row.bytesOnDiskPerItem, 1) },
  credentialsLeft: { title: 'credentials left', cell: (row) => fixed(row.credentialsLeft, 0) },
} as const satisfies Readonly<Record<string, Column<Row> | ((title: string) => Column<Row>)>>;
