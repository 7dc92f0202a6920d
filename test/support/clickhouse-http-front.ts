import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { engineConfigXml } from '../../src/store/engine-config.ts';

export interface ClickHouseFrontOptions {
  /** Kept when given, else one of its own that `close` removes. One process a directory. */
  readonly directory?: string;
  /** 0, a free one, by default. */
  readonly port?: number;
  /**
   * What the engine is opened with, in `clickhouse local` form, e.g. `--config-file=…` with a Keeper in it. Without such
   * a file it gets one with small caches, as Docket's embedded engine has.
   */
  readonly connectionArgs?: readonly string[];
}

export interface ClickHouseFront {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  readonly pid: number;
  /** Runs a statement and returns what the server answers; throws its text when that is an error. */
  query(sql: string): Promise<string>;
  /** Rows of a SELECT. */
  rows<Row>(sql: string): Promise<Row[]>;
  /** Lets statements end, stops the server, and removes the directory if it was its own. */
  close(): Promise<void>;
  /** kill -9. The directory stays; start again with it and the same port. */
  kill(): Promise<void>;
}

/**
 * A ClickHouse server for tests: the real engine in a process of its own behind the HTTP interface, as far as
 * @clickhouse/client uses it. Formats, settings, deduplication and errors are ClickHouse's own; sessions, users and
 * roles are not there (any credentials are taken).
 */
export async function startClickHouseFront(options: ClickHouseFrontOptions = {}): Promise<ClickHouseFront> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'docket-clickhouse-'));
  mkdirSync(directory, { recursive: true });
  const connectionArgs = [...(options.connectionArgs ?? [])];
  if (!connectionArgs.some((each) => each.startsWith('--config-file'))) {
    const file = join(directory, 'engine.xml');
    writeFileSync(file, engineConfigXml({ memoryMax: 1_500_000_000, userFiles: join(directory, 'bodies') }));
    connectionArgs.push(`--config-file=${file}`);
  }
  const child = spawn(
    process.execPath,
    [
      '--import',
      import.meta.resolve('tsx'),
      join(import.meta.dirname, 'clickhouse-engine.ts'),
      directory,
      String(options.port ?? 0),
      ...connectionArgs,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, UV_THREADPOOL_SIZE: '16' } },
  );
  const ended = once(child, 'exit');
  const ready = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    ended.then(() => {
      throw new Error(`the ClickHouse server for tests ended with ${child.exitCode} before it was ready`);
    }),
  ]);
  const { port } = JSON.parse(String(ready[0])) as { port: number };
  const url = `http://127.0.0.1:${port}`;

  async function query(sql: string): Promise<string> {
    const response = await fetch(url, { method: 'POST', body: sql });
    const body = await response.text();
    if (response.status !== 200) throw new Error(body);
    return body;
  }

  return {
    url,
    port,
    directory,
    pid: child.pid ?? 0,
    query,
    async rows<Row>(sql: string) {
      const body = await query(`${sql} FORMAT JSONEachRow`);
      return body
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Row);
    },
    async close() {
      child.stdin.end();
      await ended;
      if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
