import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import { openGrpcSink, openHttpSink, type OtlpSink } from '../contract/frame-consumer-sink.ts';
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
    const address = (text: string): Target['grpc'] => {
      const [host = '', port = ''] = text.split(':');
      return { host, port: Number(port) };
    };
    target = { grpc: address(docket.otlpGrpc), http: address(docket.otlpHttp) };
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
});
