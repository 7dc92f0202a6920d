import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { ProofFailed, type Proof, type ProveOptions } from './cli/policy/tools.ts';
import { prove, type DocketUnderTest } from './proof/prove.ts';
import { loadPolicy } from './redaction/policy-file.ts';
import { rulesFor, treatmentOf, type CompiledPolicy } from './redaction/policy.ts';
import { openStore } from './store/connect.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

const TENANT = 'default';
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 30_000;
const RETENTION_SECONDS = 86_400;

type Listening = Pick<DocketUnderTest, 'otlpGrpc' | 'otlpHttp' | 'api'>;

/**
 * Proves a policy on a Docket of its own: another process of this program, on a temporary data directory and free ports of
 * 127.0.0.1, removed when it is done. Throws PolicyError for a policy that cannot be used.
 */
export async function provePolicy(main: string, options: ProveOptions): Promise<Proof> {
  const policy = loadPolicy(options.file);
  const rules = rulesFor(policy, TENANT, '');
  const parent = resolve(options.dataDirectory ?? tmpdir());
  const folder = await mkdtemp(join(parent, 'docket-policy-test-'));
  try {
    return await prove({
      policyVersion: policy.version,
      mode: policy.mode,
      treatment: (contentClass, key) => treatmentOf(rules, contentClass, key, '').action,
      start: (forwardUrl) => startUnderTest(main, folder, options.file, forwardUrl, policy),
      async openTables(dataDirectory) {
        const metrics = createMetrics();
        const store = openStore({
          location: { kind: 'embedded', directory: join(dataDirectory, 'clickhouse') },
          retentionSeconds: RETENTION_SECONDS,
          logger: createLogger('silent'),
          meter: metrics.meter,
        });
        return {
          query: (sql, parameters) => store.query(sql, parameters),
          async close() {
            await store.close();
            await metrics.close();
          },
        };
      },
      progress: options.progress,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function startUnderTest(
  main: string,
  dataDirectory: string,
  policyFile: string | undefined,
  forwardUrl: string,
  policy: CompiledPolicy,
): Promise<DocketUnderTest> {
  const keyVariable = policy.pseudonyms.key?.variable;
  const any = '127.0.0.1:0';
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: dataDirectory,
    env: {
      DOCKET_DATA_DIR: dataDirectory,
      DOCKET_OTLP_GRPC: any,
      DOCKET_OTLP_HTTP: any,
      DOCKET_API: any,
      DOCKET_FORWARD_URL: forwardUrl,
      DOCKET_LOG_LEVEL: 'trace',
      ...(keyVariable === undefined ? {} : { [keyVariable]: process.env[keyVariable] }),
      ...(policyFile === undefined ? {} : { DOCKET_POLICY: resolve(policyFile) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: Buffer[] = [];
  const keep = (chunk: Buffer): void => void printed.push(chunk);
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const stop = async (): Promise<void> => {
    // One that never came to be does not end either.
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const limit = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(limit);
  };
  let listening: Listening;
  try {
    listening = await readiness(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...listening,
    dataDirectory,
    output: () => Buffer.concat(printed).toString('utf8'),
    stop,
  };
}

/** Where a starting Docket listens, as it says when it is ready; rejects when it ends before that or takes too long. */
function readiness(child: ChildProcessByStdio<null, Readable, Readable>): Promise<Listening> {
  return new Promise((done, failed) => {
    let text = '';
    const settle = (): void => {
      clearTimeout(limit);
      // It goes on printing, and what is added to would be split anew each time.
      child.stdout.off('data', look);
    };
    const fail = (what: string): void => {
      settle();
      failed(new ProofFailed(`the Docket under test ${what}`));
    };
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      const ready = text.split('\n').find((line) => line.includes('"msg":"ready"') && line.endsWith('}'));
      if (ready === undefined) return;
      settle();
      done(JSON.parse(ready) as Listening);
    };
    const limit = setTimeout(() => fail('was not ready in time'), READY_WITHIN_MS);
    child.stdout.on('data', look);
    child.once('error', (error) => fail(`could not be started (${error.name})`));
    child.once('exit', (code) => fail(`ended with ${code} before it was ready`));
  });
}
