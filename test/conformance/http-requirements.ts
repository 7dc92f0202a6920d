import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED, type ExportOutcome } from '../../src/pipeline/outcome.ts';
import {
  EXPORT_PATH,
  GOOD,
  protobufOf,
  type ReceiverUnderTest,
  SPAN_ID,
  startReceiver,
  TRACE_ID,
} from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import { exportOver, grpcFrame, type HttpAnswer, post, WIRES } from './wire.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';
const HTTP_WIRES = WIRES.filter((wire) => wire !== 'gRPC');
let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver({ corsAllowedOrigins: ['https://app.example'] });
});
beforeEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

const goodJson = JSON.stringify(GOOD.traces);
const HEAD = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\n';
const JSON_LENGTH = `content-type: ${JSON_TYPE}\r\ncontent-length: ${goodJson.length}`;
const JSON_CHUNKS = `content-type: ${JSON_TYPE}\r\ntransfer-encoding: chunked\r\ntrailer: x-sum`;
const chunkOf = (body: string): string => `${body.length.toString(16)};a=b\r\n${body}\r\n0\r\nx-sum: 1\r\n\r\n`;
const hasIPv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));

/** Everything that is answered to these bytes, the last ones of the sender, until the connection ends. */
async function talk(text: string): Promise<Buffer> {
  const socket = connect(target.http.port, target.http.host);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(text);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}
const statusOf = (answer: HttpAnswer): unknown => JSON.parse(answer.body.toString());

requirement(
  {
    number: 21,
    level: 'MUST',
    sentence: 'POST to /v1/traces, /v1/metrics and /v1/logs is served',
    docket:
      'Another method is 405, another path 404. HTTP/1.1 and 1.0; HTTP/2 is gRPC alone, and gRPC-web is not taken.',
    collector: 'yes; 405 and 404 as text',
  },
  () => {
    test.each(SIGNALS)('%s', async (signal) => {
      expect((await post(target, `/v1/${signal}`, JSON.stringify(GOOD[signal]))).status).toBe(200);
    });
    test.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s is 405 and says which method is taken', async (method) => {
      const answer = await post(target, '/v1/traces', '', { method });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } });
      expect(statusOf(answer)).toHaveProperty('message');
    });
    test('another path is 404', async () => {
      for (const path of [
        '/v1/trace',
        '/',
        '/v1/traces/x',
        '/v1/traces/',
        '//v1/traces',
        '/otlp/v1/traces',
        '/V1/Traces',
      ]) {
        expect((await post(target, path, '{}')).status).toBe(404);
      }
    });
    test.each([
      ['a query', '/v1/traces?source=a'],
      ['a whole URL', 'http://x/v1/traces'],
      ['a whole URL and a query', 'HTTP://x:4318/v1/traces?a=/v1/logs'],
    ])('the path is found in a target with %s', async (_, path) => {
      expect((await post(target, path, goodJson)).status).toBe(200);
      expect(target.handled).toMatchObject([{ signal: 'traces' }]);
    });
    test.each([
      ['of HTTP/1.0, without a host', `POST /v1/traces HTTP/1.0\r\n${JSON_LENGTH}\r\n\r\n${goodJson}`, 200],
      ['whose chunks have extensions and trailers', `${HEAD}${JSON_CHUNKS}\r\n\r\n${chunkOf(goodJson)}`, 200],
      ['with a length and chunks', `${HEAD}${JSON_LENGTH}\r\n${JSON_CHUNKS}\r\n\r\n${chunkOf(goodJson)}`, 400],
      ['with two lengths', `${HEAD}${JSON_LENGTH}\r\ncontent-length: 1\r\n\r\n${goodJson}`, 400],
    ])('a request %s', async (_, text, status) => {
      const [head = ''] = (await talk(text)).toString().split('\r\n', 1);
      expect(head).toContain(`HTTP/1.1 ${status}`);
      expect(target.handled).toHaveLength(status === 200 ? 1 : 0);
    });
    test('gRPC-web is refused, saying what browsers send', async () => {
      const headers = { 'content-type': 'application/grpc-web+proto' };
      const answer = await post(target, EXPORT_PATH.traces, grpcFrame(Buffer.alloc(0)), { headers });
      expect(answer.status).toBe(404);
      expect(statusOf(answer)).toMatchObject({ code: 12, message: expect.stringContaining('gRPC-web') as string });
    });
    test.skipIf(!hasIPv6)('over IPv6, and gRPC too', async () => {
      const six = await startReceiver({ grpc: { host: '::1', port: 0 }, http: { host: '::1', port: 0 } });
      const bracketed = { http: six.http, grpc: { ...six.grpc, host: '[::1]' } };
      for (const wire of WIRES) expect((await exportOver(wire, bracketed, 'traces', GOOD.traces)).code).toBe(0);
      expect(six.handled).toHaveLength(WIRES.length);
      await six.close();
    });
  },
);

requirement(
  {
    number: 22,
    level: 'MUST',
    sentence: 'protobuf and JSON are told apart by media type, on one port',
    docket: 'Parameters such as `charset` are tolerated; anything else is 415.',
    collector: 'yes; 415 as text',
  },
  () => {
    test.each(['application/json; charset=utf-8', 'Application/JSON ;x=y'])('%s is JSON', async (type) => {
      expect((await post(target, '/v1/traces', goodJson, { headers: { 'content-type': type } })).status).toBe(200);
      expect(target.handled).toHaveLength(1);
    });
    test('application/x-protobuf; x=y is protobuf', async () => {
      const headers = { 'content-type': `${PROTOBUF_TYPE}; x=y` };
      expect((await post(target, '/v1/traces', protobufOf('traces', GOOD.traces), { headers })).status).toBe(200);
      expect(target.handled).toHaveLength(1);
    });
    test.each(['text/plain', 'application/protobufs', ' '])('"%s" is 415', async (type) => {
      const answer = await post(target, '/v1/traces', 'x', { headers: { 'content-type': type } });
      expect(answer.status).toBe(415);
      expect(statusOf(answer)).toHaveProperty('message');
    });
  },
);

requirement(
  {
    number: 23,
    level: 'MUST',
    sentence: 'the response has the media type of the request, errors too',
    docket: 'JSON where the request named neither.',
    collector: 'except 405 and 415, which are text',
  },
  () => {
    test.each([
      ['accepted', ACCEPTED],
      ['retryable', { kind: 'retryable', message: 'later', retryAfterMs: 1 }],
      ['permanent', { kind: 'permanent', code: 'permission_denied', message: 'no' }],
    ] satisfies readonly (readonly [string, ExportOutcome])[])('%s', async (_, outcome) => {
      target.answerWith(async () => outcome);
      const json = await post(target, '/v1/traces', goodJson);
      expect(json.headers['content-type']).toBe(JSON_TYPE);
      const headers = { 'content-type': PROTOBUF_TYPE };
      const protobuf = await post(target, '/v1/traces', protobufOf('traces', GOOD.traces), { headers });
      expect(protobuf.headers['content-type']).toBe(PROTOBUF_TYPE);
      expect(protobuf.status).toBe(json.status);
    });
  },
);

requirement(
  {
    number: 24,
    level: 'MUST',
    sentence: 'success is 200 with the Export response, 64-bit counts as strings in JSON',
    docket: '`rejectedSpans`, `rejectedLogRecords`, `rejectedDataPoints`.',
  },
  () => {
    test.each([
      ['traces', 'rejectedSpans'],
      ['logs', 'rejectedLogRecords'],
      ['metrics', 'rejectedDataPoints'],
    ] as const)('%s', async (signal, name) => {
      target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'why' }));
      const answer = await post(target, `/v1/${signal}`, JSON.stringify(GOOD[signal]));
      expect(answer.status).toBe(200);
      expect(statusOf(answer)).toEqual({ partialSuccess: { [name]: '1', errorMessage: 'why' } });
    });
  },
);

requirement(
  {
    number: 25,
    level: 'MUST',
    sentence: 'the body of every 4xx and 5xx is a google.rpc.Status in the encoding of the request',
    docket: 'Also for requests that are not whole HTTP.',
    collector: 'except 405 and 415',
  },
  () => {
    test.each(HTTP_WIRES)('%s', async (wire) => {
      for (const [outcome, httpStatus, code] of [
        [{ kind: 'permanent', code: 'invalid_argument', message: 'm' }, 400, 3],
        [{ kind: 'permanent', code: 'unauthenticated', message: 'm' }, 401, 16],
        [{ kind: 'permanent', code: 'permission_denied', message: 'm' }, 403, 7],
        [{ kind: 'permanent', code: 'unimplemented', message: 'm' }, 404, 12],
        [{ kind: 'permanent', code: 'too_large', message: 'm' }, 413, 8],
        [{ kind: 'retryable', message: 'm', retryAfterMs: 1000 }, 503, 14],
      ] satisfies readonly (readonly [ExportOutcome, number, number])[]) {
        target.answerWith(async () => outcome);
        expect(await exportOver(wire, target, 'traces', GOOD.traces)).toMatchObject({ httpStatus, code, message: 'm' });
      }
    });
    test.each([
      ['what is not HTTP', 'garbage\r\n\r\n', 400],
      ['a header that is too large', `POST /v1/traces HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
      ['a request that names no host', 'POST /v1/traces HTTP/1.1\r\ncontent-length: 0\r\n\r\n', 400],
      ['an expectation that nobody can meet', `${HEAD}connection: close\r\nexpect: wonders\r\n\r\n`, 417],
      ['a method that asks for a tunnel', 'CONNECT example.com:443 HTTP/1.1\r\nhost: x\r\n\r\n', 405],
    ])('%s', async (_, text, status) => {
      const [head = '', body = ''] = (await talk(text)).toString().split('\r\n\r\n');
      expect(head).toContain(`HTTP/1.1 ${status}`);
      expect(JSON.parse(body)).toHaveProperty('message');
    });
    test.each([
      ['whose chunks are no chunks', 'transfer-encoding: chunked\r\n\r\n5\r\nabcde\r\nno chunk\r\n'],
      ['that ends in the middle', 'content-length: 50\r\n\r\nabcde'],
    ])('a protobuf body %s', async (_, rest) => {
      const answer = await talk(`${HEAD}content-type: ${PROTOBUF_TYPE}\r\n${rest}`);
      const at = answer.indexOf('\r\n\r\n');
      expect(answer.toString('latin1', 0, at)).toContain('HTTP/1.1 400');
      expect(answer.toString('latin1', 0, at)).toContain(`content-type: ${PROTOBUF_TYPE}`);
      // google.rpc.Status {1 code}: INVALID_ARGUMENT.
      expect([...answer.subarray(at + 4, at + 6)]).toEqual([8, 3]);
    });
    test('what makes no sense behind a whole request does not answer that request', async () => {
      const request = `${HEAD}content-type: ${JSON_TYPE}\r\ncontent-length: ${goodJson.length}\r\n\r\n${goodJson}`;
      const answer = (await talk(`${request}${request}garbage\r\n\r\n`)).toString();
      expect(answer.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
      expect(target.handled).toHaveLength(2);
    });
  },
);

requirement(
  {
    number: 26,
    level: 'MUST',
    sentence: 'what cannot be decoded is 400 with BadRequest',
    docket: 'The message names the place (field, offset), never a value.',
    collector: '400 without BadRequest; for JSON the message quotes what surrounds the place',
  },
  () => {
    test.each([
      ['HTTP JSON', '{"resourceSpans":[{]}'],
      ['HTTP JSON', ''],
      ['HTTP JSON', 'null'],
      ['HTTP JSON', '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"hunter2-secret"}]}]}]}'],
      ['HTTP protobuf', 'garbage-hunter2'],
    ] as const)('%s %s', async (wire, body) => {
      const answer = await exportOver(wire, target, 'traces', Buffer.from(body));
      expect(answer).toMatchObject({ httpStatus: 400, code: 3, badRequest: true, retryAfter: undefined });
      expect(answer.body.toString('latin1')).not.toContain('hunter2');
    });
  },
);

requirement(
  {
    number: 27,
    level: 'MUST',
    sentence: 'what may succeed later is 429, 502, 503 or 504, and nothing else is',
    docket: '503. Never 500; a body that does not arrive in time is 503 as well.',
    collector: '500 for what it cannot classify',
  },
  () => {
    test.each(HTTP_WIRES)('%s: a handler that throws is 503 and says nothing of the error', async (wire) => {
      target.answerWith(() => Promise.reject(new Error('secret text of the request')));
      const answer = await exportOver(wire, target, 'traces', GOOD.traces);
      expect(answer).toMatchObject({ httpStatus: 503, code: 14 });
      expect(answer.message).not.toContain('secret');
    });
    test('a body that does not arrive in time is 503 with Retry-After', async () => {
      const impatient = await startReceiver({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 300 } });
      const socket = connect(impatient.http.port, impatient.http.host);
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: 1000\r\n\r\n{`,
      );
      const [data] = (await once(socket, 'data')) as [Buffer];
      expect(data.toString()).toContain('HTTP/1.1 503');
      expect(data.toString().toLowerCase()).toMatch(/retry-after: [3-8]\r/);
      await once(socket, 'close');
      await impatient.close();
    });
  },
);

requirement(
  {
    number: 28,
    level: 'SHOULD',
    sentence: 'overload over HTTP carries Retry-After in whole seconds',
    docket: 'Rounded up; always with 503.',
    collector: 'rounded down (0.5 s becomes 0); only where a component gives one',
  },
  () => {
    test.each([
      [6500, '7'],
      [500, '1'],
      [1, '1'],
      [30_000, '30'],
    ])('%i ms is %s', async (retryAfterMs, expected) => {
      target.answerWith(async () => ({ kind: 'retryable', message: 'busy', retryAfterMs }));
      for (const wire of HTTP_WIRES) {
        expect(await exportOver(wire, target, 'traces', GOOD.traces)).toMatchObject({
          httpStatus: 503,
          retryAfter: expected,
          retryDelayMs: retryAfterMs,
        });
      }
    });
  },
);

requirement(
  {
    number: 29,
    level: 'SHOULD',
    sentence: 'a sender may leave before its answer and send again',
    docket:
      'What it sent is kept once it was handed on; the spool knows the same request by its content. Nothing of a broken-off request stays in memory.',
  },
  () => {
    test('senders that leave at any point hold none of the budget', async () => {
      let authenticated = 0;
      const slow = await startReceiver({
        authenticate: async () => {
          authenticated += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
          return { tenant: 'default' };
        },
      });
      const head = `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: 1000\r\n\r\n`;
      for (const sent of [head, `${head}{`, head + '{}'.padEnd(1000, ' ')]) {
        const socket = connect(slow.http.port, slow.http.host);
        await once(socket, 'connect');
        const before = authenticated;
        socket.write(sent);
        while (authenticated === before) await new Promise((resolve) => setTimeout(resolve, 5));
        socket.destroy();
      }
      // Resolves only when every exchange has come to an end.
      await slow.receiver.close();
      expect(await slow.metrics.prometheusText()).toMatch(/docket_receiver_in_flight_bytes\{[^}]*\} 0/);
      await slow.metrics.close();
    });
    test('the same request again is the same bytes to the handler', async () => {
      for (const wire of WIRES) await exportOver(wire, target, 'traces', GOOD.traces);
      const [first, ...others] = target.handled.map((each) => each.bytes);
      expect(others).toHaveLength(2);
      for (const bytes of others) expect(bytes).toEqual(first);
    });
  },
);

requirement(
  {
    number: 30,
    level: 'industry',
    sentence: 'cross-origin senders are refused unless their origin is allowed',
    docket: 'Off until `otlp.cors_origins` names origins; `*` allows any without credentials.',
    collector: 'yes',
  },
  () => {
    const preflight = (origin: string, to = target): Promise<HttpAnswer> =>
      post(to, '/v1/traces', '', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });

    test('an allowed origin may send', async () => {
      const answer = await preflight('https://app.example');
      expect(answer).toMatchObject({
        status: 204,
        headers: { 'access-control-allow-origin': 'https://app.example', 'access-control-allow-credentials': 'true' },
      });
      const sent = await post(target, '/v1/traces', goodJson, { headers: { origin: 'https://app.example' } });
      expect(sent.headers['access-control-allow-origin']).toBe('https://app.example');
    });
    test('another origin may not', async () => {
      const answer = await preflight('https://evil.example');
      expect(answer.status).toBe(405);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    });
    test('the headers an exporter asks for may come, and it sees when to come back', async () => {
      const headers = {
        origin: 'https://app.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-api-key',
      };
      const answer = await post(target, '/v1/traces', '', { method: 'OPTIONS', headers });
      expect(answer.headers['access-control-allow-headers']).toBe('content-type,x-api-key');
      target.answerWith(async () => ({ kind: 'retryable', message: 'busy', retryAfterMs: 2000 }));
      const busy = await post(target, '/v1/traces', goodJson, { headers: { origin: 'https://app.example' } });
      expect(busy).toMatchObject({
        status: 503,
        headers: { 'retry-after': '2', 'access-control-expose-headers': 'retry-after' },
      });
    });
    test('`*` never goes with credentials', async () => {
      const open = await startReceiver({ corsAllowedOrigins: ['*'] });
      const answer = await preflight('https://any.example', open);
      expect(answer.headers['access-control-allow-origin']).toBe('*');
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      await open.close();
    });
    test('the identity of a span survives the way through a browser', async () => {
      const spans = [{ traceId: TRACE_ID.toUpperCase(), spanId: SPAN_ID }];
      const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
      const headers = { origin: 'https://app.example', 'content-type': 'application/json;charset=UTF-8' };
      expect((await post(target, '/v1/traces', body, { headers })).status).toBe(200);
      expect(Buffer.from(target.handled[0]?.bytes ?? []).toString('hex')).toContain(TRACE_ID);
    });
  },
);
