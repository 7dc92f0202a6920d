import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { attribute, eventually, logsRequest, metricsRequest, postJson, tracesRequest } from '../support/otlp-json.ts';
import { freeAddress, startCollector, type CollectorProcess } from './collector-process.ts';

let docket: DocketProcess | undefined;
let collector: CollectorProcess | undefined;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-in-path-'));
});

afterEach(async () => {
  await collector?.stop();
  await docket?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const secret = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;

test.each(['grpc', 'http'] as const)(
  'what reaches the Collector behind Docket over %s is the redacted request',
  async (protocol) => {
    const [grpc, http] = [await freeAddress(), await freeAddress()];
    const file = join(folder, 'out.jsonl');
    collector = await startCollector('deploy/collector/in-path.yaml', http, {
      COLLECTOR_OTLP_GRPC: grpc,
      COLLECTOR_OTLP_HTTP: http,
      COLLECTOR_FILE: file,
    });
    const forward = protocol === 'grpc' ? `grpc://${grpc}` : `http://${http}`;
    docket = await startDocket({ environment: { DOCKET_FORWARD_URL: forward } });
    const span = tracesRequest('shop', [1], {
      attributes: [attribute('note', `token ${secret} here`), attribute('gen_ai.input.messages', '[{"role":"user"}]')],
    });
    expect((await postJson(docket.otlpHttp, 'traces', span)).status).toBe(200);
    expect(
      (await postJson(docket.otlpHttp, 'logs', logsRequest('shop', [`Authorization: Bearer ${secret}`]))).status,
    ).toBe(200);
    expect((await postJson(docket.otlpHttp, 'metrics', metricsRequest('shop', 'queue.length', [7]))).status).toBe(200);
    const arrived = await eventually(
      () => Promise.resolve(read(file)),
      (text) => ['resourceSpans', 'resourceLogs', 'resourceMetrics'].every((word) => text.includes(word)),
    );
    expect(arrived).toContain('resourceSpans');
    expect(arrived).toContain('resourceLogs');
    expect(arrived).toContain('queue.length');
    expect(arrived).toContain('[redacted:');
    expect(arrived).toContain('[withheld:');
    expect(arrived).not.toContain(secret);
  },
);

test('fields newer than any schema reach the Collector without their secrets, and it takes the request', async () => {
  const [grpc, http] = [await freeAddress(), await freeAddress()];
  const file = join(folder, 'out.jsonl');
  collector = await startCollector('deploy/collector/in-path.yaml', http, {
    COLLECTOR_OTLP_GRPC: grpc,
    COLLECTOR_OTLP_HTTP: http,
    COLLECTOR_FILE: file,
  });
  const between = await listenBetween(http);
  docket = await startDocket({ environment: { DOCKET_FORWARD_URL: between.url } });
  const answer = await fetch(`http://${docket.otlpHttp}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: newerRequest(),
  });
  expect(answer.status).toBe(200);
  const arrived = await eventually(
    () => Promise.resolve(read(file)),
    (text) => text.includes('resourceSpans'),
  );
  expect(between.statuses).toEqual([200]);
  expect(arrived).toContain('pay the bill');
  expect(arrived).not.toContain(secret);
  // The Collector's own schema has no such fields either, so they are looked for in what was sent to it.
  expect(between.statuses).toEqual([200]);
  const sent = Buffer.concat(between.bodies).toString('latin1');
  expect(sent).not.toContain(secret);
  for (const where of ['text', 'message']) {
    expect(sent).toMatch(new RegExp(`in a ${where}: \\[redacted:github-pat~[0-9a-f]{10}\\] end`));
  }
  expect(sent).toContain('kept as it is');
  between.server.close();
});

test.each(['grpc', 'http'] as const)(
  'a request with an unknown group, which the Collector refuses, reaches it over %s without the group, and that is counted',
  async (protocol) => {
    const [grpc, http] = [await freeAddress(), await freeAddress()];
    const file = join(folder, 'out.jsonl');
    collector = await startCollector('deploy/collector/in-path.yaml', http, {
      COLLECTOR_OTLP_GRPC: grpc,
      COLLECTOR_OTLP_HTTP: http,
      COLLECTOR_FILE: file,
    });
    const headers = { 'content-type': 'application/x-protobuf' };
    // A group of field 906 that holds a text: 906 << 3 | 3 is 0xd3 0x38, its end 0xd4 0x38.
    const group = Buffer.concat([Buffer.from([0xd3, 0x38, 0x0a, 2]), Buffer.from('in'), Buffer.from([0xd4, 0x38])]);
    const body = newerRequest(group);
    const direct = await fetch(`http://${http}/v1/traces`, { method: 'POST', headers, body });
    expect(direct.status, 'should it be taken one day, the forwarder need not mind').toBe(400);
    docket = await startDocket({
      environment: { DOCKET_FORWARD_URL: protocol === 'grpc' ? `grpc://${grpc}` : `http://${http}` },
    });
    expect((await fetch(`http://${docket.otlpHttp}/v1/traces`, { method: 'POST', headers, body })).status).toBe(200);
    const arrived = await eventually(
      () => Promise.resolve(read(file)),
      (text) => text.includes('pay the bill'),
    );
    expect(arrived).toContain('pay the bill');
    const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
    expect(metrics).toMatch(/docket_forward_left_out_total\{signal="traces",what="group"[^}]*\} 1/);
    expect(metrics).toMatch(/docket_forward_items_total\{signal="traces",outcome="accepted"[^}]*\} 1/);
    expect(metrics).not.toMatch(/docket_forward_items_total\{[^}]*outcome="refused"[^}]*\} [1-9]/);
  },
);

/** A span with fields that no schema knows, some with a secret in them, and `more` behind them. */
function newerRequest(more: Buffer = Buffer.alloc(0)): Buffer {
  const writer = new WireWriter();
  const resourceSpans = writer.begin(1);
  const scopeSpans = writer.begin(2);
  const span = writer.begin(2);
  writer.bytesField(1, Buffer.alloc(16, 1));
  writer.bytesField(2, Buffer.alloc(8, 2));
  writer.stringField(5, 'pay the bill');
  writer.varintField(900, 1234);
  writer.fixed64Field(901, 0x1122_3344_5566_7788n);
  writer.fixed32Field(902, 0x1122_3344);
  writer.stringField(903, `in a text: ${secret} end`);
  const message = writer.begin(904);
  writer.stringField(1, 'kept as it is');
  const inner = writer.begin(2);
  writer.stringField(3, `in a message: ${secret} end`);
  writer.end(inner);
  writer.end(message);
  writer.bytesField(905, Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(secret)]));
  writer.raw(more);
  writer.end(span);
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  return writer.finish();
}

interface Between {
  readonly url: string;
  readonly server: Server;
  readonly bodies: Buffer[];
  readonly statuses: number[];
}

/** Passes requests on and keeps their bodies, decompressed, and the statuses they were answered with. */
async function listenBetween(target: string): Promise<Between> {
  const bodies: Buffer[] = [];
  const statuses: number[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      bodies.push(incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      const { method, headers } = incoming;
      const onward = httpRequest(`http://${target}${incoming.url ?? ''}`, { method, headers }, (answer) => {
        statuses.push(answer.statusCode ?? 0);
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, bodies, statuses };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
