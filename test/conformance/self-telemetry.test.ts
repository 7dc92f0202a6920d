import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { refuseOwnListener } from '../../src/telemetry/self-export.ts';
import { type DocketProcess, startDocket } from '../support/docket-process.ts';
import { logsRequest, postJson, tracesRequest } from '../support/otlp-json.ts';
import { readRequest } from './oracle.ts';
import { GOOD, type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { exportOver } from './wire.ts';

const root = join(import.meta.dirname, '..', '..');

interface Instrument {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly attributes: readonly string[];
}

/** The rows of docs/spec/self-telemetry.md. */
function documented(): Instrument[] {
  const text = readFileSync(join(root, 'docs', 'spec', 'self-telemetry.md'), 'utf8');
  return [...text.matchAll(/^\| `(docket\.[a-z_.]+)` \| ([a-z -]+) \| `?([^|`]*?)`? \| ([^|]*) \|/gm)].map(
    ([, name = '', kind = '', unit = '', attributes = '']) => ({
      name,
      kind,
      unit: unit.trim(),
      attributes: [...attributes.matchAll(/`([^`]+)`/g)].map(([, each = '']) => each),
    }),
  );
}

/** Every instrument that the code creates, as `name kind unit`. */
function inCode(): string[] {
  const found: string[] = [];
  const kinds: Readonly<Record<string, string>> = { Counter: 'counter', Histogram: 'histogram', Gauge: 'gauge' };
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(file) || file.includes('.test.')) continue;
    const source = readFileSync(join(root, 'src', file), 'utf8');
    for (const [, prefix, kind = '', name = '', options = ''] of source.matchAll(
      /\.create(\w*?)(Counter|Histogram|Gauge)\(\s*'(docket\.[^']+)',\s*(\{.*?\})\s*,?\s*\)/gs,
    )) {
      const unit = /unit: '([^']*)'/.exec(options)?.[1] ?? '';
      found.push(`${name} ${prefix === 'UpDown' ? 'up-down counter' : (kinds[kind] ?? '')} ${unit}`.trim());
    }
    // The spool makes its counters and gauges by two functions of its own.
    if (file !== join('spool', 'instruments.ts')) continue;
    for (const [, kind = '', name = '', unit = ''] of source.matchAll(
      /\b(counter|gauge)\(\s*'([^']+)',\s*'[^']+',\s*'([^']+)',?\s*\)/g,
    )) {
      found.push(`docket.spool.${name} ${kind} ${unit}`);
    }
  }
  return found.sort();
}

let docket: DocketProcess;
let behind: ReceiverUnderTest;

beforeAll(async () => {
  behind = await startReceiver();
  docket = await startDocket({
    environment: { DOCKET_TELEMETRY_OTLP_URL: `http://127.0.0.1:${behind.http.port}` },
  });
});
afterAll(async () => {
  await docket.dispose();
  await behind.close();
});

test('docs/spec/self-telemetry.md lists every instrument of the code, with its kind and unit', () => {
  const listed = documented()
    .map(({ name, kind, unit }) => `${name} ${kind} ${unit}`.trim())
    .sort();
  expect(listed).toEqual(inCode());
});

test('the counters to alert on are there before anything happens', async () => {
  const operating = readFileSync(join(root, 'docs', 'operating.md'), 'utf8');
  const watched = [...operating.matchAll(/^\| `docket_.*\|$/gm)].flatMap(
    ([row]) => row.match(/docket_\w+_total/g) ?? [],
  );
  expect(watched.length).toBeGreaterThan(3);
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  for (const name of watched) expect(text).toMatch(new RegExp(`^${name}\\{[^}]*\\} 0$`, 'm'));
});

test('what a running Docket shows at /metrics is listed, with its attributes', async () => {
  const [host = '', port = ''] = docket.otlpGrpc.split(':');
  const [httpHost = '', httpPort = ''] = docket.otlpHttp.split(':');
  const target = { grpc: { host, port: Number(port) }, http: { host: httpHost, port: Number(httpPort) } };
  const opened = await fetch(`http://${docket.api}/api/v1/incidents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title: 'Metrics' }),
  });
  expect(opened.status).toBe(201);
  await postJson(docket.otlpHttp, 'traces', tracesRequest('shop', [1, 2, 3]));
  await postJson(docket.otlpHttp, 'logs', logsRequest('shop', ['mail someone@example.com']));
  await exportOver('gRPC', target, 'metrics', GOOD.metrics);
  await exportOver('gRPC', target, 'traces', Buffer.from('garbage'));
  await exportOver('HTTP JSON', target, 'traces', { resourceSpans: [{ scopeSpans: [{ spans: [{}] }] }] });

  const metrics = async (): Promise<string> => {
    const response = await fetch(`http://${docket.api}/metrics`);
    return response.text();
  };
  await expect.poll(metrics, { timeout: 20_000 }).toMatch(/docket_store_rows_total\{[^}]*otel_metrics_gauge/);
  const text = await metrics();
  const byName = new Map(
    documented().map((each) => [
      each.name.replaceAll('.', '_') + (each.kind === 'counter' && !each.name.endsWith('total') ? '_total' : ''),
      each,
    ]),
  );
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    const match = /^(docket_\w+?)(_bucket|_sum|_count)?(?:\{(.*)\})? \S+/.exec(line);
    if (match === null) continue;
    const [, base = '', suffix = '', labels = ''] = match;
    const instrument = byName.get(base) ?? byName.get(base + suffix);
    expect(instrument, `${base}${suffix} is not in docs/spec/self-telemetry.md`).toBeDefined();
    if (instrument === undefined) continue;
    seen.add(instrument.name);
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, name = '']) => name);
    const own = names.filter((name) => name !== 'le' && !name.startsWith('otel_scope'));
    for (const name of own) expect(instrument.attributes, `${line} has another attribute`).toContain(name);
  }
  for (const name of [
    'docket.receiver.requests',
    'docket.receiver.accepted_items',
    'docket.receiver.rejected_items',
    'docket.receiver.ack_duration',
    'docket.receiver.in_flight_bytes',
    'docket.receiver.in_flight_bytes_max',
    'docket.redaction.requests',
    'docket.spool.appended_frames',
    'docket.spool.bytes',
    'docket.spool.bytes_max',
    'docket.spool.lag_frames',
    'docket.spool.fsync.duration',
    'docket.store.inserts',
    'docket.store.insert.duration',
    'docket.evidence.records',
    'docket.record.entries',
    'docket.api.requests',
  ]) {
    expect(seen, `${name} was measured`).toContain(name);
  }
});

test('a stopping Docket sends its metrics to the OTLP endpoint it was given', async () => {
  await docket.stop();
  const own = behind.handled.filter((request) => request.signal === 'metrics');
  expect(own.length).toBeGreaterThan(0);
  const text = JSON.stringify(own.map((request) => readRequest('metrics', request.bytes)));
  for (const expected of ['"docket.receiver.accepted_items"', '"service.name"', '"docket"', '"docket.store.inserts"']) {
    expect(text).toContain(expected);
  }
});

test('a Docket told to send its metrics to itself does not start', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  await expect(
    startDocket({
      environment: {
        DOCKET_OTLP_HTTP: `127.0.0.1:${port}`,
        DOCKET_TELEMETRY_OTLP_URL: `http://localhost:${port}`,
      },
    }),
  ).rejects.toThrow(/ended with 3.*feed themselves/s);
});

test('an endpoint is Docket itself when machine and port are', async () => {
  const listeners = [
    { host: '127.0.0.1', port: 4318 },
    { host: '0.0.0.0', port: 8400 },
  ];
  for (const url of [
    'http://127.0.0.1:4318',
    'http://localhost:4318/base',
    'http://127.9.9.9:4318',
    'http://[::1]:8400',
    'http://0.0.0.0:8400',
  ]) {
    await expect(refuseOwnListener(url, listeners), url).rejects.toThrow('feed themselves');
  }
  for (const url of [
    'http://127.0.0.1:4319',
    'https://localhost',
    'http://192.0.2.7:4318',
    'http://name.invalid:4318',
  ]) {
    await expect(refuseOwnListener(url, listeners), url).resolves.toBeUndefined();
  }
});

test('an export that fails is logged and does not stop the next', async () => {
  let asked = 0;
  const server: Server = createServer((request, response) => {
    asked += 1;
    request.resume();
    response.writeHead(400).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const metrics = createMetrics({
    otlp: { url: `http://127.0.0.1:${port}`, intervalMs: 50, logger: createLogger('silent') },
  });
  metrics.meter.createCounter('docket.test.counter').add(1);
  await expect.poll(() => asked).toBeGreaterThan(2);
  expect(await metrics.prometheusText()).toContain('docket_test_counter_total');
  await metrics.close().catch(() => {});
  await new Promise((resolve) => server.close(resolve));
});
