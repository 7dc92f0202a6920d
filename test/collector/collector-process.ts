import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const binary = join(root, '.cache', 'otelcol');

export type Environment = Readonly<Record<string, string>>;

export interface CollectorProcess {
  readonly pid: number;
  /** host:port of the health check and of its own metrics, where the configuration has them. */
  readonly health: string;
  readonly metrics: string;
  output(): string;
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** What `otelcol validate` says of a configuration file of this project; '' when it is valid. */
export function validate(configuration: string, environment: Environment): string {
  const result = spawnSync(binary, ['validate', '--config', join(root, configuration)], {
    env: { ...environment, PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  return result.status === 0 ? '' : `${result.stdout}${result.stderr}`;
}

/**
 * Starts a Collector with a configuration file of this project (or several, laid over one another) and waits until its OTLP/HTTP
 * receiver answers.
 */
export async function startCollector(
  configuration: string | readonly string[],
  httpAddress: string,
  environment: Environment,
): Promise<CollectorProcess> {
  const configurations = typeof configuration === 'string' ? [configuration] : configuration;
  const given = configurations.flatMap((file) => ['--config', join(root, file)]);
  const [health, metrics] = [await freeAddress(), await freeAddress()];
  const child: ChildProcess = spawn(binary, given, {
    env: {
      COLLECTOR_HEALTH: health,
      COLLECTOR_METRICS_PORT: metrics.slice(metrics.lastIndexOf(':') + 1),
      ...environment,
      PATH: process.env['PATH'],
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the Collector ended with ${child.exitCode}:\n${printed}`);
    if (await answers(`http://${httpAddress}/v1/traces`)) break;
    if (Date.now() > deadline) throw new Error(`the Collector did not start:\n${printed}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    health,
    metrics,
    output: () => printed,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    return response.ok;
  } catch {
    return false;
  }
}

/** A loopback address nobody listens on now. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no address');
  return `127.0.0.1:${address.port}`;
}
