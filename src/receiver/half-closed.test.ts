import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ACCEPTED } from '../pipeline/outcome.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createReceiver, type Receiver } from './receiver.ts';

const JSON_SPAN = JSON.stringify({
  resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: '01'.repeat(16), spanId: '02'.repeat(8) }] }] }],
});
const HEADER = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
const WHOLE = `${HEADER}content-length: ${JSON_SPAN.length}\r\n\r\n${JSON_SPAN}`;

let receiver: Receiver;
let metrics: Metrics;
let port: number;
let handled: number;

beforeEach(async () => {
  handled = 0;
  metrics = createMetrics();
  const address = { host: '127.0.0.1', port: 0 };
  receiver = createReceiver({
    grpc: address,
    http: address,
    async handler() {
      handled += 1;
      // Longer than it takes to see that the sender shut down its side.
      await delay(50);
      return ACCEPTED;
    },
    authenticate: () => ({ tenant: 'default' }),
    meter: metrics.meter,
    logger: pino({ level: 'silent' }),
  });
  port = (await receiver.start()).http.port;
});

afterEach(async () => {
  await receiver.close();
  await metrics.close();
});

/** Sends the bytes and nothing after them, and hears what is answered until the other side ends too. */
async function sendAndShutDown(bytes: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let heard = '';
  socket.on('data', (data: Buffer) => (heard += data.toString('latin1')));
  socket.on('error', () => {});
  socket.end(bytes);
  const ended = await Promise.race([once(socket, 'end').then(() => true), delay(5_000, false, { ref: false })]);
  socket.destroy();
  expect(ended).toBe(true);
  return heard;
}

async function countedRequests(): Promise<string[]> {
  const text = await metrics.prometheusText();
  return text
    .split('\n')
    .filter((line) => line.startsWith('docket_receiver_requests') && !line.endsWith(' 0'))
    .map((line) => /signal="(\w+)",result="(\w+)".* (\d+)$/.exec(line)?.slice(1).join(' ') ?? line);
}

test('a sender that shuts down its side behind a whole request is answered', async () => {
  expect(await sendAndShutDown(WHOLE)).toMatch(/^HTTP\/1\.1 200 /);
  expect(handled).toBe(1);
  expect(await countedRequests()).toEqual(['traces accepted 1']);
});

test('each of the requests that were sent before a sender shut down its side is answered', async () => {
  expect((await sendAndShutDown(WHOLE + WHOLE)).match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
});

test('a connection that was shut down after its answer ends', async () => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.write(WHOLE);
  await once(socket, 'data');
  socket.end();
  socket.resume();
  await once(socket, 'close');
});

test.each([
  ['a body of a length', `${HEADER}content-length: ${JSON_SPAN.length + 1}\r\n\r\n${JSON_SPAN}`, 'traces'],
  ['a chunked body', `${HEADER}transfer-encoding: chunked\r\n\r\n5\r\n{"res\r\n`, 'traces'],
  ['a header', HEADER, 'unknown'],
])('a request that is cut short within %s is refused and counted once', async (_, bytes, signal) => {
  const answer = await sendAndShutDown(bytes);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain('the request ends before it is whole');
  expect(handled).toBe(0);
  expect(await countedRequests()).toEqual([`${signal} invalid_argument 1`]);
});
