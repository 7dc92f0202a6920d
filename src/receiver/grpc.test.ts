import { once } from 'node:events';
import { connect } from 'node:http2';
import { expect, test } from 'vitest';
import { ACCEPTED } from '../pipeline/outcome.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createReceiver } from './receiver.ts';

test('what is gRPC with protobuf is told by the whole media type', async () => {
  const metrics = createMetrics();
  const address = { host: '127.0.0.1', port: 0 };
  const receiver = createReceiver({
    grpc: address,
    http: address,
    handler: async () => ACCEPTED,
    authenticate: () => ({ tenant: 'default' }),
    meter: metrics.meter,
    logger: createLogger('silent'),
  });
  const { grpc } = await receiver.start();
  const session = connect(`http://${grpc.host}:${grpc.port}`);
  const statusOf = async (type: string): Promise<unknown> => {
    const call = session.request({
      ':method': 'POST',
      ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
      'content-type': type,
    });
    // The rest of a refused call is not wanted, and its stream says so.
    call.on('error', () => {});
    call.end(Buffer.alloc(5));
    const [headers] = (await once(call, 'response')) as [Record<string, unknown>];
    call.resume();
    return headers[':status'];
  };
  for (const type of ['application/grpc', 'application/grpc+proto', 'Application/gRPC; charset=utf-8']) {
    expect(await statusOf(type), type).toBe(200);
  }
  for (const type of ['application/grpc-web+proto', 'application/grpc+json', 'application/grpcx', 'text/plain', '']) {
    expect(await statusOf(type), type).toBe(415);
  }
  session.close();
  await receiver.close();
  await metrics.close();
});

test('a call whose headers are too large is told so and counted', async () => {
  const metrics = createMetrics();
  const address = { host: '127.0.0.1', port: 0 };
  const receiver = createReceiver({
    grpc: address,
    http: address,
    handler: async () => ACCEPTED,
    authenticate: () => ({ tenant: 'default' }),
    meter: metrics.meter,
    logger: createLogger('silent'),
  });
  const { grpc } = await receiver.start();
  const session = connect(`http://${grpc.host}:${grpc.port}`);
  const answerTo = async (bytes: number, headers: Record<string, string>): Promise<Record<string, unknown>> => {
    const call = session.request({ ...headers, 'x-large': 'x'.repeat(bytes) });
    call.on('error', () => {});
    if (headers[':method'] === 'POST') call.end(Buffer.alloc(5));
    const [answer] = (await once(call, 'response')) as [Record<string, unknown>];
    call.resume();
    return answer;
  };
  const path = '/opentelemetry.proto.collector.logs.v1.LogsService/Export';
  const call = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc' };
  expect((await answerTo(15_000, call))['grpc-status']).toBeUndefined();
  for (const bytes of [17_000, 40_000]) {
    const answer = await answerTo(bytes, call);
    // RESOURCE_EXHAUSTED without RetryInfo: a sender that sent the same again would get the same answer.
    expect(answer).toMatchObject({ ':status': 200, 'grpc-status': '8' });
    expect(answer['grpc-message']).toBe("the request's headers are larger than 16384 bytes");
  }
  expect(await answerTo(17_000, { ':method': 'GET', ':path': '/' })).toMatchObject({ ':status': 431 });
  const counted = await metrics.prometheusText();
  expect(counted).toMatch(/requests_total\{transport="grpc",signal="logs",result="too_large"[^}]*\} 2\n/);
  expect(counted).toMatch(/requests_total\{transport="grpc",signal="unknown",result="too_large"[^}]*\} 1\n/);
  session.close();
  await receiver.close();
  await metrics.close();
});
