import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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
  const ended = once(child, 'exit');
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk));
  const listening = await new Promise<{ otlpGrpc: string; otlpHttp: string; api: string }>((done, failed) => {
    const limit = setTimeout(
      () => failed(new ProofFailed('the Docket under test was not ready in time')),
      READY_WITHIN_MS,
    );
    let lines = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed.push(chunk);
      lines += chunk.toString();
      const ready = lines.split('\n').find((line) => line.includes('"msg":"ready"') && line.endsWith('}'));
      if (ready === undefined) return;
      clearTimeout(limit);
      done(JSON.parse(ready) as { otlpGrpc: string; otlpHttp: string; api: string });
    });
    child.once('exit', (code) => {
      clearTimeout(limit);
      failed(new ProofFailed(`the Docket under test ended with ${code} before it was ready`));
    });
  });
  return {
    ...listening,
    dataDirectory,
    output: () => Buffer.concat(printed).toString('utf8'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const limit = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
      await ended;
      clearTimeout(limit);
    },
  };
}
