import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Signal, SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import {
  EXPORT_PATH,
  GOOD,
  protobufOf,
  type ReceiverUnderTest,
  SPAN_ID,
  startReceiver,
  TRACE_ID,
} from './receiver-under-test.ts';
import { lz4WithRun, snappyWithRun, zstdFrame, zstdRun, ZSTD_ZEROS } from '../support/compressed-bodies.ts';
import { exportOver, grpcFrame, post, rawCall, WIRES } from './wire.ts';

// What a hostile or broken sender does to the receiver. After each attack an honest sender is served as before.
const LIMIT = 1024 * 1024;
const JSON_TYPE = 'application/json';
const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
let target: ReceiverUnderTest;
const sockets: Socket[] = [];

beforeAll(async () => {
  target = await startReceiver({ limits: { requestBytesMax: LIMIT, inFlightBytesMax: 4 * LIMIT } });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  target.answerWith(async () => ACCEPTED);
  for (const wire of WIRES) expect((await exportOver(wire, target, 'traces', GOOD.traces)).code).toBe(0);
  expect(await target.metrics.prometheusText()).not.toMatch(/in_flight_bytes\{[^}]*\} [1-9]/);
  target.handled.length = 0;
});
afterAll(() => target.close());

function socketTo(port: 'grpc' | 'http', to = target): Socket {
  const socket = connect(to[port].port, to[port].host);
  socket.on('error', () => {});
  sockets.push(socket);
  return socket;
}

/** One HTTP/2 frame: 3 bytes length, type, flags, 4 bytes stream, payload. */
function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const WINDOW_UPDATE = 8;
const CONTINUATION = 9;

/** A header block that needs no table: literal names and values, `:method POST` and so on. */
function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(fields).map(([name, value]) =>
      Buffer.concat([
        Buffer.from([0, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]),
    ),
  );
}
const CALL = headerBlock({
  ':method': 'POST',
  ':scheme': 'http',
  ':path': EXPORT_PATH.traces,
  ':authority': 'x',
  'content-type': 'application/grpc',
});

describe.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
] as const)('T1 malformed %s is refused and the process lives on', (encoding, compress) => {
  const whole = compress(protobufOf('traces', GOOD.traces));
  const broken: [string, Buffer][] = [
    ['text', Buffer.from('not compressed at all')],
    ['one byte', Buffer.from([0x1f])],
    ['junk behind the stream', Buffer.concat([whole, Buffer.from('junk junk junk')])],
  ];
  for (let cut = 1; cut < whole.length; cut += 9) broken.push([`cut at byte ${cut}`, whole.subarray(0, cut)]);
  for (let at = 10; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    broken.push([`a bit flipped in byte ${at}`, flipped]);
  }
  test.each(broken)('%s', async (_, body) => {
    expect(await rawCall(target, grpcFrame(body, true), { 'grpc-encoding': encoding })).toMatchObject({
      'grpc-status': '3',
    });
    const headers = { 'content-encoding': encoding, 'content-type': 'application/x-protobuf' };
    expect((await post(target, '/v1/traces', body, { headers })).status).toBe(400);
    expect(target.handled).toEqual([]);
  });
});

describe.each([
  ['zstd', 'trace.json.zst'],
  ['snappy', 'trace.json.snappy-framed'],
  ['lz4', 'trace.json.lz4-checked'],
])('T1 malformed %s is refused and the process lives on', (encoding, name) => {
  // All with checksums.
  const whole = readFileSync(join(import.meta.dirname, 'examples', 'compressed', name));
  const broken: [string, Buffer][] = [
    ['text', Buffer.from('not compressed at all')],
    ['one byte', Buffer.from([0x28])],
    ['junk behind it', Buffer.concat([whole, Buffer.from('junk junk junk')])],
  ];
  for (let cut = 11; cut < whole.length; cut += 9) broken.push([`cut at byte ${cut}`, whole.subarray(0, cut)]);
  for (let at = 14; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    broken.push([`a bit flipped in byte ${at}`, flipped]);
  }
  test.each(broken)('%s', async (_, body) => {
    expect(await rawCall(target, grpcFrame(body, true), { 'grpc-encoding': encoding })).toMatchObject({
      'grpc-status': '3',
    });
    expect((await post(target, '/v1/traces', body, { headers: { 'content-encoding': encoding } })).status).toBe(400);
    expect(target.handled).toEqual([]);
  });
});

describe.each([
  ['zstd', 'in runs of one byte', zstdFrame(zstdRun(0, 4096 * LIMIT))],
  ['zstd', 'in compressed blocks', zstdFrame(Array.from({ length: 4096 }, () => ZSTD_ZEROS))],
  [
    'zstd',
    'lying about its size',
    zstdFrame(
      Array.from({ length: 512 }, () => ZSTD_ZEROS),
      LIMIT - 1,
    ),
  ],
  ['zstd', 'of several frames', Buffer.concat(Array.from({ length: 3 }, () => zstdFrame(zstdRun(0, LIMIT / 2))))],
  ['snappy', 'as a block', snappyWithRun(Buffer.from('x'), 20 * LIMIT)],
  ['lz4', 'in blocks that say little and come to much', lz4WithRun(Buffer.from('x'), 200 * LIMIT)],
])('T2 a bomb of %s, %s, costs no more than a request', (encoding, kind, bomb) => {
  const headers = { 'content-encoding': encoding };
  const lies = kind.startsWith('lying');
  test('alone', async () => {
    expect((await post(target, '/v1/traces', bomb, { headers })).status).toBe(lies ? 400 : 413);
    expect(await rawCall(target, grpcFrame(bomb, true), { 'grpc-encoding': encoding })).toMatchObject({
      'grpc-status': lies ? '3' : '8',
    });
  });
  test('fifty at once', async () => {
    const before = process.memoryUsage().rss;
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(target, '/v1/traces', bomb, { headers })));
    for (const { status } of answers) expect([lies ? 400 : 413, 503]).toContain(status);
    // What was sent is in this process, too; unpacked, the smallest bomb is 1.5 MiB and the others are far more.
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * LIMIT + 100 * bomb.length);
    expect((await post(target, '/v1/traces', JSON.stringify(GOOD.traces))).status).toBe(200);
  });
});

describe('T2 a decompression bomb costs no more than a request', () => {
  const headers = { 'content-encoding': 'gzip' };
  const bomb = gzipSync(Buffer.alloc(64 * LIMIT));
  const half = gzipSync(Buffer.alloc(LIMIT / 2 + 1));
  const lying = Buffer.from(bomb);
  lying.writeUInt32LE(10, lying.length - 4);
  test.each([
    ['honest about its size', bomb],
    ['lying about its size', lying],
    ['of several members', Buffer.concat([half, half, gzipSync('x')])],
  ])('%s', async (_, body) => {
    expect((await post(target, '/v1/traces', body, { headers })).status).toBe(413);
    expect(await rawCall(target, grpcFrame(body, true), { 'grpc-encoding': 'gzip' })).toMatchObject({
      'grpc-status': '8',
    });
  });
  test('packed twice it is only not a request', async () => {
    expect((await post(target, '/v1/traces', gzipSync(bomb), { headers })).status).toBe(400);
  });
  test('fifty at once take no more than the budget', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(target, '/v1/traces', bomb, { headers })));
    for (const { status } of answers) expect([413, 503]).toContain(status);
    expect(answers.some((answer) => answer.status === 413)).toBe(true);
  });
});

describe('T3 sizes that lie are judged by what arrives', () => {
  test('a gRPC length of 4 GiB is refused from its prefix alone', async () => {
    expect(await rawCall(target, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))).toMatchObject({ 'grpc-status': '8' });
  });
  test('an HTTP length of 1 TiB is refused from its header alone', async () => {
    const socket = socketTo('http');
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: ${2 ** 40}\r\n\r\n`,
    );
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toContain('HTTP/1.1 413');
  });
  test('a chunked body that never ends is answered 413 and its connection closed', async () => {
    const socket = socketTo('http');
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
  test('lengths that are only claimed keep nobody out', async () => {
    for (let each = 0; each < 20; each += 1) {
      const socket = socketTo('http');
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: ${LIMIT}\r\n\r\n{`,
      );
      const call = socketTo('grpc');
      call.write(
        Buffer.concat([
          PREFACE,
          frame(SETTINGS, 0, 0),
          frame(HEADERS, 4, 1, CALL),
          frame(DATA, 0, 1, grpcFrame(Buffer.alloc(1), false, LIMIT)),
        ]),
      );
    }
    await expect.poll(() => target.metrics.prometheusText()).toMatch(/in_flight_bytes\{[^}]*\} [1-9]/);
    for (const wire of WIRES) expect((await exportOver(wire, target, 'traces', GOOD.traces)).code).toBe(0);
    for (const socket of sockets.splice(0)) socket.destroy();
    await expect.poll(() => target.metrics.prometheusText()).toMatch(/in_flight_bytes\{[^}]*\} 0/);
  });
});

/** A log body of `levels` values in protobuf, each in a list or in a pair of the one around it, built from the inside. */
function deepBody(levels: number, kind: 'array' | 'pairs'): Buffer {
  const heads: Buffer[] = [];
  let length = 0;
  const wrap = (field: number): void => {
    const head = [(field << 3) | 2];
    let rest = length;
    while (rest > 0x7f) {
      head.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    head.push(rest);
    heads.push(Buffer.from(head));
    length += head.length;
  };
  for (let level = 1; level < levels; level += 1) {
    if (kind === 'pairs') wrap(2);
    wrap(1);
    wrap(kind === 'array' ? 5 : 6);
  }
  for (const field of [5, 2, 2, 1]) wrap(field);
  return Buffer.concat(heads.reverse());
}

describe('T4 nesting is bounded and walked without recursion', () => {
  test.each(WIRES)('%s: 47 levels of arrays and of pairs are taken', async (wire) => {
    for (const kind of ['array', 'pairs'] as const) {
      const text = log((kind === 'array' ? arrays : pairs)(46));
      const request = wire === 'HTTP JSON' ? (JSON.parse(text) as object) : deepBody(47, kind);
      expect(await exportOver(wire, target, 'logs', request)).toMatchObject({ code: 0 });
      expect(target.handled.at(-1)).toMatchObject({ items: 1 });
    }
  });
  test.each([48, 1000, 50_000])('protobuf values of %i levels', async (levels) => {
    for (const kind of ['array', 'pairs'] as const) {
      for (const wire of ['gRPC', 'HTTP protobuf'] as const) {
        expect(await exportOver(wire, target, 'logs', deepBody(levels, kind))).toMatchObject({
          code: 3,
          badRequest: true,
        });
      }
    }
  });
  const arrays = (levels: number): string => '{"arrayValue":{"values":['.repeat(levels) + ']}}'.repeat(levels);
  const pairs = (levels: number): string =>
    '{"kvlistValue":{"values":[{"value":'.repeat(levels) + '{}' + '}]}}'.repeat(levels);
  const log = (body: string): string => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${body}}]}]}]}`;
  test.each([48, 1000, 15_000])('JSON values of %i levels', async (levels) => {
    for (const text of [log(arrays(levels)), log(pairs(levels))]) {
      expect((await post(target, '/v1/logs', text)).status).toBe(400);
    }
  });
  test.each(['[', '{"a":'])('half a million of %s in an unknown field', async (open) => {
    const levels = Math.floor((LIMIT - 1000) / (open.length + 1));
    const text = `{"newer":${open.repeat(levels)}1${(open === '[' ? ']' : '}').repeat(levels)}}`;
    const { status } = await post(target, '/v1/logs', text);
    expect([200, 400]).toContain(status);
  });
});

describe('T5 keys that name what every object has are keys like others', () => {
  test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('%s', async (key) => {
    const attributes = [
      { key, value: { kvlistValue: { values: [{ key: 'polluted', value: { stringValue: 'yes' } }] } } },
    ];
    const request = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: [{ attributes }] }] }] };
    for (const wire of WIRES) {
      expect((await exportOver(wire, target, 'logs', request)).code).toBe(0);
      expect(Buffer.from(target.handled.at(-1)?.bytes ?? []).includes(key)).toBe(true);
    }
    const member = `{"${key}":{"polluted":"yes"},"resourceLogs":[{"${key}":{"polluted":"yes"}}]}`;
    expect((await post(target, '/v1/logs', member)).status).toBe(200);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('T12 HTTP/2 and slow connections', () => {
  const greeting = Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]);

  /** What an honest sender on a connection of its own sees while the attack goes on. */
  async function honestSenderIsServed(): Promise<void> {
    for (const wire of WIRES) expect((await exportOver(wire, target, 'traces', GOOD.traces)).code).toBe(0);
  }

  test('rapid reset ends the connection and reaches no handler', async () => {
    const socket = socketTo('grpc');
    socket.resume();
    const closed = once(socket, 'close');
    socket.write(greeting);
    const resets: Buffer[] = [];
    const cancel = Buffer.from([0, 0, 0, 8]);
    for (let stream = 1; stream < 10_000; stream += 2) {
      resets.push(frame(HEADERS, 4, stream, CALL), frame(RST_STREAM, 0, stream, cancel));
    }
    socket.write(Buffer.concat(resets));
    await honestSenderIsServed();
    await closed;
    expect(target.handled).toHaveLength(WIRES.length);
  });

  test('calls that Docket itself refuses early do not count as resets', async () => {
    const session = connectHttp2(`http://${target.grpc.host}:${target.grpc.port}`);
    let ended = false;
    session.on('error', () => (ended = true));
    session.on('goaway', () => (ended = true));
    const refused = async (): Promise<unknown> => {
      const stream = session.request({
        ':method': 'POST',
        ':path': EXPORT_PATH.traces,
        'content-type': 'application/grpc',
      });
      stream.on('error', () => {});
      stream.write(grpcFrame(Buffer.alloc(100), false, LIMIT + 1));
      const [headers] = (await once(stream, 'response')) as [Record<string, string>];
      return headers['grpc-status'];
    };
    for (let round = 0; round < 20; round += 1) {
      expect(await Promise.all(Array.from({ length: 50 }, refused))).toEqual(Array.from({ length: 50 }, () => '8'));
    }
    expect(ended).toBe(false);
    session.destroy();
  });

  test('a CONTINUATION flood ends the connection', async () => {
    const socket = socketTo('grpc');
    socket.resume();
    const closed = once(socket, 'close');
    socket.write(Buffer.concat([greeting, frame(HEADERS, 0, 1, CALL)]));
    const piece = frame(CONTINUATION, 0, 1, headerBlock({ 'x-flood': 'y'.repeat(100) }));
    socket.write(Buffer.concat(Array.from({ length: 5000 }, () => piece)));
    await honestSenderIsServed();
    await closed;
  });

  test('a header block without end is cut off', async () => {
    const impatient = await startReceiver({ limits: { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100 } });
    const socket = socketTo('grpc', impatient);
    socket.resume();
    socket.write(Buffer.concat([greeting, frame(HEADERS, 0, 1, CALL)]));
    await once(socket, 'close');
    await impatient.close();
  });

  test('headers larger than a request may have are refused', async () => {
    const headers = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'y'.repeat(1000)]));
    const answer = await rawCall(target, grpcFrame(Buffer.alloc(0)), headers).catch(() => ({}));
    expect(answer).not.toMatchObject({ 'grpc-status': '0' });
    await honestSenderIsServed();
  });

  test.each([
    ['SETTINGS', frame(SETTINGS, 0, 0)],
    ['PING', frame(PING, 0, 0, Buffer.alloc(8))],
  ])('a sender that floods %s frames and reads no answer is cut off', async (_, flood) => {
    const socket = socketTo('grpc');
    socket.pause();
    socket.write(greeting);
    const block = Buffer.concat(Array.from({ length: 50_000 }, () => flood));
    let open = true;
    socket.on('error', () => (open = false));
    socket.on('close', () => (open = false));
    for (let turn = 0; turn < 40 && open; turn += 1) {
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, 200);
        socket.write(block, () => {
          clearTimeout(limit);
          resolve();
        });
      });
    }
    await honestSenderIsServed();
    await expect.poll(() => open, { timeout: 20_000 }).toBe(false);
  });

  test('empty DATA frames without end do not hold up others', async () => {
    const socket = socketTo('grpc');
    socket.resume();
    socket.write(Buffer.concat([greeting, frame(HEADERS, 4, 1, CALL)]));
    socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(DATA, 0, 1))));
    await honestSenderIsServed();
  });

  test('window updates that overflow end the connection', async () => {
    const socket = socketTo('grpc');
    socket.resume();
    const closed = once(socket, 'close');
    const most = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
    socket.write(Buffer.concat([greeting, frame(WINDOW_UPDATE, 0, 0, most), frame(WINDOW_UPDATE, 0, 0, most)]));
    await closed;
    await honestSenderIsServed();
  });

  test('a thousand idle connections on each port leave others served', async () => {
    for (let each = 0; each < 1000; each += 1) {
      socketTo('http');
      socketTo('grpc').write(greeting);
    }
    await honestSenderIsServed();
  });

  test.each(['grpc', 'http'] as const)('%s connections beyond the limit are closed and counted', async (port) => {
    const small = await startReceiver({ limits: { connectionsMax: 3 } });
    const closed: Promise<unknown>[] = [];
    for (let each = 0; each < 3; each += 1) {
      const socket = socketTo(port, small);
      await once(socket, 'connect');
      socket.write(port === 'grpc' ? greeting : 'POST ');
    }
    for (let each = 0; each < 4; each += 1) {
      const socket = socketTo(port, small);
      socket.resume();
      closed.push(once(socket, 'close'));
    }
    await Promise.all(closed);
    expect(await small.metrics.prometheusText()).toMatch(
      new RegExp(`docket_receiver_refused_connections_total\\{transport="${port}"[^}]*\\} 4`),
    );
    for (const socket of sockets.splice(0)) socket.destroy();
    await small.close();
  });

  test('what is not HTTP/2 is closed', async () => {
    const socket = socketTo('grpc');
    socket.resume();
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'close');
  });

  test('a session that goes away in the middle of a call leaves nothing behind', async () => {
    const session = connectHttp2(`http://${target.grpc.host}:${target.grpc.port}`);
    session.on('error', () => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT_PATH.traces,
      'content-type': 'application/grpc',
    });
    stream.on('error', () => {});
    stream.write(grpcFrame(Buffer.alloc(10_000), false, 20_000));
    await expect.poll(() => target.metrics.prometheusText()).toMatch(/in_flight_bytes\{[^}]*\} [1-9]/);
    session.destroy();
    await expect.poll(() => target.metrics.prometheusText()).toMatch(/in_flight_bytes\{[^}]*\} 0/);
  });
});

describe('T16 nobody sends without credentials or as another tenant', () => {
  let guarded: ReceiverUnderTest;
  beforeAll(async () => {
    guarded = await startReceiver({
      authenticate: ({ get }) => (get('Authorization') === 'Bearer right' ? { tenant: 'acme' } : undefined),
    });
  });
  afterAll(() => guarded.close());

  test.each(WIRES)('%s', async (wire) => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'right' }, { authorization: '' }]) {
      expect((await exportOver(wire, guarded, 'traces', GOOD.traces, { headers })).code).toBe(16);
    }
    expect(guarded.handled).toEqual([]);
    const spoofed = {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'tenant', value: { stringValue: 'other' } }] },
          scopeSpans: [{ spans: [{ traceId: TRACE_ID, spanId: SPAN_ID }] }],
        },
      ],
    };
    const headers = { authorization: 'Bearer right', 'x-scope-orgid': 'other', 'x-tenant': 'other', tenant: 'other' };
    expect((await exportOver(wire, guarded, 'traces', spoofed, { headers })).code).toBe(0);
    expect(guarded.handled.splice(0)).toMatchObject([{ tenant: 'acme' }]);
  });

  test('a call is refused before its message is sent', async () => {
    const session = connectHttp2(`http://${guarded.grpc.host}:${guarded.grpc.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': EXPORT_PATH.traces,
      'content-type': 'application/grpc',
    });
    const [headers] = (await once(stream, 'response')) as [Record<string, string>];
    expect(headers).toMatchObject({ 'grpc-status': '16' });
    session.destroy();
  });

  test('an HTTP request is refused before its body is sent, and says how to identify', async () => {
    const socket = socketTo('http', guarded);
    socket.write(`POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: 1000\r\n\r\n`);
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toContain('HTTP/1.1 401');
    expect(data.toString().toLowerCase()).toContain('www-authenticate: bearer');
  });
});

describe('T19 a body of the wrong kind is refused and never a server error', () => {
  const others = (signal: Signal): Signal[] => SIGNALS.filter((each) => each !== signal);
  test.each(SIGNALS)('a request of another signal sent as %s in JSON is refused', async (signal) => {
    for (const other of others(signal)) {
      expect((await post(target, `/v1/${signal}`, JSON.stringify(GOOD[other]))).status).toBe(400);
    }
  });
  test.each(SIGNALS)('a protobuf request of another signal sent as %s is refused or rejected whole', async (signal) => {
    for (const other of others(signal)) {
      for (const wire of ['gRPC', 'HTTP protobuf'] as const) {
        const answer = await exportOver(wire, target, signal, protobufOf(other, GOOD[other]));
        if (answer.code === 0) expect(answer.rejected).toBeGreaterThan(0);
        else expect(answer.code).toBe(3);
      }
      expect(target.handled).toEqual([]);
    }
  });
  test.each(['x', '\0', '\n', 'null', '[]', '""', '0', '{}x', 'plain text', '\u{feff}{}'])('%j', async (body) => {
    for (const signal of SIGNALS) {
      for (const wire of WIRES)
        expect([0, 3]).toContain((await exportOver(wire, target, signal, Buffer.from(body))).code);
    }
    expect(target.handled).toEqual([]);
  });
});

describe('T20 answers stay small whatever is rejected', () => {
  test('a third of a million spans without ids', async () => {
    const count = 340_000;
    const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[${'{},'.repeat(count).slice(0, -1)}]}]}]}`;
    const json = await exportOver('HTTP JSON', target, 'traces', Buffer.from(body));
    expect(json).toMatchObject({ httpStatus: 200, rejected: count });
    expect(json.body.length).toBeLessThan(1200);
    // ResourceSpans { ScopeSpans { empty spans } }, lengths as varints of three bytes.
    const varint = (length: number): Buffer =>
      Buffer.from([(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14]);
    const spans = Buffer.alloc(2 * count, Buffer.from([0x12, 0x00]));
    const scope = Buffer.concat([Buffer.from([0x12]), varint(spans.length), spans]);
    const request = Buffer.concat([Buffer.from([0x0a]), varint(scope.length), scope]);
    for (const wire of ['gRPC', 'HTTP protobuf'] as const) {
      const answer = await exportOver(wire, target, 'traces', request);
      expect(answer).toMatchObject({ code: 0, rejected: count });
      expect(answer.body.length).toBeLessThan(1200);
    }
  });
});
