/**
 * How many redacted spans a second does Docket acknowledge and make queryable, at what cost, and what do its peers need for the same? Three
 * tables: one Docket with the embedded engine, as it is started by default; what a request costs Docket's own code, all threads of a
 * process that receives, redacts, spools and encodes and does nothing else (bench/path-server.ts); and Docket, the Collector and
 * Rotel each writing to the same engine apart from them. One load generator process; everything on this machine. Prints the tables and writes
 * bench/results/ingest.json. BENCH_SECONDS a row (12); BENCH_ROWS, a regular expression, chooses rows by
 * `embedded: <what is sent>`, `path: <what is sent>` and `peers: <what is sent>, <by whom>`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { collectorContender, docketContender, rotelContender } from './contender.ts';
import { measureEmbedded } from './ingest-embedded.ts';
import { measurePath } from './ingest-path.ts';
import { measurePeers } from './ingest-peers.ts';
import { ROW_SECONDS, type Payload } from './ingest-row.ts';
import { fixed } from './result-table.ts';

const chosen = new RegExp(process.env['BENCH_ROWS'] ?? '');

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

/** What should be queryable within two seconds. */
const WANTED_PER_SECOND = 60_000;
/** Also sent at half of what is answered, and at so many items a second. */
const PACED: ReadonlyMap<Payload, readonly number[]> = new Map([
  [SERVICE_HTTP, [WANTED_PER_SECOND]],
  [SERVICE_GRPC, [WANTED_PER_SECOND]],
  [RECORDED_HTTP, []],
  [RECORDED_GRPC, []],
  [SMALL, []],
  [SMALL_GRPC, []],
]);

process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.versions.node}; ${ROW_SECONDS} s a row; load before ${fixed(loadavg()[0], 1)}\n\n`,
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
const embedded = payloads.length > 0 ? await measureEmbedded(payloads, PACED) : undefined;
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
const path = ofPath.length > 0 ? await measurePath(ofPath) : undefined;
const docket = docketContender();
const collector = collectorContender('common', 'memory');
const peers = await measurePeers(
  [
    [SERVICE_HTTP, [docket, collector, rotelContender()]],
    [SERVICE_GRPC, [docket, collector, collectorContender('common', 'disk'), rotelContender()]],
    [MIXED_GRPC, [docket, collector, collectorContender('docket', 'memory')]],
    [RECORDED_GRPC, [docket, collector]],
    [LOGS_HTTP, [docket, collector]],
  ],
  SERVICE_GRPC,
  chosen,
);
for (const each of peers.notRun) process.stdout.write(`not run: ${each}\n`);
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(
  join(import.meta.dirname, 'results', 'ingest.json'),
  `${JSON.stringify({ node: process.versions.node, cores: cpus().length, seconds: ROW_SECONDS, embedded, path, peers }, null, 2)}\n`,
);
process.exit(0);
