import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createGrpcClient,
  EXPORT_PATH,
  protobufOf,
  SPAN_ID,
  startReceiver,
  TRACE_ID,
  type ReceiverUnderTest,
} from '../../test/conformance/receiver-under-test.ts';
import { ACCEPTED } from '../pipeline/outcome.ts';

/*
 * Bodies lie in memory that is used again. These tests look at a body as long as its request is under way, while others come and go.
 */
let under: ReceiverUnderTest;
let changed: number;

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

beforeEach(async () => {
  changed = 0;
  under = await startReceiver();
  let turn = 0;
  under.answerWith(async ({ bytes }) => {
    const before = digest(bytes);
    turn += 1;
    // Some are over before those that came earlier.
    for (let look = 0; look < turn % 4; look += 1) {
      await delay(3);
      if (digest(bytes) !== before) changed += 1;
    }
    return turn % 5 === 0 ? { kind: 'retryable', message: 'later', retryAfterMs: 1 } : ACCEPTED;
  });
});

afterEach(() => under.close());

/** A request of about `bytes` bytes, recognisable by its mark. */
function bodyOf(mark: string, bytes: number): Buffer {
  const name = mark.padEnd(bytes, mark);
  return protobufOf('traces', {
    resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: TRACE_ID, spanId: SPAN_ID, name, kind: 2 }] }] }],
  });
}

/** In several writes, so that it arrives in several chunks. */
function post(body: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...under.http,
        method: 'POST',
        path: '/v1/traces',
        headers: { 'content-type': 'application/x-protobuf', ...headers },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      },
    );
    call.on('error', reject);
    const middle = body.length >> 1;
    call.write(body.subarray(0, middle), () => call.end(body.subarray(middle)));
  });
}

const SIZES = [40, 3_000, 70_000, 200_000, 900_000];

/** What the handler was given is what was sent, each once. */
function expectAllHandled(sent: readonly Buffer[]): void {
  expect(under.handled.map(({ bytes }) => digest(bytes)).sort()).toEqual(sent.map(digest).sort());
  expect(changed).toBe(0);
}

test.each(['identity', 'gzip'])(
  'a body over HTTP keeps its bytes until its request is answered: %s',
  async (encoding) => {
    const sent = Array.from({ length: 60 }, (_, index) => bodyOf(`h${index}.`, SIZES[index % SIZES.length] ?? 0));
    const lanes = [0, 1, 2, 3, 4, 5].map(async (lane) => {
      for (const [index, body] of sent.entries()) {
        if (index % 6 !== lane) continue;
        const headers: Record<string, string> = encoding === 'gzip' ? { 'content-encoding': 'gzip' } : {};
        expect([200, 503]).toContain(await post(encoding === 'gzip' ? gzipSync(body) : body, headers));
      }
    });
    await Promise.all(lanes);
    expectAllHandled(sent);
  },
);

test('a message over gRPC keeps its bytes until its call is answered', async () => {
  const client = createGrpcClient(under.grpc, { 'grpc.max_send_message_length': -1 });
  const sent = Array.from({ length: 60 }, (_, index) => bodyOf(`g${index}.`, SIZES[index % SIZES.length] ?? 0));
  const lanes = [0, 1, 2, 3, 4, 5].map(async (lane) => {
    for (const [index, body] of sent.entries()) {
      if (index % 6 === lane) expect([0, 14]).toContain((await client.call(EXPORT_PATH.traces, body)).code);
    }
  });
  await Promise.all(lanes);
  client.close();
  expectAllHandled(sent);
});

test('the memory of a request whose sender left is used again only when its handler is done', async () => {
  const looked: string[] = [];
  under.answerWith(async ({ bytes }) => {
    const before = digest(bytes);
    await delay(30);
    looked.push(digest(bytes) === before ? 'same' : 'changed');
    return ACCEPTED;
  });
  const left = request({
    ...under.http,
    method: 'POST',
    path: '/v1/traces',
    headers: { 'content-type': 'application/x-protobuf' },
  });
  left.on('error', () => {});
  left.end(bodyOf('left.', 300_000));
  while (under.handled.length === 0) await delay(1);
  left.destroy();
  await Promise.all([1, 2, 3].map((index) => post(bodyOf(`other${index}.`, 300_000))));
  expect(looked).toEqual(['same', 'same', 'same', 'same']);
});
