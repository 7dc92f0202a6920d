import { once } from 'node:events';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Signal, SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { GOOD, protobufOf, type ReceiverUnderTest, SPAN_ID, startReceiver, TRACE_ID } from './receiver-under-test.ts';

const LIMIT = 1024 * 1024;
const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/x-protobuf';

let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver({
    limits: { requestBytesMax: LIMIT, headersTimeoutMs: 500, requestTimeoutMs: 1000 },
    corsAllowedOrigins: ['https://app.example'],
  });
});
afterEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Sent {
  readonly method?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sends the body in chunks without declaring its length. */
  readonly chunked?: boolean;
}

function send(path: string, body: Buffer | string, sent: Sent = {}, to = target): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: to.http.host,
        port: to.http.port,
        path,
        method: sent.method ?? 'POST',
        headers: {
          ...(sent.type === '' ? {} : { 'content-type': sent.type ?? JSON_TYPE }),
          ...(sent.chunked === true ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
          ...sent.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on('error', reject);
    if (sent.chunked === true) request.write(body);
    request.end(sent.chunked === true ? undefined : body);
  });
}

const json = (answer: Answer): unknown => JSON.parse(answer.body.toString());
const good = (signal: Signal): string => JSON.stringify(GOOD[signal]);
const spans = (...all: object[]): string => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] });

/** A gzip stream of exactly `size` bytes when unpacked. */
const gzippedZeros = (size: number): Buffer => gzipSync(Buffer.alloc(size));

describe('R1, R3: content encodings', () => {
  test('R1: gzip bodies are taken in both encodings', async () => {
    const headers = { 'content-encoding': 'gzip' };
    expect((await send('/v1/traces', gzipSync(good('traces')), { headers })).status).toBe(200);
    const protobuf = gzipSync(protobufOf('traces', GOOD.traces));
    expect((await send('/v1/traces', protobuf, { headers, type: PROTOBUF_TYPE })).status).toBe(200);
    expect(target.handled).toHaveLength(2);
    expect(target.handled[0]?.bytes).toEqual(target.handled[1]?.bytes);
  });

  test('gzip of several members is one body', async () => {
    const text = good('traces');
    const body = Buffer.concat([gzipSync(text.slice(0, 10)), gzipSync(text.slice(10))]);
    expect((await send('/v1/traces', body, { headers: { 'content-encoding': 'gzip' } })).status).toBe(200);
    expect(target.handled).toMatchObject([{ items: 1 }]);
  });

  test('R3: an unknown content encoding is 415 with a Status', async () => {
    const answer = await send('/v1/traces', 'x', { headers: { 'content-encoding': 'zstd' } });
    expect(answer.status).toBe(415);
    expect(json(answer)).toMatchObject({ message: 'the content encoding must be gzip or identity' });
  });

  const whole = gzipSync(good('traces'));
  test.each([
    ['text', Buffer.from('not gzip')],
    ['nothing', Buffer.alloc(0)],
    ['a truncated stream', whole.subarray(0, whole.length - 12)],
    ['a stream without its trailer', whole.subarray(0, whole.length - 8)],
    ['a stream with junk behind it', Buffer.concat([whole, Buffer.from('junk junk junk')])],
  ])('T1: %s sent as gzip is 400 and the process lives on', async (_, body) => {
    const answer = await send('/v1/traces', body, { headers: { 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(400);
    expect((await send('/v1/traces', good('traces'))).status).toBe(200);
  });
});

describe('R4, R6: size', () => {
  const headers = { 'content-encoding': 'gzip' };
  // A JSON request padded with white space to an exact size.
  const padded = (size: number): string => good('traces').padEnd(size, ' ');

  test('exactly the limit passes, one byte more is 413', async () => {
    expect((await send('/v1/traces', padded(LIMIT))).status).toBe(200);
    const answer = await send('/v1/traces', padded(LIMIT + 1));
    expect(answer.status).toBe(413);
    expect(json(answer)).toMatchObject({ code: 8 });
  });

  test('the same holds for bodies without a declared length', async () => {
    expect((await send('/v1/traces', padded(LIMIT), { chunked: true })).status).toBe(200);
    expect((await send('/v1/traces', padded(LIMIT + 1), { chunked: true })).status).toBe(413);
  });

  test('the same holds after decompression', async () => {
    expect((await send('/v1/traces', gzipSync(padded(LIMIT)), { headers })).status).toBe(200);
    expect((await send('/v1/traces', gzipSync(padded(LIMIT + 1)), { headers })).status).toBe(413);
  });

  test('T2: a bomb is 413, whether it says what is in it or lies', async () => {
    const bomb = gzippedZeros(64 * LIMIT);
    expect((await send('/v1/traces', bomb, { headers })).status).toBe(413);
    const several = Buffer.concat([gzippedZeros(LIMIT), gzippedZeros(LIMIT), gzipSync('x')]);
    expect((await send('/v1/traces', several, { headers })).status).toBe(413);
  });

  test('T3: a body that never ends is answered 413 and its connection closed', async () => {
    const socket = connect(target.http.port, target.http.host);
    socket.on('error', () => {});
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ntransfer-encoding: chunked\r\n\r\n`,
    );
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    let text = '';
    socket.on('data', (data: Buffer) => {
      text += data.toString();
    });
    const writing = setInterval(() => socket.write(chunk), 1);
    await once(socket, 'close');
    clearInterval(writing);
    expect(text).toContain('HTTP/1.1 413');
  });

  test('a sender that asks first is told 413 before it sends', async () => {
    const socket = connect(target.http.port, target.http.host);
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\nexpect: 100-continue\r\ncontent-length: ${LIMIT + 1}\r\n\r\n`,
    );
    expect(await firstData(socket)).toContain('HTTP/1.1 413');
    socket.destroy();
  });

  test('a sender that asks first with a size within the limit is told to go on', async () => {
    const socket = connect(target.http.port, target.http.host);
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n`,
    );
    expect(await firstData(socket)).toContain('HTTP/1.1 100 Continue');
    const answer = firstData(socket);
    socket.write('{}');
    expect(await answer).toContain('HTTP/1.1 200');
    socket.destroy();
  });
});

async function firstData(socket: Socket): Promise<string> {
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
}

describe('R10-R13, R24: success', () => {
  test.each(SIGNALS)('%s in JSON are answered 200 with {}', async (signal) => {
    const answer = await send(`/v1/${signal}`, good(signal));
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('{}');
    expect(target.handled).toMatchObject([{ signal, items: 1, tenant: 'default' }]);
  });

  test.each(SIGNALS)('%s in protobuf are answered 200 with an empty body', async (signal) => {
    const answer = await send(`/v1/${signal}`, protobufOf(signal, GOOD[signal]), { type: PROTOBUF_TYPE });
    expect(answer).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(answer.headers['content-type']).toBe(PROTOBUF_TYPE);
    expect(target.handled).toMatchObject([{ signal, items: 1 }]);
  });

  test('R11: empty requests succeed without the handler', async () => {
    expect((await send('/v1/logs', '{}')).status).toBe(200);
    expect((await send('/v1/logs', '{"resourceLogs":[{"scopeLogs":[{}]}]}')).status).toBe(200);
    expect((await send('/v1/logs', '', { type: PROTOBUF_TYPE })).status).toBe(200);
    expect(target.handled).toEqual([]);
  });

  test('R12, R24: rejected spans are counted, the count written as a string', async () => {
    const answer = await send('/v1/traces', spans({ name: 'bad' }, { traceId: TRACE_ID, spanId: SPAN_ID }));
    expect(json(answer)).toEqual({
      partialSuccess: {
        rejectedSpans: '1',
        errorMessage: 'rejected 1 span without a valid trace_id (16 bytes, not all zero)',
      },
    });
    expect(target.handled).toMatchObject([{ items: 1 }]);
  });

  test('R12: what the handler rejects is added', async () => {
    target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'too old' }));
    const answer = await send('/v1/traces', spans({ name: 'bad' }, { traceId: TRACE_ID, spanId: SPAN_ID }));
    expect(json(answer)).toMatchObject({
      partialSuccess: { rejectedSpans: '2', errorMessage: expect.stringContaining('too old') as string },
    });
  });

  test('R13, R34: names in snake_case are ignored with a warning', async () => {
    const answer = await send('/v1/traces', '{"resource_spans":[{}]}');
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({
      partialSuccess: { errorMessage: expect.stringContaining('resource_spans') as string },
    });
  });

  test('T20: the message stays under a kilobyte', async () => {
    target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'x'.repeat(100_000) }));
    expect((await send('/v1/traces', good('traces'))).body.length).toBeLessThan(1200);
  });
});

describe('R21-R23, R25: routing and errors', () => {
  test('R21: a method other than POST is 405', async () => {
    const answer = await send('/v1/traces', '', { method: 'GET' });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(json(answer)).toHaveProperty('message');
  });

  test('R48: profiles and other paths are 404 with a Status', async () => {
    for (const path of ['/v1development/profiles', '/v1/trace', '/']) {
      const answer = await send(path, '{}');
      expect(answer.status).toBe(404);
      expect(json(answer)).toMatchObject({ code: 12 });
    }
  });

  test.each(['application/json; charset=utf-8', 'Application/JSON ;x=y'])(
    'R22: content type %s is JSON',
    async (type) => {
      expect((await send('/v1/traces', good('traces'), { type })).status).toBe(200);
    },
  );

  test.each(['text/plain', 'application/protobufs', ''])('R22: content type "%s" is 415', async (type) => {
    const answer = await send('/v1/traces', 'x', { type });
    expect(answer.status).toBe(415);
    expect(json(answer)).toHaveProperty('message');
  });

  test('R23, R25, R26: malformed requests are 400 with a Status in their own encoding', async () => {
    const inJson = await send('/v1/traces', '{"resourceSpans":[{]}');
    expect(inJson.status).toBe(400);
    expect(inJson.headers['content-type']).toBe(JSON_TYPE);
    expect(json(inJson)).toMatchObject({
      code: 3,
      details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest' }],
    });
    const inProtobuf = await send('/v1/traces', 'garbage', { type: PROTOBUF_TYPE });
    expect(inProtobuf.status).toBe(400);
    expect(inProtobuf.headers['content-type']).toBe(PROTOBUF_TYPE);
    expect(inProtobuf.body.subarray(0, 2)).toEqual(Buffer.from([0x08, 3]));
    expect(inProtobuf.body.toString('latin1')).toContain('google.rpc.BadRequest');
  });

  test('T19: the request of another signal is 400', async () => {
    expect((await send('/v1/logs', good('traces'))).status).toBe(400);
    const protobuf = protobufOf('traces', GOOD.traces);
    expect((await send('/v1/logs', protobuf, { type: PROTOBUF_TYPE })).status).toBe(400);
  });

  test('T7: an error never repeats what was sent', async () => {
    const answer = await send('/v1/traces', spans({ traceId: 'hunter2-secret' }));
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).not.toContain('hunter2');
  });
});

describe('R27, R28: what may succeed later', () => {
  test('a retryable outcome is 503 with Retry-After', async () => {
    target.answerWith(async () => ({ kind: 'retryable', message: 'spool full', retryAfterMs: 6500 }));
    const answer = await send('/v1/traces', good('traces'));
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
    expect(json(answer)).toMatchObject({ code: 14, message: 'spool full' });
  });

  test('a handler that throws is 503, never 500, and says nothing of the error', async () => {
    target.answerWith(() => Promise.reject(new Error('secret text of the request')));
    const answer = await send('/v1/traces', good('traces'));
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).not.toContain('secret');
  });

  test('R18: what does not fit the budget of bytes in flight is 503, and the budget is given back', async () => {
    const small = await startReceiver({ limits: { inFlightBytesMax: 500 } });
    let finish: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      small.answerWith(async () => {
        resolve();
        await new Promise<void>((done) => {
          finish = done;
        });
        return ACCEPTED;
      });
    });
    const body = good('traces').padEnd(200, ' ');
    const first = send('/v1/traces', body, {}, small);
    await started;
    expect(await send('/v1/traces', body, {}, small)).toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect((await send('/v1/traces', body, { chunked: true }, small)).status).toBe(503);
    finish();
    expect((await first).status).toBe(200);
    small.answerWith(async () => ACCEPTED);
    expect((await send('/v1/traces', body, {}, small)).status).toBe(200);
    await small.close();
  });
});

describe('R30: cross-origin senders', () => {
  const preflight = (origin: string): Promise<Answer> =>
    send('/v1/traces', '', {
      method: 'OPTIONS',
      type: '',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  test('an allowed origin may send', async () => {
    const answer = await preflight('https://app.example');
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe('https://app.example');
  });

  test('another origin may not', async () => {
    const answer = await preflight('https://evil.example');
    expect(answer.status).toBe(405);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('R50: slow senders', () => {
  test('a header that never ends is cut off', async () => {
    const socket = connect(target.http.port, target.http.host);
    socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\n');
    socket.resume();
    await once(socket, 'close');
    expect((await send('/v1/traces', '{}')).status).toBe(200);
  });

  test('a body that never comes is cut off and gives its budget back', async () => {
    const socket = connect(target.http.port, target.http.host);
    socket.write(`POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: 1000\r\n\r\n{`);
    socket.resume();
    await once(socket, 'close');
    const text = await target.metrics.prometheusText();
    expect(text).toMatch(/docket_receiver_in_flight_bytes\{[^}]*\} 0/);
  });
});

test('R29: senders that leave before their answer hold none of the budget', async () => {
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

test('T16: a request without valid credentials is 401', async () => {
  const guarded = await startReceiver({
    authenticate: ({ get }) => (get('Authorization') === 'Bearer right' ? { tenant: 'acme' } : undefined),
  });
  const refused = await send('/v1/traces', good('traces'), {}, guarded);
  expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
  const headers = { authorization: 'Bearer right' };
  expect((await send('/v1/traces', good('traces'), { headers }, guarded)).status).toBe(200);
  expect(guarded.handled).toMatchObject([{ tenant: 'acme' }]);
  await guarded.close();
});

test('R51: closing answers the request under way and takes no new one', async () => {
  const leaving = await startReceiver();
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
  const answer = send('/v1/traces', good('traces'), {}, leaving);
  await started;
  const closed = leaving.close();
  await expect(send('/v1/traces', '{}', {}, leaving)).rejects.toThrow('ECONNREFUSED');
  finish();
  expect((await answer).status).toBe(200);
  await closed;
});

test('R52: requests and items are counted by signal, transport and result', async () => {
  const counted = await startReceiver();
  await send('/v1/traces', good('traces'), {}, counted);
  await send('/v1/traces', '{', {}, counted);
  await send('/nowhere', '{', {}, counted);
  const text = await counted.metrics.prometheusText();
  expect(text).toMatch(/docket_receiver_requests_total\{transport="http",signal="traces",result="accepted"[^}]*\} 1/);
  expect(text).toMatch(
    /docket_receiver_requests_total\{transport="http",signal="traces",result="invalid_argument"[^}]*\} 1/,
  );
  expect(text).toMatch(
    /docket_receiver_requests_total\{transport="http",signal="unknown",result="unimplemented"[^}]*\} 1/,
  );
  expect(text).toMatch(/docket_receiver_accepted_items_total\{transport="http",signal="traces"[^}]*\} 1/);
  await counted.close();
});
