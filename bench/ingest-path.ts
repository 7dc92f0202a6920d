import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { COLUMNS, drained, measure, rowOf, WARM_UP_SECONDS, type Payload, type Row } from './ingest-row.ts';
import { printHeader, printRow } from './result-table.ts';

// Docket's own code, without an engine: bench/path-server.ts.

const PATH_COLUMNS = [
  COLUMNS.sent('receive, redact, spool, encode'),
  COLUMNS.perSecond,
  COLUMNS.cpu,
  COLUMNS.ackP50,
  COLUMNS.ackP99,
  COLUMNS.rssMax,
  COLUMNS.refused,
];

interface PathServer {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly api: string;
  readonly dataDirectory: string;
}

export async function measurePath(payloads: readonly Payload[]): Promise<Row[]> {
  printHeader(PATH_COLUMNS);
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'path-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // As `npm start` sets it.
    env: { ...process.env, UV_THREADPOOL_SIZE: '12' },
  });
  const ended = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const server = JSON.parse(line.toString()) as PathServer;
  const rows: Row[] = [];
  const settled = (): Promise<number> => drained(server);
  try {
    for (const payload of payloads) {
      const common = { payload, target: server, pid: child.pid ?? 0, settled };
      await measure({ ...common, secondsOfLoad: WARM_UP_SECONDS });
      const row = rowOf(payload.name, 'Docket', await measure(common), false);
      rows.push(row);
      printRow(PATH_COLUMNS, row);
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
    rmSync(server.dataDirectory, { recursive: true, force: true });
  }
  return rows;
}
