import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeStatus, RPC_CODE } from '../../src/otlp/protobuf/status.ts';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import { openGrpcSink, openHttpSink, type OtlpSink } from '../contract/frame-consumer-sink.ts';
import { createCertificate } from '../support/certificate.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { exportOver, type Target } from './wire.ts';

// Docket in the pipeline (DOCKET_FORWARD_URL): what senders with a newer schema than Docket's own say must come out behind it.
const secret = `ghp_${'a1B2c3D4e5'.repeat(3)}F6g7H8`;
const TRACE_ID = Buffer.from('5b8efff798038103d269b633813fc60c', 'hex');
const SPAN_ID = Buffer.from('eee19b7ec3c1b174', 'hex');

/** A request whose every message has fields that OTLP 1.11 does not: numbers and texts, some of them secret. */
function newerRequest(text: string): Buffer {
  const writer = new WireWriter();
  const newer = (): void => {
    writer.varintField(900, 1234);
    writer.fixed64Field(901, 0x1122_3344_5566_7788n);
    writer.stringField(902, `newer field: ${text}`);
  };
  const resourceSpans = writer.begin(1);
  const resource = writer.begin(1);
  const attribute = writer.begin(1);
  writer.stringField(1, 'service.name');
  const value = writer.begin(2);
  writer.stringField(1, 'shop');
  newer();
  writer.end(value);
  newer();
  writer.end(attribute);
  newer();
  writer.end(resource);
  const scopeSpans = writer.begin(2);
  const span = writer.begin(2);
  writer.bytesField(1, TRACE_ID);
  writer.bytesField(2, SPAN_ID);
  writer.stringField(5, 'pay');
  newer();
  writer.end(span);
  newer();
  writer.end(scopeSpans);
  newer();
  writer.end(resourceSpans);
  newer();
  return writer.finish();
}

const addressOf = (text: string): Target['grpc'] => {
  const [host = '', port = ''] = text.split(':');
  return { host, port: Number(port) };
};
const targetOf = (docket: DocketProcess): Target => ({
  grpc: addressOf(docket.otlpGrpc),
  http: addressOf(docket.otlpHttp),
});

describe.each([
  ['grpc', openGrpcSink],
  ['http', openHttpSink],
] as const)('over %s', (_protocol, open) => {
  let sink: OtlpSink;
  let docket: DocketProcess;
  let target: Target;

  beforeEach(async () => {
    sink = await open();
    docket = await startDocket({
      environment: { DOCKET_FORWARD_URL: sink.url, DOCKET_FORWARD_HEADERS: 'authorization=Bearer%20abc' },
    });
    target = targetOf(docket);
  });

  afterEach(async () => {
    await docket.dispose();
    await sink.close();
  });

  test('fields newer than Docket’s schema come out as they went in', async () => {
    const request = newerRequest('nothing to hide');
    expect((await exportOver('gRPC', target, 'traces', request)).code).toBe(0);
    await expect.poll(() => sink.received.length, { timeout: 20_000 }).toBe(1);
    expect(sink.received[0]?.bytes).toEqual(request);
    expect(sink.received[0]?.headers).toMatchObject({ authorization: 'Bearer abc' });
  });

  test('of one that holds a secret the secret alone goes, in text and in messages', async () => {
    const nested = new WireWriter();
    const message = nested.begin(903);
    nested.stringField(1, `newer message: ${secret} and more`);
    nested.varintField(2, 77);
    nested.end(message);
    const request = Buffer.concat([newerRequest(secret), nested.finish()]);
    expect((await exportOver('HTTP protobuf', target, 'traces', request)).code).toBe(0);
    await expect.poll(() => sink.received.length, { timeout: 20_000 }).toBe(1);
    const arrived = Buffer.from(sink.received[0]?.bytes ?? []);
    expect(arrived.includes(secret)).toBe(false);
    const text = arrived.toString('latin1');
    expect(text.match(/newer field: \[redacted:github-pat~[0-9a-f]{10}\]/g)).toHaveLength(7);
    // The message around the text is one still: its number follows.
    expect(text).toMatch(/newer message: \[redacted:github-pat~[0-9a-f]{10}\] and more/);
    expect(arrived.subarray(-2)).toEqual(Buffer.from([0x10, 77]));
    let found = 0;
    const sought = Buffer.alloc(8);
    sought.writeBigUInt64LE(0x1122_3344_5566_7788n);
    for (let at = arrived.indexOf(sought); at >= 0; at = arrived.indexOf(sought, at + 8)) found += 1;
    expect(found).toBe(7);
  });

  test('an endpoint that is away while Docket is killed gets everything once, asked again no sooner than it said', async () => {
    const sent: string[] = [];
    const send = async (count: number): Promise<void> => {
      for (let each = 0; each < count; each += 1) {
        const name = `request ${sent.length}.`;
        sent.push(name);
        expect((await exportOver('HTTP JSON', target, 'traces', spanNamed(name))).code).toBe(0);
      }
    };
    const arrived = (): string[] =>
      sink.taken.flatMap(({ bytes }) => sent.filter((name) => bytes.includes(name))).toSorted();
    await send(5);
    await expect.poll(arrived, { timeout: 20_000 }).toEqual(sent.toSorted());
    expect(await docket.stop()).toBe(0);

    const asked: number[] = [];
    sink.answer = () => {
      asked.push(performance.now());
      return { httpStatus: 429, httpHeaders: { 'retry-after': '1' }, grpcCode: status.UNAVAILABLE, grpcDetails: LATER };
    };
    docket = await docket.restart();
    await send(20);
    await expect.poll(() => asked.length, { timeout: 20_000 }).toBeGreaterThan(0);
    // Requests that were on their way together were asked together; the next come when the endpoint said.
    await expect.poll(() => asked.some((at) => at - (asked[0] ?? 0) > 500), { timeout: 20_000 }).toBe(true);
    expect(asked.find((at) => at - (asked[0] ?? 0) > 500)).toBeGreaterThan((asked[0] ?? 0) + 950);
    await docket.kill();
    docket = await docket.restart();
    await send(10);
    await docket.kill();
    docket = await docket.restart();
    expect(arrived()).toHaveLength(5);

    sink.answer = () => ({});
    await expect.poll(arrived, { timeout: 40_000 }).toEqual(sent.toSorted());
    await send(1);
    await expect.poll(arrived, { timeout: 20_000 }).toEqual(sent.toSorted());
  });
});

/** google.rpc.Status with a RetryInfo of a second. */
const LATER = encodeStatus({ code: RPC_CODE.unavailable, message: 'later', retryDelayMs: 1_000 });

const spanNamed = (name: string): object => ({
  resourceSpans: [
    { scopeSpans: [{ spans: [{ traceId: TRACE_ID.toString('hex'), spanId: SPAN_ID.toString('hex'), name }] }] },
  ],
});

test.each([
  ['grpcs', openGrpcSink],
  ['https', openHttpSink],
] as const)(
  'over %s only an endpoint whose certificate is trusted gets anything, and nothing is lost until it is',
  async (_scheme, open) => {
    const folder = mkdtempSync(join(tmpdir(), 'docket-authority-'));
    const authority = join(folder, 'authority.pem');
    const certificate = createCertificate();
    writeFileSync(authority, certificate.certificate);
    const sink = await open(certificate);
    let docket = await startDocket({
      environment: { DOCKET_FORWARD_URL: sink.url, DOCKET_FORWARD_HEADERS: 'authorization=Bearer%20abc' },
    });
    try {
      expect((await exportOver('gRPC', targetOf(docket), 'traces', spanNamed('over TLS'))).code).toBe(0);
      const behind = async (): Promise<string> => (await fetch(`http://${docket.api}/readyz`)).text();
      await expect.poll(behind, { timeout: 20_000 }).toMatch(/forward: 1 requests behind for \d+ s, failed \d+ times/);
      expect(sink.received).toEqual([]);
      await docket.kill();
      docket = await docket.restart({ NODE_EXTRA_CA_CERTS: authority });
      await expect.poll(() => sink.taken.length, { timeout: 40_000 }).toBe(1);
      expect(sink.taken[0]?.bytes.includes('over TLS')).toBe(true);
      expect(sink.taken[0]?.headers).toMatchObject({ authorization: 'Bearer abc' });
    } finally {
      await docket.dispose();
      await sink.close();
      rmSync(folder, { recursive: true });
    }
  },
);
