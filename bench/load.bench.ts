/**
 * What loading costs: `node --import tsx bench/load.bench.ts [--json FILE]`. Requests of 512 spans of about 520 bytes (12 span
 * and 10 resource attributes, values and ids that vary) go through the loader into the embedded engine in one process; encoding is also measured alone.
 * Prints spans/s, CPU-seconds per million spans for Docket and for the engine (merges included), RSS and bytes on disk (the trace index included).
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpooledFrame } from '../src/pipeline/frame.ts';
import { markRedacted } from '../src/pipeline/redacted.ts';
import { openStore } from '../src/store/connect.ts';
import { createBlockMemory } from '../src/store/native/block-memory.ts';
import { blockBytes } from '../src/store/native/column.ts';
import { createTraceEncoder } from '../src/store/native/traces.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { createCorpus } from './corpus.ts';
import { readProcessCost } from './process-cost.ts';

const SPANS = 512;
/** What fits the loader's largest batch. */
const FRAMES_PER_BATCH = 88;
const BATCHES = Number(process.env['BENCH_BATCHES'] ?? 20);
function batch(): { id: string; frames: SpooledFrame[]; redelivered: boolean } {
  const hash = createHash('sha256');
  // No request comes twice: what repeats would compress to nothing and say nothing about bytes on disk.
  const corpus = createCorpus({ signal: 'traces', itemsPerRequest: SPANS, agentShare: 0, templates: FRAMES_PER_BATCH });
  const frames = Array.from({ length: FRAMES_PER_BATCH }, (): SpooledFrame => {
    const bytes = corpus.next();
    const contentHash = createHash('sha256').update(bytes).digest('hex');
    hash.update(contentHash);
    return {
      tenant: 'default',
      signal: 'traces',
      receivedAtUnixNano: BigInt(Date.now()) * 1_000_000n,
      policyVersion: 'bench@000000000000',
      items: SPANS,
      receipts: [],
      facts: [],
      bytes: markRedacted(bytes),
      contentHash,
    };
  });
  return { id: hash.digest('hex'), frames, redelivered: false };
}

/** Resolves when the engine has nothing left to merge. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    await delay(500);
    const merges = await store.query<{ merges: string }>('SELECT toString(count()) AS merges FROM system.merges');
    quiet = merges[0]?.merges === '0' ? quiet + 1 : 0;
  }
}

const memory = createBlockMemory();

function encodeSeconds(frames: readonly SpooledFrame[]): number {
  const before = process.cpuUsage();
  const encoder = createTraceEncoder(memory);
  for (const frame of frames) encoder.add({ frame, from: 0, to: frame.items });
  for (const { block } of encoder.finish()) blockBytes(block);
  encoder.release();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1e6;
}

const sample = batch();
const requestBytes = sample.frames.reduce((sum, frame) => sum + frame.bytes.length, 0) / (FRAMES_PER_BATCH * SPANS);
for (let round = 0; round < 5; round += 1) encodeSeconds(sample.frames);
let best = Number.POSITIVE_INFINITY;
for (let round = 0; round < 10; round += 1) best = Math.min(best, encodeSeconds(sample.frames));
const encodeRate = (FRAMES_PER_BATCH * SPANS) / best;

const directory = mkdtempSync(join(tmpdir(), 'docket-load-bench-'));
const store = openStore({
  location: { kind: 'embedded', directory },
  retentionSeconds: 30 * 86_400,
  logger: createLogger('warn'),
  meter: createMetrics().meter,
});
await store.migrate();
const costBefore = readProcessCost(process.pid);
let loading = 0;
let rssMax = 0;
let making = 0;
for (let index = 0; index < BATCHES; index += 1) {
  const before = readProcessCost(process.pid);
  const next = batch();
  making += readProcessCost(process.pid).docketSeconds - before.docketSeconds;
  const started = performance.now();
  const outcome = await store.loader.consume(next);
  loading += (performance.now() - started) / 1000;
  rssMax = Math.max(rssMax, readProcessCost(process.pid).rssBytes);
  if (outcome.kind !== 'accepted' || outcome.setAside > 0)
    throw new Error(`batch ${index}: ${JSON.stringify(outcome)}`);
}
// Merges go on behind the inserts; they are part of what loading costs.
await settled();
const costAfter = readProcessCost(process.pid);
const spans = BATCHES * FRAMES_PER_BATCH * SPANS;
const rows = await store.query<{ rows: string }>('SELECT toString(count()) AS rows FROM otel_traces');
if (Number(rows[0]?.rows) !== spans) throw new Error(`${rows[0]?.rows} rows stored, ${spans} sent`);
const bytesOnDisk = (await store.sizes())
  .filter((each) => each.table.startsWith('otel_traces'))
  .reduce((sum, each) => sum + each.bytesOnDisk, 0);
const perMillion = (seconds: number): number => Math.round((seconds / spans) * 1e8) / 100;
const results = {
  spans,
  requestBytesPerSpan: Math.round(requestBytes),
  encodeSpansPerCoreSecond: Math.round(encodeRate),
  encodeCpuSecondsPerMillion: Math.round(1e8 / encodeRate) / 100,
  loadSpansPerSecond: Math.round(spans / loading),
  docketCpuSecondsPerMillion: perMillion(Math.max(0, costAfter.docketSeconds - costBefore.docketSeconds - making)),
  engineCpuSecondsPerMillion: perMillion(costAfter.engineSeconds - costBefore.engineSeconds),
  rssMaxMegabytes: Math.round(rssMax / 1e6),
  bytesOnDiskPerSpan: Math.round((bytesOnDisk / spans) * 10) / 10,
  loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
};
await store.close();
rmSync(directory, { recursive: true, force: true });
for (const [name, value] of Object.entries(results)) console.log(`${name.padEnd(28)} ${value}`);
const file = process.argv[process.argv.indexOf('--json') + 1];
if (process.argv.includes('--json') && file !== undefined) writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
