import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { ACCEPTED } from '../pipeline/outcome.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { ListenAddress } from './options.ts';
import { createReceiver, type Receiver } from './receiver.ts';

const TLS_HELLO = Buffer.from(`16030100c8010000c40303${'00'.repeat(60)}`, 'hex');
const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HTTP1_REQUEST = 'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n';

let receiver: Receiver;
let metrics: Metrics;
let logged: string[];

async function start(): Promise<{ readonly grpc: ListenAddress; readonly http: ListenAddress }> {
  logged = [];
  metrics = createMetrics();
  const address = { host: '127.0.0.1', port: 0 };
  const written = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(chunk.toString());
      done();
    },
  });
  receiver = createReceiver({
    grpc: address,
    http: address,
    handler: async () => ACCEPTED,
    authenticate: () => ({ tenant: 'default' }),
    meter: metrics.meter,
    logger: pino({ level: 'warn' }, written),
  });
  return receiver.start();
}

afterEach(async () => {
  await receiver.close();
  await metrics.close();
});

async function hear(address: ListenAddress, bytes: string | Buffer): Promise<string> {
  const socket: Socket = connect(address.port, address.host);
  let heard = '';
  socket.on('data', (data: Buffer) => (heard += data.toString('latin1')));
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return heard;
}

test('a sender that speaks TLS or HTTP/2 to the HTTP port is told what it takes, and the log says so once a minute', async () => {
  const { http } = await start();
  for (let times = 0; times < 3; times += 1) {
    expect(await hear(http, TLS_HELLO)).toContain('this port takes plain HTTP: send to http://');
    expect(await hear(http, HTTP2_PREFACE)).toContain('this port takes HTTP/1.1: OTLP/gRPC has a port of its own');
  }
  expect(logged.map((line) => (JSON.parse(line) as { what: string }).what)).toEqual(['tls_to_http', 'http2_to_http']);
});

test('the log says that something else than HTTP/2 came to the gRPC port', async () => {
  const { grpc } = await start();
  for (const bytes of [HTTP1_REQUEST, TLS_HELLO]) await hear(grpc, bytes);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain('OTLP/HTTP has a port of its own, and TLS ends in front of Docket');
});

test('a refusal of a request without a body leaves its connection open', async () => {
  const { http } = await start();
  const socket = connect(http.port, http.host);
  let heard = '';
  socket.on('data', (data: Buffer) => (heard += data.toString('latin1')));
  for (const [at, status] of ['GET / HTTP/1.1', 'HEAD /v1/logs HTTP/1.1', 'POST /v1/nowhere HTTP/1.1'].entries()) {
    socket.write(`${status}\r\nhost: x\r\n\r\n`);
    await expect.poll(() => heard.match(/HTTP\/1\.1 40[45]/g)?.length).toBe(at + 1);
  }
  expect(heard.toLowerCase()).not.toContain('connection: close');
  socket.destroy();
});
