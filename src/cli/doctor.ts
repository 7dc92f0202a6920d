import { createServer } from 'node:net';
import { ApiError, ServiceUnreachable, type ApiClient } from '../api/client.ts';
import { examineDataDirectory } from '../config/data-directory.ts';
import type { DocketConfig } from '../config/load-config.ts';
import { formatListenAddress, type ListenAddress } from '../config/listen-address.ts';
import { EXIT } from './exit-code.ts';
import { columns, type Terminal } from './terminal.ts';

export interface DoctorOptions {
  readonly config: DocketConfig;
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly version: string;
  /** `process.versions.node`. */
  readonly nodeVersion: string;
}

interface Finding {
  readonly verdict: 'ok' | 'bad' | 'note';
  readonly what: string;
  readonly detail: string;
}

const NODE_LEAST = [20, 19] as const;

/** Looks at the machine, then at the running service. 0: all well; 1: something is not; 3: no service answers. */
export async function doctor(options: DoctorOptions): Promise<number> {
  const { config, client, terminal } = options;
  const findings: Finding[] = [checkNode(options.nodeVersion), await checkDataDir(config.dataDir)];
  let reachable = true;
  try {
    const health = await client.readiness();
    findings.push({
      verdict: health.version === options.version ? 'ok' : 'note',
      what: 'service',
      detail: `version ${health.version}${health.version === options.version ? '' : `, this command is ${options.version}`}`,
    });
    for (const { name, ok, detail, measures = {} } of health.components) {
      const numbers = Object.entries(measures).map(([measure, value]) => `${measure}=${value}`);
      findings.push({ verdict: ok ? 'ok' : 'bad', what: name, detail: [detail, ...numbers].join(' ') });
    }
    if (!health.ready) findings.push({ verdict: 'bad', what: 'readiness', detail: 'the service does not take work' });
  } catch (error) {
    if (!(error instanceof ServiceUnreachable) && !(error instanceof ApiError)) throw error;
    reachable = false;
    findings.push({ verdict: 'bad', what: 'service', detail: error.message });
    for (const [name, address] of Object.entries(config.listen)) findings.push(await checkPort(name, address));
  }
  terminal.print(columns(findings.map(({ verdict, what, detail }) => [verdict.padEnd(4), what, detail])));
  if (!reachable) return EXIT.unreachable;
  return findings.some(({ verdict }) => verdict === 'bad') ? EXIT.no : EXIT.done;
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1]);
  return { verdict: ok ? 'ok' : 'bad', what: 'node', detail: `${version}, needed is ${NODE_LEAST.join('.')} or newer` };
}

async function checkDataDir(dataDir: string): Promise<Finding> {
  const state = await examineDataDirectory(dataDir);
  if (state.kind === 'unusable') return { verdict: 'bad', what: 'data', detail: state.problem };
  return { verdict: 'ok', what: 'data', detail: state.kind === 'there' ? dataDir : `${dataDir} (will be made)` };
}

function checkPort(name: string, address: ListenAddress): Promise<Finding> {
  const shown = formatListenAddress(address);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve({
        verdict: 'bad',
        what: name,
        detail: `${shown} cannot be listened on (${error.code ?? 'unknown error'})`,
      });
    });
    server.listen(address.port, address.host, () => {
      server.close(() => resolve({ verdict: 'ok', what: name, detail: `${shown} is free` }));
    });
  });
}
