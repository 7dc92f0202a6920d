/**
 * What receiving costs apart from everything behind it: CPU-seconds of the receiving process per gigabyte and per request, for
 * Docket's gRPC server, its HTTP server and a bare unary server on @grpc/grpc-js, and what a refusal costs when overloaded. Server and load are processes of their own. Prints a
 * table and writes bench/results/receive.json.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readProcessCost } from './process-cost.ts';
import type { ReceiveLoad, ReceiveLoadResult } from './receive-load.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 5);
const run = (file: string, argument: string): string[] => [
  '--import',
  'tsx',
  join(import.meta.dirname, file),
  argument,
];

async function generate(load: ReceiveLoad): Promise<ReceiveLoadResult> {
  const { stdout } = await promisify(execFile)(process.execPath, run('receive-load.ts', JSON.stringify(load)));
  return JSON.parse(stdout) as ReceiveLoadResult;
}

interface Row {
  readonly server: string;
  readonly requestBytes: number;
  readonly gzip: boolean;
  readonly requestsPerSecond: number;
  readonly megabytesPerCpuSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  readonly cpuMicrosecondsPerRequest: number;
  readonly refused: number;
}

async function measure(server: string, requestBytes: number, gzip: boolean): Promise<Row> {
  const child = spawn(process.execPath, run('receive-server.ts', server), { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const load: ReceiveLoad = {
      protocol: server.startsWith('http') ? 'http' : 'grpc',
      target: line.toString().trim(),
      requestBytes,
      gzip,
      seconds,
      connections: 4,
      concurrency: 4,
    };
    await generate({ ...load, seconds: 1 });
    const pid = child.pid ?? 0;
    const before = readProcessCost(pid);
    const done = await generate(load);
    const after = readProcessCost(pid);
    const cpu = after.docketSeconds + after.engineSeconds - before.docketSeconds - before.engineSeconds;
    const requests = done.requests + done.refused;
    const bytes = requests * done.requestBytes;
    return {
      server,
      requestBytes: done.requestBytes,
      gzip,
      requestsPerSecond: requests / done.seconds,
      megabytesPerCpuSecond: bytes / 1e6 / cpu,
      cpuSecondsPerGigabyte: cpu / (bytes / 1e9),
      cpuMicrosecondsPerRequest: (cpu / requests) * 1e6,
      refused: done.refused,
    };
  } finally {
    child.kill('SIGKILL');
  }
}

const rows: Row[] = [];
for (const [requestBytes, gzip] of [
  [300_000, false],
  [10_000, false],
  [300_000, true],
  [10_000, true],
] as const) {
  for (const server of ['grpc-js', 'grpc', 'http']) rows.push(await measure(server, requestBytes, gzip));
}
for (const server of ['grpc-refusing', 'http-refusing']) rows.push(await measure(server, 190_000, false));

process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.versions.node}\n\n`,
);
const header = [
  'server',
  'bytes a request',
  'gzip',
  'requests/s',
  'MB per CPU-s',
  'CPU-s per GB',
  'CPU-µs a request',
  'refused',
];
const names: Readonly<Record<string, string>> = {
  'grpc-js': 'bare grpc-js',
  grpc: 'Docket gRPC',
  http: 'Docket HTTP',
  'grpc-refusing': 'Docket gRPC, refusing',
  'http-refusing': 'Docket HTTP, refusing',
};
const table = rows.map((row) => [
  names[row.server] ?? row.server,
  String(row.requestBytes),
  row.gzip ? 'yes' : 'no',
  row.requestsPerSecond.toFixed(0),
  row.megabytesPerCpuSecond.toFixed(0),
  row.cpuSecondsPerGigabyte.toFixed(2),
  row.cpuMicrosecondsPerRequest.toFixed(0),
  String(row.refused),
]);
for (const cells of [header, header.map(() => '---'), ...table]) process.stdout.write(`| ${cells.join(' | ')} |\n`);
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(
  join(import.meta.dirname, 'results', 'receive.json'),
  `${JSON.stringify({ node: process.versions.node, cores: cpus().length, seconds, rows }, null, 2)}\n`,
);
