import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export interface Listeners {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly api: string;
}

/** A Docket of its own process on a data directory of its own, as a user runs it. */
export interface DocketProcess extends Listeners {
  readonly dataDirectory: string;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** kill -9, and wait until it is gone. The data directory stays. */
  kill(): Promise<void>;
  /** SIGTERM, and its exit code. The data directory stays. */
  stop(): Promise<number | null>;
  /** A new process on the same data directory and the same ports. */
  restart(environment?: Readonly<Record<string, string>>): Promise<DocketProcess>;
  /** Kills what runs and removes the data directory. */
  dispose(): Promise<void>;
}

export interface DocketProcessOptions {
  readonly dataDirectory?: string;
  readonly listeners?: Listeners;
  readonly environment?: Readonly<Record<string, string>>;
  /** Milliseconds until the ready line must be there. */
  readonly readyWithinMs?: number;
}

/** Starts `docket serve` from dist/ (see ensureBuilt) and waits for its ready line. */
export async function startDocket(options: DocketProcessOptions = {}): Promise<DocketProcess> {
  const main = join(root, 'dist', 'main.js');
  if (!existsSync(main)) throw new Error('dist/main.js is missing: run `npm run build` first');
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'docket-test-'));
  const any = '127.0.0.1:0';
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    // As `npm start` sets it.
    UV_THREADPOOL_SIZE: '12',
    MALLOC_MMAP_THRESHOLD_: '262144',
    MALLOC_TRIM_THRESHOLD_: '4194304',
    DOCKET_DATA_DIR: dataDirectory,
    DOCKET_OTLP_GRPC: options.listeners?.otlpGrpc ?? any,
    DOCKET_OTLP_HTTP: options.listeners?.otlpHttp ?? any,
    DOCKET_API: options.listeners?.api ?? any,
    ...options.environment,
  };
  const child = spawn(process.execPath, [main, 'serve'], {
    env: environment,
    cwd: dataDirectory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const ready = await new Promise<Listeners>((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new Error(`docket was not ready in time:\n${printed}`)),
      options.readyWithinMs ?? 30_000,
    );
    let standardOutput = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      standardOutput += chunk.toString();
      for (const line of standardOutput.split('\n')) {
        if (!line.includes('"msg":"ready"')) continue;
        clearTimeout(limit);
        const parsed = JSON.parse(line) as Listeners;
        resolve(parsed);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    child.once('exit', (code) => {
      clearTimeout(limit);
      reject(new Error(`docket ended with ${code} before it was ready:\n${printed}`));
    });
  });
  return {
    ...ready,
    dataDirectory,
    pid: child.pid ?? 0,
    output: () => printed,
    kill: () => end(child, 'SIGKILL').then(() => undefined),
    stop: () => end(child, 'SIGTERM'),
    restart: (extra = {}) =>
      startDocket({
        ...options,
        dataDirectory,
        listeners: { otlpGrpc: ready.otlpGrpc, otlpHttp: ready.otlpHttp, api: ready.api },
        environment: { ...options.environment, ...extra },
      }),
    async dispose() {
      await end(child, 'SIGKILL');
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
  return child.exitCode;
}
