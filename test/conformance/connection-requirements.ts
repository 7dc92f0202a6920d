import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { deferred } from './deferred.ts';
import { GOOD, type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import { exportOver, grpcFrame, post, rawCall, WIRES } from './wire.ts';

function http2To(target: ReceiverUnderTest): ClientHttp2Session {
  const session = connectHttp2(`http://${target.grpc.host}:${target.grpc.port}`);
  session.on('error', () => {});
  return session;
}

/** Starts a call, and resolves when the handler has it. */
async function callUnderWay(target: ReceiverUnderTest): Promise<() => void> {
  const held = deferred();
  const started = deferred();
  target.answerWith(async () => {
    started.resolve();
    await held.promise;
    return ACCEPTED;
  });
  void started.promise;
  return held.resolve;
}

requirement(
  {
    number: 49,
    level: 'industry',
    sentence: 'gRPC connections are probed and asked to leave when old',
    docket:
      'A ping each 60 s; gone 20 s later without its answer. Asked to leave after 15 minutes (give or take a tenth), 60 s to finish. `otlp.keepalive` and `otlp.connection_age` say otherwise.',
    collector: 'off by default',
  },
  () => {
    test('an old connection gets GOAWAY, its call is still answered', async () => {
      const target = await startReceiver({ limits: { maxConnectionAgeMs: 200 } });
      const release = await callUnderWay(target);
      const answer = exportOver('gRPC', target, 'traces', GOOD.traces);
      const session = http2To(target);
      const [code] = (await once(session, 'goaway')) as [number];
      expect(code).toBe(0);
      await once(session, 'close');
      release();
      expect((await answer).code).toBe(0);
      await target.close();
    });
    test('a peer that answers no ping is cut off', async () => {
      const target = await startReceiver({ limits: { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 } });
      const socket = connect(target.grpc.port, target.grpc.host);
      // The preface and an empty SETTINGS frame, and then silence.
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
      socket.resume();
      await once(socket, 'close');
      await target.close();
    });
    test('a sender that sends nothing but answers pings may stay', async () => {
      const target = await startReceiver({ limits: { keepaliveTimeMs: 30, keepaliveTimeoutMs: 1000 } });
      const session = http2To(target);
      let pings = 0;
      await new Promise<void>((resolve) => {
        session.on('ping', () => {
          pings += 1;
          if (pings === 3) resolve();
        });
      });
      expect(session.destroyed).toBe(false);
      session.close();
      await target.close();
    });
    test('windows are large enough for a whole request', async () => {
      const target = await startReceiver();
      const session = http2To(target);
      const [settings] = (await once(session, 'remoteSettings')) as [
        { initialWindowSize: number; maxConcurrentStreams: number },
      ];
      expect(settings).toMatchObject({ initialWindowSize: 1024 * 1024, maxConcurrentStreams: 100 });
      session.close();
      await target.close();
    });
  },
);

requirement(
  {
    number: 50,
    level: 'industry',
    sentence: 'header, request and idle time are limited',
    docket: 'Header 10 s, request 60 s (or its `grpc-timeout`), idle HTTP connection 75 s.',
    collector: 'no limits',
  },
  () => {
    test('a header that never ends is cut off', async () => {
      const target = await startReceiver({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
      const socket = connect(target.http.port, target.http.host);
      socket.write('POST /v1/traces HTTP/1.1\r\nhost: x\r\n');
      socket.resume();
      await once(socket, 'close');
      expect((await post(target, '/v1/traces', '{}')).status).toBe(200);
      await target.close();
    });
    test('a connection that never greets is cut off', async () => {
      const target = await startReceiver({ limits: { headersTimeoutMs: 200 } });
      const socket = connect(target.grpc.port, target.grpc.host);
      socket.resume();
      await once(socket, 'close');
      await target.close();
    });
    test.each([{}, { 'grpc-timeout': '200m' }])(
      'a gRPC message that never ends is refused as retryable %o',
      async (headers) => {
        const target = await startReceiver({
          limits: { headersTimeoutMs: 200, requestTimeoutMs: 'grpc-timeout' in headers ? 60_000 : 200 },
        });
        const session = http2To(target);
        const stream = session.request({
          ':method': 'POST',
          ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
          'content-type': 'application/grpc',
          ...headers,
        });
        stream.on('error', () => {});
        stream.write(grpcFrame(Buffer.alloc(10), false, 1000));
        const [response] = (await once(stream, 'response')) as [Record<string, string>];
        expect(response).toMatchObject({ 'grpc-status': '14' });
        session.destroy();
        await target.receiver.close();
        expect(await target.metrics.prometheusText()).not.toMatch(/in_flight_bytes\{[^}]*\} [1-9]/);
      },
    );
    test('an idle HTTP connection is closed', async () => {
      const target = await startReceiver({ limits: { idleTimeoutMs: 100 } });
      const socket = connect(target.http.port, target.http.host);
      socket.write(
        'POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
      );
      socket.resume();
      await once(socket, 'close');
      await target.close();
    });
  },
);

requirement(
  {
    number: 51,
    level: 'industry',
    sentence: 'shutdown takes nothing new and answers what is under way',
    docket: 'GOAWAY, requests under way get up to 10 s.',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      const target = await startReceiver();
      const held = deferred();
      const started = deferred();
      target.answerWith(async () => {
        started.resolve();
        await held.promise;
        return ACCEPTED;
      });
      const answer = exportOver(wire, target, 'traces', GOOD.traces);
      await started.promise;
      const closed = target.receiver.close();
      await expect(post(target, '/v1/traces', '{}')).rejects.toThrow('ECONNREFUSED');
      await expect(rawCall(target, grpcFrame(Buffer.alloc(0)))).rejects.toThrow('ECONNREFUSED');
      held.resolve();
      expect((await answer).code).toBe(0);
      await closed;
      await target.metrics.close();
    });
    test('nobody waits for connections on which nothing is under way any more', async () => {
      const target = await startReceiver({ limits: { closeTimeoutMs: 3_600_000 } });
      const started = deferred();
      const held = deferred();
      target.answerWith(async () => {
        started.resolve();
        await held.promise;
        return ACCEPTED;
      });
      const unused = connect(target.http.port, target.http.host);
      const busy = connect(target.http.port, target.http.host);
      const ended = [unused, busy].map((socket) => once(socket.resume(), 'close'));
      const body = JSON.stringify(GOOD.traces);
      busy.write(
        `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await started.promise;
      const closed = target.close();
      held.resolve();
      await Promise.all([...ended, closed]);
    });
    test('what never ends is cut off', async () => {
      const target = await startReceiver({ limits: { closeTimeoutMs: 200 } });
      target.answerWith(() => new Promise(() => {}));
      const session = http2To(target);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        'content-type': 'application/grpc',
      });
      stream.on('error', () => {});
      stream.write(grpcFrame(Buffer.alloc(10), false, 1000));
      await once(session, 'remoteSettings');
      await target.close();
      session.destroy();
    });
  },
);

requirement(
  {
    number: 52,
    level: 'industry',
    sentence: 'accepted, refused and rejected items are counted by signal and transport',
    docket: 'docs/spec/self-telemetry.md lists every instrument.',
    collector: 'yes, by receiver and transport',
  },
  () => {
    test('requests by result, items by fate', async () => {
      const target = await startReceiver();
      for (const wire of WIRES) {
        await exportOver(wire, target, 'traces', GOOD.traces);
        await exportOver(wire, target, 'traces', Buffer.from('{'));
      }
      await post(target, '/nowhere', '{');
      target.answerWith(async () => ({ kind: 'retryable', message: 'busy', retryAfterMs: 1 }));
      await exportOver('gRPC', target, 'logs', GOOD.logs);
      const text = await target.metrics.prometheusText();
      const value = (name: string, labels: string): number =>
        Number(new RegExp(`^${name}\\{${labels}[^}]*\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
      expect(value('docket_receiver_requests_total', 'transport="http",signal="traces",result="accepted"')).toBe(2);
      expect(value('docket_receiver_requests_total', 'transport="grpc",signal="traces",result="accepted"')).toBe(1);
      expect(
        value('docket_receiver_requests_total', 'transport="grpc",signal="traces",result="invalid_argument"'),
      ).toBe(1);
      expect(value('docket_receiver_requests_total', 'transport="http",signal="unknown",result="unimplemented"')).toBe(
        1,
      );
      expect(value('docket_receiver_accepted_items_total', 'transport="http",signal="traces"')).toBe(2);
      expect(value('docket_receiver_refused_items_total', 'transport="grpc",signal="logs"')).toBe(1);
      await target.close();
    });

    test('what is refused before it is read, by requests and by the bytes its sender named', async () => {
      const target = await startReceiver({ limits: { workBytesAlways: 0, expectedWaitMsMax: 0 } });
      const body = JSON.stringify(GOOD.traces);
      expect((await post(target, '/v1/traces', body)).status).toBe(503);
      const text = await target.metrics.prometheusText();
      expect(text).toMatch(
        /docket_receiver_requests_total\{transport="http",signal="traces",result="retryable"[^}]*\} 1/,
      );
      expect(text).toMatch(
        new RegExp(`docket_receiver_refused_bytes_total\\{transport="http",signal="traces"[^}]*\\} ${body.length}`),
      );
      await target.close();
    });
  },
);
