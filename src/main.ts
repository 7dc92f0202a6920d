/** The process: arguments, signals, exit codes. The only file that ends it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProgram } from './cli/program.ts';
import { DataDirectoryError } from './config/data-directory.ts';
import { loadConfig, type DocketConfig } from './config/load-config.ts';
import { runDemo } from './demo/incident.ts';
import { checkPolicyFile, previewSample } from './policy-check.ts';
import { provePolicy } from './policy-proof.ts';
import { createDocket, type Docket, type Listening } from './docket.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { createLogger, type Logger } from './telemetry/logger.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Exit codes of the interface: done, the answer is no, wrong usage or configuration, could not be reached. */
const DONE = 0;
const NO = 1;
const USAGE = 2;
const UNREACHABLE = 3;

/** Resolves with the first signal that asks the process to stop; a second one ends it at once. */
function stopSignal(logger: Logger): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        logger.info({ signal }, 'stopping');
        resolve(signal);
      });
    }
  });
}

/** Where the service listens, or the exit code of one that could not start. */
async function started(docket: Docket): Promise<Listening | number> {
  boundHeapGrowth();
  try {
    return await docket.start();
  } catch (error) {
    process.stderr.write(`docket could not start: ${error instanceof Error ? error.message : 'unknown error'}\n`);
    return error instanceof DataDirectoryError ? USAGE : UNREACHABLE;
  }
}

async function serve(config: DocketConfig): Promise<number> {
  const logger = createLogger(config.log.level);
  const stopped = stopSignal(logger);
  const docket = createDocket({ config, logger, version });
  // Before the start: a SIGHUP that nobody listens for ends the process.
  process.on('SIGHUP', () => void docket.reloadPolicy());
  const listening = await started(docket);
  if (typeof listening === 'number') return listening;
  if (process.stdout.isTTY) process.stdout.write(welcome(listening, config));
  else process.stdout.write(`${JSON.stringify({ level: 'info', msg: 'ready', version, ...listening })}\n`);
  await stopped;
  await docket.close();
  return DONE;
}

function welcome(listening: Listening, config: DocketConfig): string {
  return `Docket ${version} is ready.

  OTLP/gRPC   ${listening.otlpGrpc}
  OTLP/HTTP   http://${listening.otlpHttp}   (/v1/traces, /v1/logs, /v1/metrics)
  API, page   http://${listening.api}
  data        ${config.dataDir}

Try:  curl -s http://${listening.api}/api/v1/incidents -H 'content-type: application/json' -d '{"title": "Checkout fails"}'
      npx docket replay <file or folder of OTLP> --incident INC-1
      http://${listening.api}/docs

Ctrl-C stops it.
`;
}

async function demo(options: { readonly exit: boolean }): Promise<number> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'docket-demo-'));
  // Every read of evidence is logged: among the lines of the story they would hide it.
  const log = join(dataDirectory, 'docket.log');
  const logger = createLogger('warn', log);
  const stopped = stopSignal(logger);
  const loaded = loadConfig({
    env: {},
    cwd: dataDirectory,
    overrides: { portBase: '0', settings: { data_dir: dataDirectory, 'log.level': 'warn' } },
  });
  if (loaded.kind === 'invalid') throw new Error('the built-in configuration is not valid');
  const docket = createDocket({ config: loaded.config, logger, version });
  const listening = await started(docket);
  try {
    if (typeof listening === 'number') return listening;
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    const result = await Promise.race([
      runDemo({ otlpGrpc: listening.otlpGrpc, api: listening.api, dataDirectory, say }),
      stopped.then(() => undefined),
    ]);
    if (result === undefined) return NO;
    say(`\n${result.brief}\n`);
    for (const what of result.missing) process.stderr.write(`missing: ${what}\n`);
    if (result.missing.length > 0) process.stderr.write(await readFile(log, 'utf8'));
    say(`Page: http://${listening.api}/incidents/${result.ref}`);
    if (!options.exit) {
      say(`Log:  ${log}`);
      say('Serving on; Ctrl-C stops it.');
      await stopped;
    }
    return result.missing.length === 0 ? DONE : NO;
  } finally {
    await docket.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

const program = createProgram({
  version,
  env: process.env,
  cwd: process.cwd(),
  nodeVersion: process.versions.node,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  interactive: process.stdout.isTTY,
  serve: (loaded) => serve(loaded.config),
  demo,
  policy: {
    check: checkPolicyFile,
    preview: previewSample,
    prove: (options) => provePolicy(import.meta.filename, options),
  },
});
const exitCode = await program.run(process.argv.slice(2));
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(exitCode);

/** A pipe whose reader is slow holds back what was written last: ending the process would cut it off. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  if (!stream.writable) return Promise.resolve();
  return new Promise((resolve) => {
    // Also when the reader has gone away.
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
