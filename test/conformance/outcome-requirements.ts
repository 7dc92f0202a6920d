import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { deferred } from './deferred.ts';
import {
  createGrpcClient,
  EXPORT_PATH,
  GOOD,
  protobufOf,
  type ReceiverUnderTest,
  SPAN_ID,
  startReceiver,
  TRACE_ID,
} from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import { type Answer, exportOver, grpcFrame, post, rawCall, WIRES } from './wire.ts';

const CODE = { ok: 0, invalidArgument: 3, unimplemented: 12, unavailable: 14 } as const;
let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver();
});
beforeEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

/** Half a minute at most: a sender with much in its queue would drop it meanwhile. */
function expectSoon({ retryDelayMs }: Answer): void {
  expect(retryDelayMs).toBeGreaterThanOrEqual(1000);
  expect(retryDelayMs).toBeLessThanOrEqual(30_000);
}

/** One good span, and as many without ids as asked for. */
const withBadSpans = (bad: number): object => ({
  resourceSpans: [
    {
      scopeSpans: [
        { spans: [...Array.from({ length: bad }, () => ({ name: 'bad' })), { traceId: TRACE_ID, spanId: SPAN_ID }] },
      ],
    },
  ],
});

requirement(
  {
    number: 9,
    level: 'MUST',
    sentence: 'Export of the trace, logs and metrics services is served',
    docket: 'gRPC on port 4317, HTTP on port 4318.',
    collector: 'yes',
  },
  () => {
    for (const wire of WIRES) {
      test.each(SIGNALS)(`%s over ${wire}`, async (signal) => {
        expect((await exportOver(wire, target, signal, GOOD[signal])).code).toBe(CODE.ok);
        expect(target.handled).toMatchObject([{ signal, items: 1, tenant: 'default' }]);
        expect(target.handled[0]?.bytes).toEqual(protobufOf(signal, GOOD[signal]));
      });
    }
  },
);

requirement(
  {
    number: 10,
    level: 'MUST',
    sentence: 'full success leaves partial_success unset',
    docket: 'An empty message; `{}` in JSON.',
    collector: 'sets an empty partial_success: `{"partialSuccess":{}}`',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      const { body } = await exportOver(wire, target, 'traces', GOOD.traces);
      expect(body.toString()).toBe(wire === 'HTTP JSON' ? '{}' : '');
    });
  },
);

requirement(
  {
    number: 11,
    level: 'SHOULD',
    sentence: 'an empty request succeeds',
    docket: 'The pipeline is not asked; the same for envelopes without items.',
    collector: 'yes',
  },
  () => {
    for (const wire of WIRES) {
      test.each(SIGNALS)(`%s over ${wire}`, async (signal) => {
        const [list = ''] = Object.keys(GOOD[signal]);
        for (const request of [{}, { [list]: [{}] }]) {
          expect(await exportOver(wire, target, signal, request)).toMatchObject({ code: CODE.ok, rejected: 0 });
        }
        expect(target.handled).toEqual([]);
      });
    }
  },
);

requirement(
  {
    number: 12,
    level: 'MUST',
    sentence: 'a partial success counts exactly what was rejected',
    docket: 'With the count of each reason; what later stages reject is added.',
    collector: 'rejects nothing itself',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      const answer = await exportOver(wire, target, 'traces', withBadSpans(3));
      expect(answer).toMatchObject({ code: CODE.ok, rejected: 3 });
      expect(answer.errorMessage).toContain('3 spans without a valid trace_id');
      expect(target.handled).toMatchObject([{ items: 1 }]);
    });
    test.each(WIRES)('%s: what the handler rejects is added', async (wire) => {
      target.answerWith(async () => ({ kind: 'accepted', rejected: 1, message: 'too old' }));
      const answer = await exportOver(wire, target, 'traces', withBadSpans(2));
      expect(answer.rejected).toBe(3);
      expect(answer.errorMessage).toContain('too old');
    });
  },
);

requirement(
  {
    number: 13,
    level: 'MUST',
    sentence: 'a warning on full acceptance is rejected = 0 with a message',
    docket: 'Used for field names in snake_case.',
  },
  () => {
    test.each(WIRES)('%s', async (wire) => {
      target.answerWith(async () => ({ kind: 'accepted', rejected: 0, message: 'mind this' }));
      expect(await exportOver(wire, target, 'logs', GOOD.logs)).toMatchObject({
        code: CODE.ok,
        rejected: 0,
        errorMessage: 'mind this',
      });
    });
  },
);

requirement(
  {
    number: 14,
    level: 'MUST',
    sentence: 'a partial success is never used for what may succeed later',
    docket: 'Transient failure refuses the whole request; nothing of it is kept.',
  },
  () => {
    test.each(WIRES)('%s: bad items and a transient failure are a transient failure', async (wire) => {
      target.answerWith(async () => ({ kind: 'retryable', message: 'spool full', retryAfterMs: 1000 }));
      const answer = await exportOver(wire, target, 'traces', withBadSpans(2));
      expect(answer).toMatchObject({ code: CODE.unavailable, rejected: 0 });
    });
  },
);

requirement(
  {
    number: 15,
    level: 'SHOULD',
    sentence: 'a retryable gRPC failure is UNAVAILABLE with RetryInfo',
    docket: 'Always with RetryInfo.',
  },
  () => {
    test.each(SIGNALS)('%s', async (signal) => {
      target.answerWith(async () => ({ kind: 'retryable', message: 'spool full', retryAfterMs: 7250 }));
      expect(await exportOver('gRPC', target, signal, GOOD[signal])).toMatchObject({
        code: CODE.unavailable,
        message: 'spool full',
        retryDelayMs: 7250,
      });
    });
    test('a check of credentials that fails to run', async () => {
      const broken = await startReceiver({
        authenticate: () => {
          throw new Error('directory of tokens cannot be read');
        },
      });
      for (const wire of WIRES) {
        const answer = await exportOver(wire, broken, 'traces', GOOD.traces);
        expect(answer.code).toBe(CODE.unavailable);
        expectSoon(answer);
        expect(answer.message).not.toContain('tokens');
      }
      const text = await broken.metrics.prometheusText();
      expect(text).toMatch(
        /docket_receiver_requests_total\{transport="grpc",signal="traces",result="retryable"[^}]*\} 1/,
      );
      await broken.close();
    });
  },
);

requirement(
  {
    number: 16,
    level: 'SHOULD',
    sentence: 'what can never succeed is INVALID_ARGUMENT with BadRequest over gRPC',
    docket: 'Broken protobuf, broken gzip and broken framing alike.',
    collector: 'INTERNAL, without details',
  },
  () => {
    test('broken protobuf', async () => {
      const answer = await exportOver('gRPC', target, 'traces', Buffer.from('garbage'));
      expect(answer).toMatchObject({ code: CODE.invalidArgument, badRequest: true, retryDelayMs: undefined });
    });
    test.each([
      ['no message', Buffer.alloc(0)],
      ['a message cut short', grpcFrame(Buffer.alloc(3), false, 10)],
      ['two messages', Buffer.concat([grpcFrame(Buffer.alloc(0)), grpcFrame(Buffer.alloc(0))])],
      ['an unknown flag', Buffer.from([7, 0, 0, 0, 0])],
      ['a compressed message in a call that names no encoding', grpcFrame(Buffer.alloc(0), true)],
    ])('broken framing: %s', async (_, frame) => {
      expect(await rawCall(target, frame)).toMatchObject({ 'grpc-status': '3' });
      expect(target.handled).toEqual([]);
    });
  },
);

requirement(
  {
    number: 17,
    level: 'MUST',
    sentence: 'what may succeed later is never a code that senders give up on',
    docket: 'An unforeseen failure is UNAVAILABLE, never INTERNAL or UNKNOWN.',
  },
  () => {
    test('a handler that throws', async () => {
      target.answerWith(() => Promise.reject(new Error('secret text of the request')));
      const answer = await exportOver('gRPC', target, 'traces', GOOD.traces);
      expect(answer.code).toBe(CODE.unavailable);
      expectSoon(answer);
      expect(answer.message).not.toContain('secret');
    });
  },
);

requirement(
  {
    number: 18,
    level: 'SHOULD',
    sentence: 'overload is explicit: UNAVAILABLE with RetryInfo, 503 with Retry-After',
    docket:
      'A budget of bytes in flight over both ports (256 MiB), copies made from JSON and gzip included, and a bound on the work waiting (0.5 s at the pace of late), asked before a body is read. The time to come back is when the work before it is expected to be done, behind those refused before, drawn out at random, 1 to 30 s.',
  },
  () => {
    test.each(WIRES)('%s: what does not fit the budget is refused, and the budget is given back', async (wire) => {
      const small = await startReceiver({ limits: { inFlightBytesMax: 500 } });
      const { promise: held, resolve: release } = deferred();
      const { promise: started, resolve: begin } = deferred();
      small.answerWith(async () => {
        begin();
        await held;
        return ACCEPTED;
      });
      const request = {
        resourceLogs: [
          { scopeLogs: [{ logRecords: [{ body: { stringValue: 'x'.repeat(wire === 'HTTP JSON' ? 150 : 300) } }] }] },
        ],
      };
      const first = exportOver(wire, small, 'logs', request);
      await started;
      const answer = await exportOver(wire, small, 'logs', request);
      expect(answer).toMatchObject({ code: CODE.unavailable, ...(wire === 'gRPC' ? {} : { httpStatus: 503 }) });
      expectSoon(answer);
      if (wire !== 'gRPC') expect(Number(answer.retryAfter)).toBe(Math.ceil((answer.retryDelayMs ?? 0) / 1000));
      release();
      expect((await first).code).toBe(CODE.ok);
      expect((await exportOver(wire, small, 'logs', request)).code).toBe(CODE.ok);
      await small.receiver.close();
      expect(await small.metrics.prometheusText()).not.toMatch(/in_flight_bytes\{[^}]*\} [1-9]/);
    });
    test.each(WIRES)('%s: beyond the work waiting a request is refused before it is read', async (wire) => {
      const busy = await startReceiver({ limits: { workBytesAlways: 1, expectedWaitMsMax: 1 } });
      const { promise: held, resolve: release } = deferred();
      const { promise: started, resolve: begin } = deferred();
      busy.answerWith(async () => {
        begin();
        await held;
        return ACCEPTED;
      });
      const first = exportOver(wire, busy, 'logs', GOOD.logs);
      await started;
      // Read to its end it would be refused as malformed, for good.
      const answer = await exportOver(wire, busy, 'logs', Buffer.from('no request'));
      expect(answer.code).toBe(CODE.unavailable);
      expectSoon(answer);
      release();
      expect((await first).code).toBe(CODE.ok);
      expect((await exportOver(wire, busy, 'logs', GOOD.logs)).code).toBe(CODE.ok);
      await busy.close();
    });
    test.each(['gRPC', 'HTTP protobuf'] as const)(
      '%s: while nothing gets done, senders are asked to come back later and later, each at another time',
      async (wire) => {
        const stuck = await startReceiver({ limits: { workBytesAlways: 1, expectedWaitMsMax: 1 } });
        const { promise: held, resolve: release } = deferred();
        const { promise: started, resolve: begin } = deferred();
        stuck.answerWith(async () => {
          begin();
          await held;
          return ACCEPTED;
        });
        const first = exportOver(wire, stuck, 'logs', GOOD.logs);
        await started;
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        const delays: number[] = [];
        for (let sender = 0; sender < 8; sender += 1) {
          delays.push((await exportOver(wire, stuck, 'logs', GOOD.logs)).retryDelayMs ?? 0);
        }
        expect(Math.min(...delays)).toBeGreaterThanOrEqual(2_000);
        expect(Math.max(...delays)).toBeLessThanOrEqual(30_000);
        expect(new Set(delays).size).toBeGreaterThan(4);
        release();
        expect((await first).code).toBe(CODE.ok);
        await stuck.close();
      },
    );
    test('an HTTP connection whose request was refused by its head goes on with the next', async () => {
      const small = await startReceiver({ limits: { inFlightBytesMax: 500 } });
      const socket = connect(small.http.port, small.http.host);
      const head = 'POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: ';
      let heard = '';
      socket.on('data', (data: Buffer) => (heard += data.toString('latin1')));
      socket.write(`${head}100000\r\n\r\n`);
      socket.write(Buffer.alloc(50_000));
      await expect.poll(() => heard).toContain('HTTP/1.1 503');
      expect(heard.toLowerCase()).not.toContain('connection: close');
      socket.write(Buffer.alloc(50_000));
      socket.write(`${head}0\r\n\r\n`);
      await expect.poll(() => heard).toContain('HTTP/1.1 200');
      socket.destroy();
      await small.close();
    });
    test('JSON counts together with the protobuf made of it', async () => {
      const body = JSON.stringify(GOOD.traces);
      const small = await startReceiver({ limits: { inFlightBytesMax: body.length + 10 } });
      expect((await post(small, '/v1/traces', body)).status).toBe(503);
      expect(small.handled).toEqual([]);
      await small.close();
    });
  },
);

requirement(
  {
    number: 19,
    level: 'SHOULD',
    sentence: 'many calls on one connection are served at once',
    docket: '100 at a time; more wait at the sender.',
  },
  () => {
    test('200 calls on one connection', async () => {
      const client = createGrpcClient(target.grpc);
      const body = protobufOf('traces', GOOD.traces);
      const answers = await Promise.all(Array.from({ length: 200 }, () => client.call(EXPORT_PATH.traces, body)));
      expect(answers.every((answer) => answer.code === CODE.ok)).toBe(true);
      expect(target.handled).toHaveLength(200);
      client.close();
    });
    test('a slow call does not hold up the next', async () => {
      const { promise: held, resolve: release } = deferred();
      let calls = 0;
      target.answerWith(async () => {
        calls += 1;
        if (calls === 1) await held;
        return ACCEPTED;
      });
      const client = createGrpcClient(target.grpc);
      const body = protobufOf('traces', GOOD.traces);
      const slow = client.call(EXPORT_PATH.traces, body);
      expect((await client.call(EXPORT_PATH.traces, body)).code).toBe(CODE.ok);
      release();
      expect((await slow).code).toBe(CODE.ok);
      client.close();
    });
  },
);

requirement(
  {
    number: 20,
    level: 'industry',
    sentence: 'an unknown service is UNIMPLEMENTED and its connection stays good',
    docket: 'The connection serves on. grpc.health.v1 Check is served.',
    collector: 'yes',
  },
  () => {
    test('profiles, an unknown service and an unknown method', async () => {
      const client = createGrpcClient(target.grpc);
      for (const path of [
        '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export',
        '/unknown.Service/Call',
        '/opentelemetry.proto.collector.trace.v1.TraceService/Import',
      ]) {
        expect((await client.call(path, Buffer.alloc(0))).code).toBe(CODE.unimplemented);
        expect((await client.call(EXPORT_PATH.traces, Buffer.alloc(0))).code).toBe(CODE.ok);
      }
      client.close();
    });
    test('the health service says SERVING for the server and for its services', async () => {
      const path = '/grpc.health.v1.Health/Check';
      const client = createGrpcClient(target.grpc);
      const asking = (service: string): Buffer =>
        Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]);
      for (const request of [Buffer.alloc(0), asking('opentelemetry.proto.collector.trace.v1.TraceService')]) {
        expect((await client.call(path, request)).response).toEqual(Buffer.from([0x08, 0x01]));
      }
      expect((await client.call(path, asking('x'))).code).toBe(5);
      expect((await client.call('/grpc.health.v1.Health/Watch', Buffer.alloc(0))).code).toBe(CODE.unimplemented);
      client.close();
    });
  },
);
