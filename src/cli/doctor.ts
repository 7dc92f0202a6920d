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
  const findings: Finding[] = [checkNode(options.nodeVersion)];
  let reachable = true;
  try {
    const health = await client.readiness();
    findings.push({
      verdict: health.version === options.version ? 'ok' : 'note',
      what: 'service',
      detail: `version ${health.version}${health.version === options.version ? '' : `, this command is ${options.version}`}`,
    });
    findings.push(dataDirOfService(health.dataDir, config.dataDir));
    for (const { name, ok, note = false, detail, measures = {} } of health.components) {
      const numbers = Object.entries(measures).map(([measure, value]) => `${measure}=${value}`);
      const verdict = ok ? (note ? 'note' : 'ok') : 'bad';
      findings.push({ verdict, what: name, detail: [detail, ...numbers].join(' ') });
    }
    if (!health.ready) findings.push({ verdict: 'bad', what: 'readiness', detail: 'the service does not take work' });
  } catch (error) {
    if (!(error instanceof ServiceUnreachable) && !(error instanceof ApiError)) throw error;
    reachable = false;
    findings.push({ verdict: 'bad', what: 'service', detail: error.message }, await checkDataDir(config.dataDir));
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
  const shown = `${dataDir}, as this command is configured`;
  return { verdict: 'ok', what: 'data', detail: state.kind === 'there' ? shown : `${shown} (will be made)` };
}

/** The directory of the Docket that answers. Where this command is configured otherwise, that is not the one that is meant. */
function dataDirOfService(served: string | undefined, configured: string): Finding {
  const what = 'data';
  if (served === undefined) {
    const detail = `the running Docket does not say which directory it uses; this command is configured for ${configured}`;
    return { verdict: 'note', what, detail };
  }
  const other = served === configured ? '' : `; this command is configured for ${configured}, which is another one`;
  return { verdict: 'ok', what, detail: `${served}, of the running Docket${other}` };
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
