import { Metadata, status } from '@grpc/grpc-js';
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import {
  createGrpcClient,
  EXPORT_PATH,
  GOOD,
  protobufOf,
  type ReceiverUnderTest,
  startReceiver,
} from './receiver-under-test.ts';

const LIMIT = 1024 * 1024;
let target: ReceiverUnderTest;
let client: ReturnType<typeof createGrpcClient>;

beforeAll(async () => {
  target = await startReceiver({ limits: { requestBytesMax: LIMIT } });
  client = createGrpcClient(target.grpc);
});
afterEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(async () => {
  client.close();
  await target.close();
});

/** One gRPC message as raw bytes on a stream of its own: what a client library would refuse to send. */
function sendFrame(frame: Buffer, encoding: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://${target.grpc.host}:${target.grpc.port}`);
    session.on('error', reject);
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT_PATH.traces,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-encoding': encoding,
    });
    const settle = (headers: Record<string, unknown>): void => {
      if (headers['grpc-status'] === undefined) return;
      session.destroy();
      resolve(Number(headers['grpc-status']));
    };
    stream.on('response', settle);
    stream.on('trailers', settle);
    stream.on('error', reject);
    stream.resume();
    stream.end(frame);
  });
}

const framed = (body: Buffer, compressed: boolean): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
};

describe('T1: malformed gzip is answered and the process lives on', () => {
  const whole = gzipSync(protobufOf('traces', GOOD.traces));
  const flipped = Buffer.from(whole);
  flipped[20] = (flipped[20] ?? 0) ^ 0xff;
  test.each([
    ['text', Buffer.from('not gzip at all')],
    ['a truncated stream', whole.subarray(0, whole.length - 12)],
    ['a stream with flipped bits', flipped],
  ])('%s', async (_, body) => {
    const code = await sendFrame(framed(body, true), 'gzip');
    expect([status.INTERNAL, status.INVALID_ARGUMENT]).toContain(code);
    expect(target.handled).toEqual([]);
    const next = await client.call(EXPORT_PATH.traces, protobufOf('traces', GOOD.traces));
    expect(next.code).toBe(status.OK);
  });
});

test('R1: gzip requests are taken', async () => {
  const gzipped = createGrpcClient(target.grpc, { 'grpc.default_compression_algorithm': 2 });
  const answer = await gzipped.call(EXPORT_PATH.traces, protobufOf('traces', GOOD.traces));
  gzipped.close();
  expect(answer.code).toBe(status.OK);
  expect(target.handled).toHaveLength(1);
});

test('R5: a request over the limit is RESOURCE_EXHAUSTED without RetryInfo', async () => {
  const answer = await client.call(EXPORT_PATH.traces, Buffer.alloc(LIMIT + 1));
  expect(answer.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(answer.statusDetails).toBeUndefined();
});

test('R5: a gzip bomb is RESOURCE_EXHAUSTED', async () => {
  expect(await sendFrame(framed(gzipSync(Buffer.alloc(64 * LIMIT)), true), 'gzip')).toBe(status.RESOURCE_EXHAUSTED);
});

test.each(SIGNALS)('R9, R10: %s are taken and full success is an empty message', async (signal) => {
  const answer = await client.call(EXPORT_PATH[signal], protobufOf(signal, GOOD[signal]));
  expect(answer).toMatchObject({ code: status.OK, response: Buffer.alloc(0) });
  expect(target.handled).toMatchObject([{ signal, tenant: 'default', items: 1 }]);
});

test.each(SIGNALS)('R11: an empty %s request succeeds without the handler', async (signal) => {
  const answer = await client.call(EXPORT_PATH[signal], Buffer.alloc(0));
  expect(answer).toMatchObject({ code: status.OK, response: Buffer.alloc(0) });
  expect(target.handled).toEqual([]);
});

test('R12, R38: spans without valid ids are counted in a partial success and the rest is taken', async () => {
  const request = {
    resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'bad' }] }] }, ...Object.values(GOOD.traces).flat()],
  };
  const answer = await client.call(EXPORT_PATH.traces, protobufOf('traces', request));
  expect(answer.code).toBe(status.OK);
  expect(answer.response?.subarray(2, 4)).toEqual(Buffer.from([0x08, 1]));
  expect(answer.response?.toString()).toContain('1 span without a valid trace_id');
  expect(target.handled).toMatchObject([{ items: 1 }]);
});

test('R15: a retryable outcome is UNAVAILABLE with RetryInfo', async () => {
  target.answerWith(async () => ({ kind: 'retryable', message: 'spool full', retryAfterMs: 7000 }));
  const answer = await client.call(EXPORT_PATH.logs, protobufOf('logs', GOOD.logs));
  expect(answer).toMatchObject({ code: status.UNAVAILABLE, details: 'spool full' });
  expect(answer.statusDetails?.toString('latin1')).toContain('google.rpc.RetryInfo');
});

test('R16: malformed bytes are INVALID_ARGUMENT with BadRequest', async () => {
  const answer = await client.call(EXPORT_PATH.traces, Buffer.from('garbage'));
  expect(answer.code).toBe(status.INVALID_ARGUMENT);
  expect(answer.statusDetails?.toString('latin1')).toContain('google.rpc.BadRequest');
});

test('R17: a handler that throws is UNAVAILABLE, never INTERNAL, and says nothing of the error', async () => {
  target.answerWith(() => Promise.reject(new Error('secret text of the request')));
  const answer = await client.call(EXPORT_PATH.traces, protobufOf('traces', GOOD.traces));
  expect(answer.code).toBe(status.UNAVAILABLE);
  expect(answer.details).not.toContain('secret');
});

test('R19: many calls on one connection are answered together', async () => {
  const body = protobufOf('traces', GOOD.traces);
  const answers = await Promise.all(Array.from({ length: 200 }, () => client.call(EXPORT_PATH.traces, body)));
  expect(answers.map((answer) => answer.code)).toEqual(answers.map(() => status.OK));
  expect(target.handled).toHaveLength(200);
});

test('R20, R48: profiles are UNIMPLEMENTED and the connection stays good', async () => {
  const path = '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export';
  expect((await client.call(path, Buffer.alloc(0))).code).toBe(status.UNIMPLEMENTED);
  expect((await client.call(EXPORT_PATH.traces, Buffer.alloc(0))).code).toBe(status.OK);
});

test('the health service says SERVING for the server and for its services', async () => {
  const path = '/grpc.health.v1.Health/Check';
  expect((await client.call(path, Buffer.alloc(0))).response).toEqual(Buffer.from([0x08, 0x01]));
  const service = Buffer.from('opentelemetry.proto.collector.trace.v1.TraceService');
  const request = Buffer.concat([Buffer.from([0x0a, service.length]), service]);
  expect((await client.call(path, request)).response).toEqual(Buffer.from([0x08, 0x01]));
  expect((await client.call(path, Buffer.from([0x0a, 0x01, 0x78]))).code).toBe(status.NOT_FOUND);
});

describe('T16: callers', () => {
  test('a call without valid credentials is UNAUTHENTICATED, one with them has their tenant', async () => {
    const guarded = await startReceiver({
      authenticate: ({ get }) => (get('Authorization') === 'Bearer right' ? { tenant: 'acme' } : undefined),
    });
    const caller = createGrpcClient(guarded.grpc);
    const body = protobufOf('traces', GOOD.traces);
    expect((await caller.call(EXPORT_PATH.traces, body)).code).toBe(status.UNAUTHENTICATED);
    const metadata = new Metadata();
    metadata.set('authorization', 'Bearer right');
    expect((await caller.call(EXPORT_PATH.traces, body, metadata)).code).toBe(status.OK);
    expect(guarded.handled).toMatchObject([{ tenant: 'acme' }]);
    caller.close();
    await guarded.close();
  });
});

test('R18: what does not fit the budget of bytes in flight is UNAVAILABLE with RetryInfo', async () => {
  const small = await startReceiver({ limits: { inFlightBytesMax: 8 } });
  const caller = createGrpcClient(small.grpc);
  const answer = await caller.call(EXPORT_PATH.traces, protobufOf('traces', GOOD.traces));
  expect(answer.code).toBe(status.UNAVAILABLE);
  expect(answer.statusDetails?.toString('latin1')).toContain('google.rpc.RetryInfo');
  caller.close();
  await small.close();
});

test('R51: closing answers the call under way', async () => {
  const leaving = await startReceiver();
  const caller = createGrpcClient(leaving.grpc);
  let finish: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    leaving.answerWith(async () => {
      resolve();
      await new Promise<void>((done) => {
        finish = done;
      });
      return ACCEPTED;
    });
  });
  const answer = caller.call(EXPORT_PATH.traces, protobufOf('traces', GOOD.traces));
  await started;
  const closed = leaving.close();
  finish();
  expect((await answer).code).toBe(status.OK);
  await closed;
  caller.close();
});
