import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface ServiceProcess {
  readonly url: string;
  /** Tells it where the services it calls are from now on. */
  redirect(downstream: string): void;
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
  /** Replaces payments by another version as a rolling deploy does: the new one first, then traffic, then the old one goes. */
  deployPayments(version: string): Promise<void>;
  close(): Promise<void>;
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const running = new Map<string, ServiceProcess>();
  const url = (service: string): string => {
    const process = running.get(service);
    if (process === undefined) throw new Error(`demo service ${service} is not running`);
    return process.url;
  };
  const downstream = (): string => `inventory=${url('inventory')},payments=${url('payments')}`;
  running.set('inventory', await startService('inventory', '3.0.2', '', options));
  running.set('payments', await startService('payments', '1.4.2', '', options));
  running.set('storefront', await startService('storefront', '2.7.0', downstream(), options));
  return {
    url,
    async deployPayments(version) {
      const before = running.get('payments');
      running.set('payments', await startService('payments', version, '', options));
      running.get('storefront')?.redirect(downstream());
      // Charges under way end within this; then nobody asks the old one any more.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await before?.stop();
    },
    async close() {
      await Promise.all([...running.values()].map((service) => service.stop()));
    },
  };
}

async function startService(
  name: string,
  version: string,
  downstream: string,
  options: FleetOptions,
): Promise<ServiceProcess> {
  const child: ChildProcess = fork(
    join(import.meta.dirname, 'service.js'),
    [name, version, options.otlpGrpc, downstream],
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
    url: `http://127.0.0.1:${message.port}`,
    redirect: (text) => void child.send(text),
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
