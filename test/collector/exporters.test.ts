import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startClickHouseFront } from '../support/clickhouse-http-front.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { createLedger, NOTHING_WRONG, readStored, verdictOf } from '../support/fault-ledger.ts';
import { startLoad } from '../support/fault-load.ts';
import { freeAddress, startCollector } from './collector-process.ts';

const telemetrygen = join(import.meta.dirname, '..', '..', '.cache', 'telemetrygen');
const generator = existsSync(telemetrygen);
if (!generator) console.log('skipped: .cache/telemetrygen is not there (test/collector/build.sh builds it)');

let docket: DocketProcess;
const ledger = createLedger();
let nextNumber = 0;
/** Items that telemetrygen was told to send, by service name. */
const generated = new Map<string, { readonly table: string; readonly items: number }>();

beforeAll(async () => {
  docket = await startDocket();
});

afterAll(async () => {
  await docket?.dispose();
});

async function throughCollector(exporter: string, send: (grpc: string, http: string) => Promise<void>): Promise<void> {
  const [grpc, http] = [await freeAddress(), await freeAddress()];
  const collector = await startCollector('test/collector/exporters.yaml', http, {
    DOCKET_OTLP_GRPC: docket.otlpGrpc,
    DOCKET_OTLP_HTTP: docket.otlpHttp,
    COLLECTOR_OTLP_GRPC: grpc,
    COLLECTOR_OTLP_HTTP: http,
    EXPORTER: exporter,
  });
  try {
    await send(grpc, http);
  } finally {
    // Ends when everything is sent on.
    await collector.stop();
  }
}

function generate(service: string, endpoint: string, ...flags: string[]): void {
  for (const [signal, table, count] of [
    ['traces', 'otel_traces', 200],
    ['logs', 'otel_logs', 300],
    ['metrics', 'otel_metrics_gauge', 100],
  ] as const) {
    const name = `${service}-${signal}`;
    const options = ['--otlp-insecure', '--otlp-endpoint', endpoint, '--service', name, '--rate', '0', ...flags];
    const many = [`--${signal}`, String(count)];
    const result = spawnSync(telemetrygen, [signal, ...options, ...many], { encoding: 'utf8', timeout: 60_000 });
    expect(result.status, result.stderr).toBe(0);
    // A trace of it is two spans.
    generated.set(name, { table, items: signal === 'traces' ? count * 2 : count });
  }
}

test.each([
  'otlp/gzip',
  'otlp/plain',
  'otlp/zstd',
  'otlp/snappy',
  'otlphttp/gzip',
  'otlphttp/plain',
  'otlphttp/zstd',
  'otlphttp/snappy',
  'otlphttp/snappy-framed',
  'otlphttp/lz4',
  'otlphttp/deflate',
  'otlphttp/json',
])('the three signals arrive through the Collector’s exporter %s', (exporter) =>
  throughCollector(exporter, async (otlpGrpc, otlpHttp) => {
    const listeners = { otlpGrpc, otlpHttp, api: docket.api };
    const load = startLoad({ ledger, listeners, firstNumber: nextNumber, workers: 4, pauseMs: 10 });
    await new Promise((resolve) => setTimeout(resolve, 700));
    await load.stop();
    nextNumber = load.nextNumber();
    expect(load.refusals).toEqual([]);
  }),
);

test.skipIf(!generator)('telemetrygen’s three signals arrive over gRPC and HTTP', () => {
  generate('direct-grpc', docket.otlpGrpc);
  generate('direct-http', docket.otlpHttp, '--otlp-http');
});

test.skipIf(!generator)('telemetrygen’s three signals arrive through the Collector', () =>
  throughCollector('otlp/gzip', async (grpc) => {
    await Promise.resolve();
    generate('collector', grpc);
  }),
);

test('everything that was sent is stored once', async () => {
  expect(await docket.stop()).toBe(0);
  const server = await startClickHouseFront({ directory: `${docket.dataDirectory}/clickhouse` });
  try {
    for (const [service, { table, items }] of generated) {
      const [row] = await server.rows<{ count: string | number }>(
        `SELECT count() AS count FROM ${table} WHERE ServiceName = '${service}'`,
      );
      expect([service, Number(row?.count)]).toEqual([service, items]);
    }
    // telemetrygen's own items are numbered by nobody.
    for (const table of ['otel_traces', 'otel_logs', 'otel_metrics_gauge']) {
      await server.query(`ALTER TABLE ${table} DELETE WHERE ServiceName != 'shop' SETTINGS mutations_sync = 1`);
    }
    const verdict = verdictOf(ledger, await readStored(server));
    expect(verdict).toMatchObject(NOTHING_WRONG);
    expect(verdict.stored).toBe(verdict.sent);
  } finally {
    await server.close();
  }
});
