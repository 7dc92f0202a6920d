import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface ServiceProcess {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  stop(): Promise<void>;
}

export interface FleetOptions {
  /** Docket's OTLP/gRPC listener, host:port. */
  readonly otlpGrpc: string;
  /** What GET /debug/failures asks for. */
  readonly operatorToken: string;
}

/** The demo's services: inventory, payments and the storefront that calls both, each a process of its own. */
export interface Fleet {
  url(service: string): string;
  /** Replaces payments by another version on the same port, as a rolling deploy of one replica would. */
  deployPayments(version: string): Promise<void>;
  close(): Promise<void>;
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const running = new Map<string, ServiceProcess>();
  const start = async (name: string, version: string, port: number, downstream = ''): Promise<void> => {
    running.set(name, await startService(name, version, port, downstream, options));
  };
  const url = (service: string): string => {
    const process = running.get(service);
    if (process === undefined) throw new Error(`demo service ${service} is not running`);
    return process.url;
  };
  await start('inventory', '3.0.2', 0);
  await start('payments', '1.4.2', 0);
  await start('storefront', '2.7.0', 0, `inventory=${url('inventory')},payments=${url('payments')}`);
  return {
    url,
    async deployPayments(version) {
      const { port } = new URL(url('payments'));
      await running.get('payments')?.stop();
      await start('payments', version, Number(port));
    },
    async close() {
      await Promise.all([...running.values()].map((service) => service.stop()));
    },
  };
}

async function startService(
  name: string,
  version: string,
  port: number,
  downstream: string,
  options: FleetOptions,
): Promise<ServiceProcess> {
  const child: ChildProcess = fork(
    join(import.meta.dirname, 'service.js'),
    [name, version, String(port), options.otlpGrpc, downstream],
    // The token goes by environment: arguments of a process are readable by every user of the machine.
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, DEMO_OPERATOR_TOKEN: options.operatorToken },
    },
  );
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(`demo service ${name} ended before it was ready`))),
  ])) as [{ readonly port: number }];
  return {
    name,
    version,
    url: `http://127.0.0.1:${message.port}`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await exited;
      clearTimeout(limit);
    },
  };
}
