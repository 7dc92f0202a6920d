import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { Metadata } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import {
  createGrpcClient,
  EXPORT_PATH,
  GOOD,
  protobufOf,
  type ReceiverUnderTest,
  startReceiver,
} from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import {
  lz4Frame,
  lz4WithRun,
  snappyBlock,
  snappyStream,
  snappyWithRun,
  zstdFrame,
  zstdRun,
} from '../support/compressed-bodies.ts';
import { exportOver, grpcFrame, type HttpAnswer, post, rawCall, WIRES } from './wire.ts';

const LIMIT = 1024 * 1024;
const EXAMPLES = join(import.meta.dirname, 'examples');
const CODE = { ok: 0, invalidArgument: 3, resourceExhausted: 8, unimplemented: 12 } as const;
let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver({ limits: { requestBytesMax: LIMIT } });
});
beforeEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

const goodJson = JSON.stringify(GOOD.traces);
/** A JSON request padded with white space to an exact size. */
const padded = (size: number): Buffer => Buffer.from(goodJson.padEnd(size, ' '));

/** A protobuf request of an exact size: the good one and an unknown field of filling behind it. */
function filled(size: number): Buffer {
  const good = protobufOf('traces', GOOD.traces);
  // Field 100 (tag 0xa2 0x06), length in a varint of four bytes.
  const filling = size - good.length - 6;
  const head = Buffer.from([
    0xa2,
    0x06,
    (filling & 0x7f) | 0x80,
    ((filling >> 7) & 0x7f) | 0x80,
    ((filling >> 14) & 0x7f) | 0x80,
    filling >> 21,
  ]);
  return Buffer.concat([good, head, Buffer.alloc(filling)]);
}

const sized = (wire: (typeof WIRES)[number], size: number): Buffer =>
  wire === 'HTTP JSON' ? padded(size) : filled(size);

requirement(
  {
    number: 1,
    level: 'MUST',
    sentence: 'requests come plain or gzip, on both transports',
    docket: 'Several gzip members are one body.',
    collector: 'yes; several gzip members too',
  },
  () => {
    test.each(WIRES)('%s, plain and gzip, are the same request', async (wire) => {
      expect((await exportOver(wire, target, 'traces', GOOD.traces)).code).toBe(CODE.ok);
      expect((await exportOver(wire, target, 'traces', GOOD.traces, { gzip: true })).code).toBe(CODE.ok);
      expect(target.handled).toHaveLength(2);
      expect(target.handled[0]?.bytes).toEqual(target.handled[1]?.bytes);
    });

    test('gzip of several members is one body', async () => {
      const body = Buffer.concat([gzipSync(goodJson.slice(0, 10)), gzipSync(goodJson.slice(10))]);
      const answer = await post(target, '/v1/traces', body, { headers: { 'content-encoding': 'gzip' } });
      expect(answer.status).toBe(200);
      expect(target.handled).toMatchObject([{ items: 1 }]);
    });
  },
);

requirement(
  {
    number: 2,
    level: 'industry',
    sentence: 'other compressions are taken: zstd, snappy, deflate, lz4',
    docket:
      'zstd, snappy (a block or a stream, over HTTP also by the name x-snappy-framed), deflate (over HTTP also by the name zlib) and lz4, on both transports, with the same limits; others are refused, naming what is taken.',
    collector: 'zstd, zlib, snappy, deflate; lz4 over HTTP',
  },
  () => {
    test.each([
      ['zstd', 'trace.json.zst'],
      ['snappy', 'trace.json.snappy'],
      ['snappy', 'trace.json.snappy-framed'],
      ['x-snappy-framed', 'trace.json.snappy-framed'],
      ['lz4', 'trace.json.lz4'],
    ])('what the encoders of the Collector make is the same request: %s, %s', async (encoding, name) => {
      const plain = readFileSync(join(EXAMPLES, 'trace.json'));
      const headers = { 'content-encoding': encoding };
      const compressed = readFileSync(join(EXAMPLES, 'compressed', name));
      expect((await post(target, '/v1/traces', plain)).status).toBe(200);
      expect((await post(target, '/v1/traces', compressed, { headers })).status).toBe(200);
      expect(target.handled).toHaveLength(2);
      expect(target.handled[1]?.bytes).toEqual(target.handled[0]?.bytes);
    });
    test.each([
      ['gzip of several members', 'gzip', Buffer.concat([gzipSync(padded(12_000)), gzipSync(Buffer.alloc(9, ' '))])],
      ['deflate', 'deflate', deflateSync(padded(12_000))],
    ])(
      '%s that expands more than is usual takes room for what it holds, not for a whole request',
      async (_, encoding, body) => {
        expect(body.length * 128).toBeLessThan(LIMIT / 2);
        const small = await startReceiver({ limits: { requestBytesMax: LIMIT, inFlightBytesMax: LIMIT } });
        const headers = { 'content-encoding': encoding };
        expect((await post(small, '/v1/traces', body, { headers })).status).toBe(200);
        await small.close();
      },
    );
    test('zstd, snappy and lz4 are the same request over gRPC', async () => {
      const body = protobufOf('traces', GOOD.traces);
      const element = { literal: body };
      for (const [encoding, compressed] of [
        ['zstd', zstdFrame([{ raw: body }])],
        ['snappy', snappyStream([{ block: snappyBlock([element]), output: body }])],
        ['lz4', lz4Frame([{ plain: body }], { output: body })],
      ] as const) {
        const answer = await rawCall(target, grpcFrame(compressed, true), { 'grpc-encoding': encoding });
        expect(answer).toMatchObject({ 'grpc-status': '0' });
      }
      expect(target.handled.map(({ bytes }) => bytes)).toEqual([body, body, body]);
    });
    test('zstd, snappy and lz4 have the same limit', async () => {
      const json = Buffer.from(goodJson);
      for (const [size, status] of [
        [LIMIT, 200],
        [LIMIT + 1, 413],
      ] as const) {
        const more = size - json.length;
        const zstd = zstdFrame([{ raw: json }, ...zstdRun(0x20, more)]);
        // The last byte of JSON comes again and again where white space is: a space behind it.
        const snappy = snappyWithRun(Buffer.concat([json, Buffer.from(' ')]), more - 1);
        const lz4 = lz4WithRun(Buffer.concat([json, Buffer.from(' ')]), more - 1);
        for (const [encoding, body] of Object.entries({ zstd, snappy, lz4 })) {
          const answer = await post(target, '/v1/traces', body, { headers: { 'content-encoding': encoding } });
          expect([encoding, answer.status]).toEqual([encoding, status]);
        }
      }
    });
    test('deflate is the same request, on both transports', async () => {
      const whole = deflateSync(protobufOf('traces', GOOD.traces));
      for (const encoding of ['deflate', 'zlib']) {
        const headers = { 'content-encoding': encoding, 'content-type': 'application/x-protobuf' };
        expect((await post(target, '/v1/traces', whole, { headers })).status).toBe(200);
      }
      const client = createGrpcClient(target.grpc, { 'grpc.default_compression_algorithm': 1 });
      const filling = filled(4096);
      expect((await client.call(EXPORT_PATH.traces, filling, new Metadata())).code).toBe(CODE.ok);
      client.close();
      expect(target.handled.map(({ bytes }) => bytes.length)).toEqual([
        protobufOf('traces', GOOD.traces).length,
        protobufOf('traces', GOOD.traces).length,
        filling.length,
      ]);
    });
    test('deflate has the same limit, and room for what expands more than is usual', async () => {
      const headers = { 'content-encoding': 'deflate' };
      expect((await post(target, '/v1/traces', deflateSync(padded(LIMIT)), { headers })).status).toBe(200);
      expect((await post(target, '/v1/traces', deflateSync(padded(LIMIT + 1)), { headers })).status).toBe(413);
      expect((await post(target, '/v1/traces', deflateSync(Buffer.alloc(64 * LIMIT)), { headers })).status).toBe(413);
    });
    test('HTTP refuses others and says what it takes', async () => {
      for (const encoding of ['br', 'compress', 'gzip, deflate']) {
        const answer = await post(target, '/v1/traces', 'x', { headers: { 'content-encoding': encoding } });
        expect(answer).toMatchObject({
          status: 415,
          headers: { 'accept-encoding': 'gzip, deflate, zstd, snappy, lz4, identity' },
        });
      }
    });
    test('gRPC refuses others and says what it takes', async () => {
      for (const encoding of ['compress', 'br']) {
        const answer = await rawCall(target, grpcFrame(Buffer.alloc(0)), { 'grpc-encoding': encoding });
        expect(answer).toMatchObject({
          'grpc-status': '12',
          'grpc-accept-encoding': 'gzip, deflate, zstd, snappy, lz4, identity',
        });
      }
    });
  },
);

requirement(
  {
    number: 3,
    level: 'industry',
    sentence: 'an unsupported Content-Encoding is refused with a Status',
    docket: '415 (RFC 9110).',
    collector: '400',
  },
  () => {
    test('the body is a Status in the encoding of the request', async () => {
      const headers = { 'content-encoding': 'br' };
      const json = await exportOver('HTTP JSON', target, 'traces', Buffer.from('x'), { headers });
      expect(json).toMatchObject({ httpStatus: 415, code: CODE.invalidArgument });
      expect(json.message).toContain('gzip');
      const protobuf = await exportOver('HTTP protobuf', target, 'traces', Buffer.from('x'), { headers });
      expect(protobuf).toMatchObject({ httpStatus: 415, message: json.message });
    });
  },
);

requirement(
  {
    number: 4,
    level: 'MUST',
    sentence: 'message size is limited, also after decompression',
    docket: '64 MiB unless `otlp.request_max` says less. JSON whose protobuf would be larger is refused too.',
    collector: 'HTTP 20 MiB, gRPC 4 MiB',
  },
  () => {
    test.each(WIRES)('%s: exactly the limit passes, one byte more does not', async (wire) => {
      for (const gzip of [false, true]) {
        expect((await exportOver(wire, target, 'traces', sized(wire, LIMIT), { gzip })).code).toBe(CODE.ok);
        expect((await exportOver(wire, target, 'traces', sized(wire, LIMIT + 1), { gzip })).code).toBe(
          CODE.resourceExhausted,
        );
      }
    });
    test('the default limit is 64 MiB', async () => {
      const standard = await startReceiver();
      const body = gzipSync(padded(64 * LIMIT));
      const headers = { 'content-encoding': 'gzip' };
      expect((await post(standard, '/v1/traces', body, { headers })).status).toBe(200);
      const more = gzipSync(padded(64 * LIMIT + 1));
      expect((await post(standard, '/v1/traces', more, { headers })).status).toBe(413);
      await standard.close();
    });
    test('JSON whose protobuf is larger than the limit is refused', async () => {
      // Each `0,` becomes eight bytes.
      const counts = '0,'.repeat(LIMIT / 4).slice(0, -1);
      const body = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[${counts}]}]}}]}]}]}`;
      expect(body.length).toBeLessThan(LIMIT);
      expect((await post(target, '/v1/metrics', body)).status).toBe(413);
    });
  },
);

requirement(
  {
    number: 5,
    level: 'MUST',
    sentence: 'gRPC over the limit is RESOURCE_EXHAUSTED without RetryInfo',
    docket: 'Refused from the announced length, before the message is read.',
    collector: 'yes',
  },
  () => {
    test.each([false, true])('gzip %s', async (gzip) => {
      const answer = await exportOver('gRPC', target, 'traces', filled(LIMIT + 1), { gzip });
      expect(answer).toMatchObject({ code: CODE.resourceExhausted, retryDelayMs: undefined });
    });
  },
);

requirement(
  {
    number: 6,
    level: 'MUST',
    sentence: 'HTTP over the limit is 413 Content Too Large',
    docket: 'Also for chunked bodies; a sender that asks with `Expect: 100-continue` hears it before it sends.',
    collector: '400',
  },
  () => {
    test('a declared length', async () => {
      expect((await post(target, '/v1/traces', padded(LIMIT + 1))).status).toBe(413);
    });
    test('a body without a declared length', async () => {
      expect((await post(target, '/v1/traces', padded(LIMIT), { chunked: true })).status).toBe(200);
      expect((await post(target, '/v1/traces', padded(LIMIT + 1), { chunked: true })).status).toBe(413);
    });
    test('after decompression', async () => {
      const headers = { 'content-encoding': 'gzip' };
      expect((await post(target, '/v1/traces', gzipSync(padded(LIMIT)), { headers })).status).toBe(200);
      expect((await post(target, '/v1/traces', gzipSync(padded(LIMIT + 1)), { headers })).status).toBe(413);
    });
    test.each([
      [LIMIT + 1, 'application/json', 'HTTP/1.1 413'],
      [2, 'text/plain', 'HTTP/1.1 415'],
      [2, 'application/json', 'HTTP/1.1 100 Continue'],
    ])('a sender that asks first with %i bytes of %s is told %s', async (length, type, expected) => {
      const socket = connect(target.http.port, target.http.host);
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\nexpect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`,
      );
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(data.toString().startsWith(expected)).toBe(true);
      socket.destroy();
    });
  },
);

requirement(
  {
    number: 7,
    level: 'MUST',
    sentence: 'response size is limited, the message being cut first',
    docket: 'Messages are cut to 1 KiB, so a response stays under 3 KiB.',
  },
  () => {
    test.each(WIRES)('%s: partial success and errors', async (wire) => {
      target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'ü'.repeat(100_000) }));
      const partial = await exportOver(wire, target, 'traces', GOOD.traces);
      expect(partial.rejected).toBe(1);
      expect(Buffer.byteLength(partial.errorMessage)).toBeLessThanOrEqual(1024);
      expect(partial.errorMessage).toMatch(/^ü+…$/);
      target.answerWith(async () => ({ kind: 'permanent', code: 'invalid_argument', message: 'x'.repeat(100_000) }));
      const failed = await exportOver(wire, target, 'traces', GOOD.traces);
      expect(failed.message.length).toBeLessThanOrEqual(1024);
      expect(failed.body.length).toBeLessThan(3072);
    });
  },
);

requirement(
  {
    number: 8,
    level: 'MAY',
    sentence: 'responses are gzip where the request accepts it',
    docket: 'Answers of 512 bytes and more.',
    collector: 'never',
  },
  () => {
    test.each(['application/json', 'application/x-protobuf'])('a long answer in %s', async (type) => {
      target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'too old '.repeat(100) }));
      const body = type === 'application/json' ? goodJson : protobufOf('traces', GOOD.traces);
      const answer = (accepted: string): Promise<HttpAnswer> =>
        post(target, '/v1/traces', body, { headers: { 'content-type': type, 'accept-encoding': accepted } });
      const plain = await answer('identity');
      expect(plain.headers['content-encoding']).toBeUndefined();
      expect(plain.body.length).toBeGreaterThan(700);
      for (const accepted of ['gzip', 'deflate, GZIP;q=0.5', 'br;q=1.0, gzip ;q=1']) {
        const packed = await answer(accepted);
        expect(packed.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': type });
        expect(gunzipSync(packed.body)).toEqual(plain.body);
      }
      for (const refused of ['', 'deflate', 'gzip;q=0', 'gzip;q=0.00', 'xgzip']) {
        expect((await answer(refused)).body).toEqual(plain.body);
      }
    });
    test('a short answer stays as it is', async () => {
      const answer = await post(target, '/v1/traces', goodJson, { headers: { 'accept-encoding': 'gzip' } });
      expect(answer.headers['content-encoding']).toBeUndefined();
      expect(answer.body.toString()).toBe('{}');
    });
    test('an error is packed too', async () => {
      target.answerWith(async () => ({ kind: 'permanent', code: 'invalid_argument', message: 'x'.repeat(800) }));
      const answer = await post(target, '/v1/traces', goodJson, { headers: { 'accept-encoding': 'gzip' } });
      expect(answer).toMatchObject({ status: 400, headers: { 'content-encoding': 'gzip' } });
      expect(JSON.parse(gunzipSync(answer.body).toString())).toMatchObject({ code: 3 });
    });
  },
);
