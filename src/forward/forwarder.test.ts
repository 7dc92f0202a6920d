import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openGrpcSink, openHttpSink, type OtlpSink, type SinkAnswer } from '../../test/contract/frame-consumer-sink.ts';
import { batchOf } from '../../test/contract/frame-consumer.ts';
import { frameLabelled } from '../../test/fault/spool/frames.ts';
import { encodeExportResponse } from '../otlp/protobuf/export-response.ts';
import { encodeStatus, RPC_CODE } from '../otlp/protobuf/status.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { createSpool } from '../spool/spool.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createForwarder, type Forwarder, type ForwarderOptions } from './forwarder.ts';

const logger = createLogger('silent');
let metrics: Metrics;
let sink: OtlpSink;
let forwarder: Forwarder | undefined;

beforeEach(() => {
  metrics = createMetrics();
});

afterEach(async () => {
  forwarder?.close();
  await sink.close();
  await metrics.close();
});

function forward(options: Partial<ForwarderOptions> = {}): Forwarder {
  forwarder = createForwarder({ url: sink.url, meter: metrics.meter, logger, ...options });
  return forwarder;
}

/** A request with one span whose name is `a`. */
const GOOD_SPAN = Buffer.from([0x0a, 0x07, 0x12, 0x05, 0x12, 0x03, 0x2a, 0x01, 0x61]);
const busy = encodeStatus({ code: RPC_CODE.unavailable, message: 'busy', retryDelayMs: 2_500 });

describe.each([
  ['HTTP', openHttpSink],
  ['gRPC', openGrpcSink],
] as const)('over %s', (protocol, open) => {
  beforeEach(async () => {
    sink = await open();
  });

  test.each(['gzip', 'none'] as const)('every signal arrives unchanged with compression %s', async (compression) => {
    const frames = (['traces', 'logs', 'metrics'] as const).map((signal) => ({
      ...frameLabelled(`a frame of ${signal}`, 100_000),
      signal,
    }));
    const consumer = forward({ compression, headers: { authorization: 'Bearer abc', 'X-Scope': 'one' } });
    expect(await consumer.consume(batchOf(frames))).toEqual({ kind: 'accepted', setAside: 0 });
    expect(sink.taken.length).toBe(3);
    for (const { signal, bytes } of frames) {
      const arrived = sink.taken.find((each) => each.signal === signal);
      expect(arrived?.bytes.equals(bytes)).toBe(true);
      expect(arrived?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-scope': 'one' });
    }
  });

  test('items that the endpoint rejects in a partial success are counted as set aside', async () => {
    sink.answer = () => ({ response: encodeExportResponse({ rejected: 3, message: 'too old' }) });
    const frame = { ...frameLabelled('a'), items: 10 };
    expect(await forward().consume(batchOf([frame]))).toEqual({ kind: 'accepted', setAside: 3 });
    const text = await metrics.prometheusText();
    expect(text).toMatch(/docket_forward_items_total\{signal="traces",outcome="rejected"[^}]*\} 3/);
    expect(text).toMatch(/docket_forward_items_total\{signal="traces",outcome="accepted"[^}]*\} 7/);
  });

  test('a batch of which every request is refused is permanent, with a code and no text of the endpoint', async () => {
    sink.answer = () => ({ httpStatus: 401, grpcCode: status.UNAUTHENTICATED });
    expect(await forward().consume(batchOf([frameLabelled('a'), frameLabelled('b')]))).toEqual({
      kind: 'permanent',
      reason: `the forward endpoint answered ${protocol === 'HTTP' ? 'HTTP 401' : 'gRPC UNAUTHENTICATED'}`,
    });
  });

  test('a refused request is set aside with its items while the others go on', async () => {
    sink.answer = ({ bytes }) =>
      bytes.toString('latin1').startsWith('b|') ? { httpStatus: 500, grpcCode: status.INTERNAL } : {};
    const frames = ['a', 'b', 'c'].map((label) => ({ ...frameLabelled(label), items: 5 }));
    expect(await forward().consume(batchOf(frames))).toEqual({ kind: 'accepted', setAside: 5 });
    expect(sink.taken.length).toBe(2);
    expect(await metrics.prometheusText()).toMatch(/docket_forward_items_total\{[^}]*outcome="refused"[^}]*\} 5/);
  });

  test('a request refused for a group is sent once more without it; one that is refused for something else is not', async () => {
    // Field 900 of the request: 900 << 3 | 3 is 0xa3 0x38, its end 0xa4 0x38.
    const group = Buffer.from([0xa3, 0x38, 0x08, 0x01, 0xa4, 0x38]);
    sink.answer = ({ bytes }) =>
      bytes.includes(group) || bytes.length === 0 ? { httpStatus: 400, grpcCode: status.INTERNAL } : {};
    const withGroup = {
      ...frameLabelled('a'),
      bytes: markRedacted<Uint8Array>(Buffer.concat([GOOD_SPAN, group])),
      items: 3,
    };
    const empty = { ...frameLabelled('b'), bytes: markRedacted<Uint8Array>(Buffer.alloc(0)), items: 1 };
    const consumer = forward();
    expect(await consumer.consume(batchOf([withGroup, empty]))).toEqual({ kind: 'accepted', setAside: 1 });
    expect(sink.taken.map(({ bytes }) => bytes)).toEqual([GOOD_SPAN]);
    expect(sink.received).toHaveLength(3);
    expect(consumer.status()).toMatchObject({ acceptedItems: 3, refusedItems: 1, refusedRequests: 1, leftOut: 1 });
    const text = await metrics.prometheusText();
    expect(text).toMatch(/docket_forward_left_out_total\{signal="traces",what="group"[^}]*\} 1/);
    expect(text).toMatch(/docket_forward_requests_total\{signal="traces",outcome="refused"[^}]*\} 2/);
  });

  test('an endpoint that is not there is retryable', async () => {
    await sink.close();
    expect((await forward().consume(batchOf([frameLabelled('a')]))).kind).toBe('retryable');
  });

  test('an endpoint that never answers is retryable after the timeout', async () => {
    sink.answer = () => ({ silent: true });
    expect((await forward({ timeoutMs: 50 }).consume(batchOf([frameLabelled('a')]))).kind).toBe('retryable');
  });

  test('a repeated attempt sends only what was not taken', async () => {
    sink.answer = (_request, ordinal) => (ordinal % 2 === 0 ? {} : { httpStatus: 503, grpcCode: status.UNAVAILABLE });
    const batch = batchOf(Array.from({ length: 20 }, (_, at) => frameLabelled(`f${at}`)));
    const consumer = forward();
    let outcome = await consumer.consume(batch);
    for (let attempt = 0; outcome.kind === 'retryable' && attempt < 100; attempt += 1) {
      outcome = await consumer.consume({ ...batch, redelivered: true });
    }
    expect(outcome).toEqual({ kind: 'accepted', setAside: 0 });
    expect(sink.taken.length).toBe(20);
  });

  test('behind a real spool an endpoint that fails for a while gets everything, in full', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'docket-forward-'));
    sink.answer = (_request, ordinal) => (ordinal < 5 ? { httpStatus: 503, grpcCode: status.UNAVAILABLE } : {});
    const spool = createSpool({
      directory,
      meter: metrics.meter,
      logger,
      backoff: { initialMs: 1, maxMs: 10, factor: 2 },
    });
    spool.attach(forward());
    await spool.start();
    const frames = Array.from({ length: 30 }, (_, at) => frameLabelled(`f${at}`, 5_000));
    for (const frame of frames) expect((await spool.append(frame)).kind).toBe('accepted');
    expect(await spool.drain(20_000)).toBe(true);
    await spool.close();
    expect(sink.taken.map(({ bytes }) => bytes.toString('latin1')).sort()).toEqual(
      frames.map(({ bytes }) => Buffer.from(bytes).toString('latin1')).sort(),
    );
    await rm(directory, { recursive: true });
  });
});

describe('over HTTP, by R27 and R28', () => {
  beforeEach(async () => {
    sink = await openHttpSink();
  });

  test.each([
    [429, {}, { kind: 'retryable', reason: 'HTTP 429' }],
    [502, {}, { kind: 'retryable', reason: 'HTTP 502' }],
    [503, { 'retry-after': '7' }, { kind: 'retryable', reason: 'HTTP 503', delayMs: 7_000 }],
    [504, { 'retry-after': 'soon' }, { kind: 'retryable', reason: 'HTTP 504' }],
    [302, { location: 'http://127.0.0.1:1/' }, { kind: 'permanent' }],
    [400, { 'retry-after': '7' }, { kind: 'permanent' }],
    [413, {}, { kind: 'permanent' }],
    [500, {}, { kind: 'permanent' }],
  ] as const)('status %s with %o', async (httpStatus, httpHeaders, expected) => {
    sink.answer = () => ({ httpStatus, httpHeaders: { ...httpHeaders } });
    expect(await forward().consume(batchOf([frameLabelled('a')]))).toMatchObject(expected);
  });

  test('a connection that is cut instead of an answer is retryable', async () => {
    sink.answer = () => ({ hangUp: true });
    expect((await forward().consume(batchOf([frameLabelled('a')]))).kind).toBe('retryable');
  });

  test('a base path comes before the signal path', async () => {
    await forward({ url: `${sink.url}/otlp/` }).consume(batchOf([frameLabelled('a')]));
    expect(sink.taken[0]?.headers[':path']).toBe('/otlp/v1/traces');
  });

  test('a header that cannot be sent is refused when the forwarder is made', () => {
    expect(() => forward({ headers: { 'a b': 'c' } })).toThrow();
    expect(() => forward({ headers: { a: 'b\nc' } })).toThrow();
  });
});

describe('over gRPC, by R17', () => {
  beforeEach(async () => {
    sink = await openGrpcSink();
  });

  const answers: readonly (readonly [string, SinkAnswer, object])[] = [
    ['CANCELLED', { grpcCode: status.CANCELLED }, { kind: 'retryable' }],
    ['DEADLINE_EXCEEDED', { grpcCode: status.DEADLINE_EXCEEDED }, { kind: 'retryable' }],
    ['ABORTED', { grpcCode: status.ABORTED }, { kind: 'retryable' }],
    ['OUT_OF_RANGE', { grpcCode: status.OUT_OF_RANGE }, { kind: 'retryable' }],
    ['DATA_LOSS', { grpcCode: status.DATA_LOSS }, { kind: 'retryable' }],
    ['UNAVAILABLE', { grpcCode: status.UNAVAILABLE }, { kind: 'retryable', reason: 'gRPC UNAVAILABLE' }],
    [
      'UNAVAILABLE with RetryInfo',
      { grpcCode: status.UNAVAILABLE, grpcDetails: busy },
      { kind: 'retryable', delayMs: 2_500 },
    ],
    ['RESOURCE_EXHAUSTED', { grpcCode: status.RESOURCE_EXHAUSTED }, { kind: 'permanent' }],
    [
      'RESOURCE_EXHAUSTED with RetryInfo',
      { grpcCode: status.RESOURCE_EXHAUSTED, grpcDetails: busy },
      { kind: 'retryable', delayMs: 2_500 },
    ],
    ['UNKNOWN', { grpcCode: status.UNKNOWN }, { kind: 'permanent' }],
    ['INVALID_ARGUMENT', { grpcCode: status.INVALID_ARGUMENT }, { kind: 'permanent' }],
    ['NOT_FOUND', { grpcCode: status.NOT_FOUND }, { kind: 'permanent' }],
    ['ALREADY_EXISTS', { grpcCode: status.ALREADY_EXISTS }, { kind: 'permanent' }],
    ['PERMISSION_DENIED', { grpcCode: status.PERMISSION_DENIED }, { kind: 'permanent' }],
    ['UNAUTHENTICATED', { grpcCode: status.UNAUTHENTICATED }, { kind: 'permanent' }],
    ['FAILED_PRECONDITION', { grpcCode: status.FAILED_PRECONDITION }, { kind: 'permanent' }],
    ['UNIMPLEMENTED', { grpcCode: status.UNIMPLEMENTED }, { kind: 'permanent' }],
    ['INTERNAL with RetryInfo', { grpcCode: status.INTERNAL, grpcDetails: busy }, { kind: 'permanent' }],
  ];

  test.each(answers)('%s', async (_name, answer, expected) => {
    sink.answer = () => answer;
    expect(await forward().consume(batchOf([frameLabelled('a')]))).toMatchObject(expected);
  });
});
