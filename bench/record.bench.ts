/**
 * How long do readers and writers of the record wait? The real embedded store in a directory of its own, the record service
 * and the API on a socket of 127.0.0.1, one incident with 10,000 rows of evidence and 2,000 entries. Prints a table and writes
 * bench/results/record.json. With an argument, that many small incidents are made first, for the time a start takes.
 */
import { serve } from '@hono/node-server';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createApi } from '../src/api/create-api.ts';
import { createOpenIdentity } from '../src/api/identity.ts';
import type { Actor } from '../src/record/actor.ts';
import type { Json } from '../src/record/entry.ts';
import { sealEntries, GENESIS } from '../src/record/chain.ts';
import { openCheckpointAnchors } from '../src/record/checkpoint-anchors.ts';
import { loadCheckpointKey } from '../src/record/checkpoint-key.ts';
import { createCheckpointSigner } from '../src/record/checkpoint-signer.ts';
import { readPublicKey } from '../src/record/checkpoint.ts';
import { observeEvidence } from '../src/record/evidence-version.ts';
import type { EvidenceRow } from '../src/record/evidence.ts';
import { createRecordService } from '../src/record/service.ts';
import { openStore } from '../src/store/connect.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';
import { evidenceRow } from '../test/support/record-fixture.ts';

const TENANT = 'default';
const ROWS = 10_000;
const ENTRIES = 2_000;
const READS = 120;
const FOLLOWERS = 200;
const INCIDENTS = Number(process.argv[2] ?? 2_000);
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const AGENT: Actor = { kind: 'agent', name: 'sre-agent', id: null };

interface Measured {
  readonly name: string;
  readonly target: number | null;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly samples: number;
  /** Processor time of the whole process for one, engine and client included; what is left when others use the cores. */
  readonly cpu: number | null;
}
const results: Measured[] = [];

function report(name: string, target: number | null, times: readonly number[], cpu: number | null = null): void {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const round = (value: number): number => Math.round(value * 10) / 10;
  const measured = {
    name,
    target,
    p50: round(at(0.5)),
    p99: round(at(0.99)),
    max: round(at(1)),
    samples: sorted.length,
    cpu,
  };
  results.push(measured);
  console.log(
    `${name.padEnd(58)} ${String(measured.p50).padStart(8)} ${String(measured.p99).padStart(8)} ${String(measured.max).padStart(8)} ${(cpu === null ? '' : cpu.toFixed(1)).padStart(8)} ${target === null ? '' : `<= ${target}`}`,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Processor time in milliseconds since `from`, for one of `count`. */
function cpuSince(from: NodeJS.CpuUsage, count: number): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1_000 / count;
}

/** Reads the same path again and again, or the one that `path` gives for each read, and reports. */
async function reads(name: string, target: number, path: (index: number) => string): Promise<void> {
  const cpu = process.cpuUsage();
  const all = await times(READS, (index) => read(path(index)));
  report(name, target, all, cpuSince(cpu, READS));
}

async function times(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < count; index += 1) all.push(await timed(() => work(index)));
  return all;
}

const directory = mkdtempSync(join(tmpdir(), 'docket-bench-record-'));
const logger = createLogger('silent');
const { meter } = createMetrics();
const store = openStore({
  location: { kind: 'embedded', directory: join(directory, 'clickhouse') },
  retentionSeconds: 86_400,
  logger,
  meter,
});
await store.migrate();
const key = await loadCheckpointKey(join(directory, 'keys'));
const signer = createCheckpointSigner({
  key,
  anchors: await openCheckpointAnchors(join(directory, 'anchors.jsonl'), readPublicKey(key.publicKey)),
});
const observed = observeEvidence(store.evidenceLog);
const createService = () =>
  createRecordService({
    recordLog: store.recordLog,
    evidenceLog: observed.log,
    evidenceVersions: observed.versions,
    queries: store.evidenceQueries,
    checkpoints: signer,
    sweepIntervalMilliseconds: 0,
    logger,
    meter,
  });

function toolCall(index: number, incident: string): EvidenceRow {
  return evidenceRow({
    tenant: TENANT,
    id: index.toString(16).padStart(32, '0'),
    incident,
    kind: index % 50 === 0 ? 'change' : index % 3 === 0 ? 'model_call' : 'tool_call',
    actor: { kind: 'agent', name: `agent-${index % 7}`, id: null },
    occurredAtUnixNano: BigInt(Date.now() - index * 1_000) * 1_000_000n,
    summary: `query_metrics connection pool ${index}`,
    tool: { name: 'query_metrics', callId: `call-${index}`, type: null, mcpServer: null, tier: 'read', tierRule: null },
    content: {
      arguments: { captured: true, value: `{"query":"rate(pool_${index}[5m])"}`, bytes: 30, digest: null },
      result: { captured: true, value: 'x'.repeat(400), bytes: 400, digest: null },
    },
    sourceFamily: `metrics ${index % 11}`,
  });
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`,
);
console.log(
  `${'milliseconds'.padEnd(58)} ${'p50'.padStart(8)} ${'p99'.padStart(8)} ${'max'.padStart(8)} ${'CPU'.padStart(8)} target`,
);

// Many small incidents, written as they would have been over months.
const at = new Date().toISOString();
for (let index = 0; index < INCIDENTS; index += 1) {
  const incident = `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`;
  const base = { tenant: TENANT, incident, actor: ALICE, occurredAt: at, recordedAt: at, basis: [] };
  const id = (nth: number): string => `00000000-0000-7000-9000-${String(index * 10 + nth).padStart(12, '0')}`;
  await store.recordLog.append(
    sealEntries(GENESIS, [
      {
        ...base,
        entryId: incident,
        type: 'incident.open',
        body: { title: `Incident ${index}`, ref: `OLD-${index}`, severity: 'sev3', services: [], environments: [] },
      },
      { ...base, entryId: id(1), type: 'binding.add', body: { conversationId: `conversation-${index}` } },
      ...Array.from({ length: 4 }, (_, nth) => ({
        ...base,
        entryId: id(nth + 2),
        type: 'gap.open',
        body: { what: `Something of ${index}`, kind: 'unanswered', blocks: [] },
      })),
      { ...base, entryId: id(6), type: 'incident.status', body: { status: 'declined' } },
    ]),
  );
}

const service = createService();
await service.start();
const opened = await service.open(TENANT, ALICE, {
  title: 'Checkout answers 500',
  severity: 'sev2',
  services: ['checkout'],
});
if (opened.kind !== 'opened') throw new Error('the incident was not opened');
const incident = opened.incident.id;
for (let from = 0; from < ROWS; from += 1_000) {
  await observed.log.put(Array.from({ length: 1_000 }, (_, index) => toolCall(from + index, incident)));
}
const rows = Array.from({ length: 200 }, (_, index) => (index * 50 + 1).toString(16).padStart(32, '0'));
const send = async (actor: Actor, type: string, body: { readonly [key: string]: Json }): Promise<void> => {
  const result = await service.append(TENANT, incident, actor, { type, body });
  if (result.kind !== 'appended') throw new Error(`${type}: ${JSON.stringify(result)}`);
};
await send(ALICE, 'incident.status', { status: 'active' });
for (let index = 0; index < 40; index += 1) {
  await send(AGENT, 'hypothesis.propose', { statement: `Theory ${index}: the pool of shard ${index} is exhausted` });
}
const appends: number[] = [];
const appendCpu = process.cpuUsage();
for (let index = 0; appends.length < ENTRIES - 42; index += 1) {
  const hypothesis = `H${(index % 40) + 1}`;
  const kinds: readonly (readonly [Actor, string, { readonly [key: string]: Json }])[] = [
    [
      AGENT,
      'stance.take',
      {
        evidence: rows[index % rows.length] ?? '',
        hypothesis,
        relation: index % 3 === 0 ? 'refutes' : 'supports',
        rationale: `Row ${index} says so`,
      },
    ],
    [ALICE, 'gap.open', { what: `Shard ${index} is not measured`, blocks: [hypothesis] }],
    [
      AGENT,
      'check.plan',
      { question: `Is shard ${index} full?`, predictions: [{ hypothesis, expected: 'yes', refutesIf: 'no' }] },
    ],
    [ALICE, 'status.post', { happening: `Still looking at shard ${index}`, doing: 'Counting connections' }],
  ];
  const [actor, type, body] = kinds[index % kinds.length] ?? kinds[0] ?? [ALICE, 'participant.join', {}];
  appends.push(await timed(() => send(actor, type, body)));
}
report(
  `append, while the record grows to ${ENTRIES} entries`,
  15,
  appends.slice(100),
  cpuSince(appendCpu, appends.length),
);

const app = createApi({
  record: service,
  evidence: observed.log,
  telemetry: store.telemetryReader,
  receipts: store.receiptReader,
  identify: createOpenIdentity(TENANT, (name) => name),
  health: () => ({ ready: true, components: [] }),
  metricsText: async () => '',
  version: 'bench',
  logger,
  meter,
  loopbackOnly: true,
});
const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 });
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address === 'string') throw new Error('no address');
const base = `http://127.0.0.1:${address.port}/api/v1/incidents/${opened.incident.ref}`;
const read = async (path: string): Promise<void> => {
  const response = await fetch(`${base}${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  await response.arrayBuffer();
};
for (let index = 0; index < 20; index += 1) await read('');

await reads('GET record over HTTP', 50, () => '');
await reads('GET brief over HTTP', 20, () => '/brief');
await reads('GET brief?since, the same entry again and again', 20, () => '/brief?since=1000');
await reads('GET brief?since, another entry each time', 20, (index) => `/brief?since=${100 + index * 9}`);
let added = ROWS;
const rowArrives = async (): Promise<void> => observed.log.put([toolCall((added += 1), incident)]);
const afterRow: number[] = [];
for (let index = 0; index < 60; index += 1) {
  await rowArrives();
  afterRow.push(await timed(() => read('/brief')));
}
report('GET brief right after a row of evidence came', 20, afterRow);
const afterEntry: number[] = [];
for (let index = 0; index < 60; index += 1) {
  await send(ALICE, 'gap.open', { what: `Later ${index}` });
  afterEntry.push(await timed(() => read('/brief')));
}
report('GET brief right after an entry', 20, afterEntry);

// Followers: from the append until each has the entry.
const arrived: number[] = [];
let sentAt = 0;
const followers: IncomingMessage[] = [];
await Promise.all(
  Array.from({ length: FOLLOWERS }, async () => {
    const [response] = (await once(get(`${base}/stream`), 'response')) as [IncomingMessage];
    followers.push(response);
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        if (text.slice(0, end).includes('event: entry')) arrived.push(performance.now() - sentAt);
        text = text.slice(end + 2);
      }
    });
  }),
);
await new Promise((resolve) => setTimeout(resolve, 1_000));
for (let index = 0; index < 10; index += 1) {
  const wanted = (index + 1) * FOLLOWERS;
  sentAt = performance.now();
  await send(ALICE, 'gap.open', { what: `Followed ${index}` });
  while (arrived.length < wanted) await new Promise((resolve) => setTimeout(resolve, 2));
}
report(`an entry reaches ${FOLLOWERS} followers, append included`, 250, arrived);
for (const follower of followers) follower.destroy();

const bundleTimes = await times(5, async () => {
  for (let after: number | null = 0; after !== null;) {
    const page: { readonly next: number | null } | undefined = await service.entries(TENANT, incident, {
      after,
      limit: 1_000,
    });
    after = page?.next ?? null;
  }
});
report('all entries, page by page', null, bundleTimes);
await service.close();
const starts: number[] = [];
for (let index = 0; index < 3; index += 1) {
  const again = createService();
  starts.push(await timed(() => again.start()));
  if (index === 2) report(`start with ${INCIDENTS} incidents`, null, starts);
  if (index === 2)
    report('first read of the large record after a start', null, [await timed(() => again.record(TENANT, incident))]);
  await again.close();
}

server.close();
if ('closeAllConnections' in server) server.closeAllConnections();
await signer.close();
await store.close();
rmSync(directory, { recursive: true, force: true });
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'record.json'), `${JSON.stringify(results, null, 2)}\n`);
