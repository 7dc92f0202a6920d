/**
 * The processes that `bench/ingest.bench.ts` compares: each takes OTLP, redacts, and writes to a ClickHouse of its own that stands
 * apart, the real engine behind the HTTP front of the tests.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RE2JS } from 're2js';
import { builtinRules } from '../src/redaction/detectors/builtin-rules.ts';
import { freeAddress, startCollector } from '../test/collector/collector-process.ts';
import { startClickHouseFront, type ClickHouseFront } from '../test/support/clickhouse-http-front.ts';
import { startDocket } from '../test/support/docket-process.ts';

const CACHE = join(import.meta.dirname, '..', '.cache');
const COLLECTOR = join(CACHE, 'otelcol');
const ROTEL = join(CACHE, 'rotel-venv', 'lib');

export interface RunningContender {
  readonly pid: number;
  /** host:port */
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly store: ClickHouseFront;
  close(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  /** What a sender may rely on when it has the answer. */
  readonly acknowledged: 'on disk' | 'in memory';
  /** Why it cannot run here; undefined when it can. */
  readonly missing: string | undefined;
  start(): Promise<RunningContender>;
}

/** Token shapes that most installations of the redaction processor list. */
const COMMON_PATTERNS = [
  'ghp_[A-Za-z0-9]{36}',
  'github_pat_[A-Za-z0-9_]{22,255}',
  'glpat-[A-Za-z0-9_-]{20,}',
  'AKIA[0-9A-Z]{16}',
  'sk-ant-[A-Za-z0-9_-]{16,}',
  'sk-[A-Za-z0-9_-]{20,}',
  'xox[abprs]-[A-Za-z0-9-]{10,}',
  'AIza[0-9A-Za-z_-]{35}',
  'eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}',
  '-----BEGIN [A-Z ]*PRIVATE KEY-----',
  '4[0-9]{12}(?:[0-9]{3})?',
  '[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}',
];

/** Docket's own rules, as far as they are patterns alone that RE2 takes. */
function docketPatterns(): string[] {
  return builtinRules.flatMap(({ pattern, flags, subject, group }) => {
    if (subject === 'token' || (group ?? 0) !== 0) return [];
    const source = `${flags === 'i' ? '(?i)' : ''}${pattern}`;
    try {
      RE2JS.compile(source);
      return [source];
    } catch {
      return [];
    }
  });
}

export function docketContender(): Contender {
  return {
    name: 'Docket',
    acknowledged: 'on disk',
    missing: undefined,
    async start() {
      const store = await startClickHouseFront();
      const docket = await startDocket({
        environment: { DOCKET_LOG_LEVEL: 'warn', DOCKET_CLICKHOUSE_URL: `${store.url}/default` },
      });
      return {
        pid: docket.pid,
        otlpGrpc: docket.otlpGrpc,
        otlpHttp: docket.otlpHttp,
        store,
        async close() {
          await docket.dispose();
          await store.close();
        },
      };
    },
  };
}

async function collectorOn(
  store: ClickHouseFront,
  patterns: readonly string[],
  queueDirectory: string | undefined,
): Promise<Omit<RunningContender, 'store'>> {
  const [otlpGrpc, otlpHttp] = [await freeAddress(), await freeAddress()];
  const files = queueDirectory === undefined ? ['clickhouse.yaml'] : ['clickhouse.yaml', 'queue-on-disk.yaml'];
  const collector = await startCollector(
    files.map((file) => join('bench', 'collector', file)),
    otlpHttp,
    {
      COLLECTOR_OTLP_GRPC: otlpGrpc,
      COLLECTOR_OTLP_HTTP: otlpHttp,
      CLICKHOUSE_URL: store.url,
      // Within a configuration `$` begins a variable; `$$` is itself.
      BLOCKED_VALUES: JSON.stringify(patterns).replaceAll('$', '$$$$'),
      QUEUE_DIRECTORY: queueDirectory ?? '',
    },
  );
  return { pid: collector.pid, otlpGrpc, otlpHttp, close: () => collector.kill() };
}

/** `patterns`: the dozen that are common, or Docket's own. `queue`: where what was acknowledged waits. */
export function collectorContender(which: 'common' | 'docket', queue: 'memory' | 'disk'): Contender {
  const patterns = which === 'common' ? COMMON_PATTERNS : docketPatterns();
  return {
    name: `Collector, ${patterns.length} patterns${queue === 'disk' ? ', queue on disk' : ''}`,
    acknowledged: queue === 'disk' ? 'on disk' : 'in memory',
    missing: existsSync(COLLECTOR) ? undefined : 'not built: `bash test/collector/build.sh` (needs Go)',
    async start() {
      const store = await startClickHouseFront();
      const directory = queue === 'disk' ? mkdtempSync(join(tmpdir(), 'docket-bench-queue-')) : undefined;
      const collector = await collectorOn(store, patterns, directory);
      return {
        ...collector,
        store,
        async close() {
          await collector.close();
          await store.close();
          if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Rotel's redaction would be a Python program of one's own; it stands here for receiving and writing alone. */
export function rotelContender(): Contender {
  const binary = rotelBinary();
  return {
    name: 'Rotel, no redaction',
    acknowledged: 'in memory',
    missing: binary === undefined ? 'not installed: `bash bench/rotel.sh` (needs Python)' : undefined,
    async start() {
      const store = await startClickHouseFront();
      // It writes to the tables of the Collector's exporter and makes none itself.
      const maker = await collectorOn(store, COMMON_PATTERNS, undefined);
      await maker.close();
      const [otlpGrpc, otlpHttp] = [await freeAddress(), await freeAddress()];
      const child = spawn(
        binary ?? '',
        [
          'start',
          '--exporter=clickhouse',
          '--otlp-grpc-max-recv-msg-size-mib=64',
          `--otlp-grpc-endpoint=${otlpGrpc}`,
          `--otlp-http-endpoint=${otlpHttp}`,
          `--clickhouse-exporter-endpoint=${store.url}`,
          '--clickhouse-exporter-database=default',
          '--clickhouse-exporter-compression=none',
          '--clickhouse-exporter-async-insert=false',
          '--batch-max-size=50000',
          '--batch-timeout=500ms',
        ],
        { stdio: 'ignore', env: { PATH: process.env['PATH'] } },
      );
      const ended = once(child, 'exit');
      await answering(`http://${otlpHttp}/v1/traces`);
      return {
        pid: child.pid ?? 0,
        otlpGrpc,
        otlpHttp,
        store,
        async close() {
          child.kill('SIGKILL');
          await ended;
          await store.close();
        },
      };
    },
  };
}

function rotelBinary(): string | undefined {
  if (!existsSync(ROTEL)) return undefined;
  return readdirSync(ROTEL)
    .map((python) => join(ROTEL, python, 'site-packages', 'rotel', 'rotel-agent'))
    .find((binary) => existsSync(binary));
}

async function answering(url: string): Promise<void> {
  for (const until = Date.now() + 20_000; ;) {
    try {
      await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-protobuf' }, body: '' });
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
