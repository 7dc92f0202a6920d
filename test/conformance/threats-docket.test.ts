import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MessageName, messageSchema, requestSchema } from '../../src/otlp/protobuf/schema.ts';
import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import { SIGNALS } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { createScanner } from '../../src/redaction/detectors/scanner.ts';
import { defaultPolicy, loadPolicy } from '../../src/redaction/policy-file.ts';
import { createRedactor, type Redactor, type RedactorOptions } from '../../src/redaction/redactor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { startClickHouseFront } from '../support/clickhouse-http-front.ts';
import { type DocketProcess, startDocket } from '../support/docket-process.ts';
import { searchFolder } from '../support/folder-search.ts';
import { protobufOf, startReceiver } from './receiver-under-test.ts';
import { exportOver, type Target, WIRES } from './wire.ts';

// What hostile telemetry does to the whole of Docket, one process with the embedded engine for all of it.
let docket: DocketProcess;
let target: Target;

beforeAll(async () => {
  docket = await startDocket({ environment: { DOCKET_LOG_LEVEL: 'debug' } });
  target = { grpc: addressOf(docket.otlpGrpc), http: addressOf(docket.otlpHttp) };
});
afterAll(() => docket.dispose());

function addressOf(text: string): Target['grpc'] {
  const [host = '', port = ''] = text.split(':');
  return { host, port: Number(port) };
}

/** A GitHub token's shape: detected wherever it stands. */
const secret = (name: string): string => `ghp_${name.padEnd(36, 'Zq7Rk2Wv9Xs4Tn6Bm1').slice(0, 36)}`;

let traces = 0;
const nextTraceId = (): string => {
  traces += 1;
  return (0xbad_0000 + traces).toString(16).padStart(32, '0');
};
const spanId = (number: number): string => (number + 1).toString(16).padStart(16, '0');
const text = (key: string, value: string): object => ({ key, value: { stringValue: value } });
const spansRequest = (spans: readonly object[], service = 'threats'): object => ({
  resourceSpans: [{ resource: { attributes: [text('service.name', service)] }, scopeSpans: [{ spans }] }],
});

interface StoredTrace {
  readonly spans: readonly {
    readonly spanId: string;
    readonly name: string;
    readonly service?: string;
    readonly startedAt?: string;
  }[];
}

/** The trace as the API shows it once it has so many spans. */
async function stored(traceId: string, spans: number): Promise<StoredTrace & { readonly raw: string }> {
  let raw = '';
  await expect
    .poll(
      async () => {
        const response = await fetch(`http://${docket.api}/api/v1/traces/${traceId}`);
        raw = await response.text();
        return response.status === 200 ? (JSON.parse(raw) as StoredTrace).spans.length : 0;
      },
      { timeout: 20_000 },
    )
    .toBe(spans);
  return { ...(JSON.parse(raw) as StoredTrace), raw };
}

async function sendAll(request: object | Buffer): Promise<void> {
  const wire = Buffer.isBuffer(request) ? 'HTTP protobuf' : 'HTTP JSON';
  expect(await exportOver(wire, target, 'traces', request)).toMatchObject({ code: 0, rejected: 0 });
}

function redactorWith(options: Partial<RedactorOptions> = {}): Redactor {
  return createRedactor({
    policy: defaultPolicy(),
    fingerprintKey: Buffer.alloc(32, 3),
    fingerprintKeyId: 'k1',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
    ...options,
  });
}

describe('T6 a duplicate key smuggles nothing past redaction', () => {
  test.each(WIRES)('%s', async (wire) => {
    const traceId = nextTraceId();
    const hidden = secret(`T6${wire.replaceAll(/[^A-Za-z]/g, '')}`);
    const attributes = [text('note', 'harmless'), text('note', hidden), text('note', 'harmless')];
    const span = { traceId, spanId: spanId(1), name: 'duplicate', attributes, events: [{ name: 'e', attributes }] };
    expect((await exportOver(wire, target, 'traces', spansRequest([span]))).code).toBe(0);
    expect((await stored(traceId, 1)).raw).not.toContain(hidden);
  });
});

/** A JSON message in which every text is `canary`, bytes too, as deep as messages of three kinds of values go. */
function filledWith(canary: (path: string) => string, message: MessageName, path: string, depth: number): object {
  const filled: Record<string, unknown> = {};
  for (const field of messageSchema(message).fields) {
    const at = `${path}.${field.name}`;
    let value: unknown;
    if (field.message !== undefined) {
      if (message === 'AnyValue' && depth > 2) continue;
      value = filledWith(canary, field.message, at, field.message === 'AnyValue' ? depth + 1 : depth);
    } else if (field.kind === 'string') value = canary(at);
    else if (field.kind === 'base64') value = Buffer.from(canary(at)).toString('base64');
    else if (field.kind === 'traceId') value = '1'.repeat(32);
    else if (field.kind === 'spanId') value = '1'.repeat(16);
    else continue;
    filled[field.name] = field.repeated ? [value] : value;
  }
  return filled;
}

describe('T7 a secret is found in every field that holds text', () => {
  test.each(SIGNALS)('%s', async (signal) => {
    const places = new Map<string, string>();
    const canary = (path: string): string => {
      const token = secret(`c${places.size}x${signal}`);
      places.set(token, path);
      return `before ${token} after`;
    };
    const request = filledWith(canary, requestSchema(signal).name, signal, 0);
    const sent = protobufOf(signal, request);
    for (const token of places.keys()) expect(sent.includes(token)).toBe(true);
    const { bytes } = redactorWith().redact({
      tenant: 'default',
      signal,
      bytes: sent,
      items: 1,
      receivedAtUnixNano: 1n,
    });
    expect(places.size).toBeGreaterThan(20);
    const out = Buffer.from(bytes).toString('latin1');
    const leaked = [...places].filter(([token]) => out.includes(token)).map(([, path]) => path);
    expect(leaked).toEqual([]);
  });

  test('and is nowhere on disk, in the log, in metrics or in answers', async () => {
    const traceId = nextTraceId();
    const token = secret('T7wholeProcess');
    const span = {
      traceId,
      spanId: spanId(1),
      name: `call ${token}`,
      attributes: [text(token, token)],
      status: { message: token },
    };
    await sendAll(spansRequest([span], `service ${token}`));
    // A refused request and a rejected item must not quote it either.
    const refused = await exportOver('HTTP JSON', target, 'traces', spansRequest([{ traceId: token, spanId: token }]));
    expect(refused.body.toString()).not.toContain(token);
    expect((await stored(traceId, 1)).raw).not.toContain(token);
    expect(await (await fetch(`http://${docket.api}/metrics`)).text()).not.toContain(token);
    expect(docket.output()).not.toContain(token);
    expect(searchFolder(docket.dataDirectory, token)).toEqual([]);
  });
});

test('T8 thousands of keys and services harm neither their neighbours nor the metrics', async () => {
  const traceId = nextTraceId();
  const attributes = Array.from({ length: 5000 }, (_, index) => text(`unique.key.${index}`, `v${index}`));
  const resourceSpans = Array.from({ length: 1000 }, (_, index) => ({
    resource: { attributes: [text('service.name', `unique-service-${index}`)] },
    scopeSpans: [{ spans: [{ traceId, spanId: spanId(index + 10), name: `unique name ${index}` }] }],
  }));
  await sendAll({ resourceSpans });
  await sendAll(spansRequest([{ traceId, spanId: spanId(1), name: 'wide', attributes }]));
  await stored(traceId, 1001);
  const metrics = await (await fetch(`http://${docket.api}/metrics`)).text();
  expect(metrics).not.toContain('unique');
  expect(metrics.split('\n').length).toBeLessThan(2000);
});

test('T8 keys beyond the bound of a day are kept under one key, counted and told of', async () => {
  const own = await startDocket();
  try {
    const [host = '', port = ''] = own.otlpHttp.split(':');
    const there = { grpc: { host, port: 0 }, http: { host, port: Number(port) } };
    const traceId = nextTraceId();
    const told: string[] = [];
    for (let part = 0; part < 3; part += 1) {
      const attributes = Array.from({ length: 5000 }, (_, index) =>
        text(`bomb.${part}.${index}`, `value ${part}.${index}`),
      );
      const spans = [{ traceId, spanId: spanId(part), name: 'bomb', attributes }];
      const answer = await exportOver('HTTP JSON', there, 'traces', spansRequest(spans));
      expect(answer).toMatchObject({ code: 0, rejected: 0 });
      told.push(answer.errorMessage);
    }
    // What agents and services are told by has room of its own.
    const work = [text('gen_ai.tool.name', 'kubectl'), text('gen_ai.operation.name', 'execute_tool')];
    const span = { traceId, spanId: spanId(9), name: 'execute_tool kubectl', attributes: work };
    expect((await exportOver('HTTP JSON', there, 'traces', spansRequest([span]))).errorMessage).toBe('');
    expect(told).toEqual([
      '',
      '',
      '5000 attributes are kept under docket.overflow: more than 10000 different keys came today',
    ]);
    const metrics = await (await fetch(`http://${own.api}/metrics`)).text();
    expect(metrics).toMatch(/^docket_receiver_overflowed_attributes_total\{[^}]*\} 5000$/m);
    expect(await own.stop()).toBe(0);
    const front = await startClickHouseFront({ directory: `${own.dataDirectory}/clickhouse` });
    try {
      const [row] = await front.rows<Record<string, string | number>>(
        `SELECT uniqExact(key) AS keys, countIf(key = 'docket.overflow') AS overflowed, anyIf(value, value LIKE '%2.4999%') AS example
FROM (SELECT arrayJoin(mapKeys(SpanAttributes)) AS key, '' AS value FROM otel_traces
UNION ALL SELECT '', arrayJoin(mapValues(SpanAttributes)) FROM otel_traces WHERE SpanId = '${spanId(2)}')`,
      );
      expect(row).toMatchObject({ example: '{"bomb.2.4999":"value 2.4999"}' });
      expect(Number(row?.['overflowed'])).toBe(5000);
      // The keys of the bound, docket.overflow, the two of the agent, and '' of the other half of the query.
      expect(Number(row?.['keys'])).toBe(10_004);
    } finally {
      await front.close();
    }
  } finally {
    await own.dispose();
  }
});

test('T9 no time that a sender writes keeps its rows or its neighbours away', async () => {
  const traceId = nextTraceId();
  const day = 86_400_000_000_000n;
  const times: [bigint, bigint][] = [
    [0n, 0n],
    [1n, 1n],
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [2n ** 63n, 2n ** 63n + 5n],
    [1_700_000_000_000_000_000n, 1_600_000_000_000_000_000n],
    ...Array.from({ length: 150 }, (_, index): [bigint, bigint] => [BigInt(index) * day, BigInt(index) * day + 5n]),
  ];
  await sendAll(
    spansRequest(
      times.map(([start, end], index) => ({
        traceId,
        spanId: spanId(index),
        name: 'skewed',
        startTimeUnixNano: String(start),
        endTimeUnixNano: String(end),
      })),
    ),
  );
  const { spans } = await stored(traceId, times.length);
  // What the store cannot hold is its last instant, and not one before 1970 that it would wrap to.
  const yearOf = (number: number): string =>
    spans.find((span) => span.spanId === spanId(number))?.startedAt?.slice(0, 4) ?? '';
  expect([0, 1, 2, 3, 4].map(yearOf)).toEqual(['1970', '1970', '2262', '2262', '2023']);
});

test('T10 keys that are paths of one another harm no neighbour', async () => {
  const traceId = nextTraceId();
  const nested = { key: 'a', value: { kvlistValue: { values: [text('b', 'inner')] } } };
  const attributes = [text('a.b', 'outer'), nested, text('a', 'plain'), text('', 'empty'), text('a.b', 'again')];
  await sendAll(
    spansRequest([
      { traceId, spanId: spanId(1), name: 'clash', attributes },
      { traceId, spanId: spanId(2), name: 'neighbour' },
    ]),
  );
  await stored(traceId, 2);
});

describe('T11 text of any shape is stored', () => {
  test('NUL, lone surrogates, and what is long', async () => {
    const traceId = nextTraceId();
    const shapes: [string, object[]][] = [
      ['nul \0 inside', [text('k\0', 'v\0')]],
      ['lone \ud800 surrogate', [text('\udfff', '\ud800')]],
      ['one value of 4 MB', [text('long', 'x y '.repeat(1_000_000))]],
      ['a key of 128 KiB', [text('k'.repeat(128 * 1024), 'v')]],
      ['20,000 attributes', Array.from({ length: 20_000 }, (_, index) => text(`k${index % 300}`, 'v'))],
    ];
    await sendAll(
      spansRequest(shapes.map(([name, attributes], index) => ({ traceId, spanId: spanId(index), name, attributes }))),
    );
    await stored(traceId, shapes.length);
  });
  test('bytes that are no UTF-8', async () => {
    const traceId = nextTraceId();
    const writer = new WireWriter();
    const open = [writer.begin(1), writer.begin(2), writer.begin(2)];
    writer.bytesField(1, Buffer.from(traceId, 'hex'));
    writer.bytesField(2, Buffer.from(spanId(1), 'hex'));
    writer.bytesField(5, Buffer.from([0x61, 0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80]));
    for (const mark of open.reverse()) writer.end(mark);
    await sendAll(writer.finish());
    await stored(traceId, 1);
  });
});

describe('T13 no text makes a pattern run away', () => {
  const long = (unit: string): string => unit.repeat(Math.ceil(1_000_000 / unit.length));
  const request = (value: string): Buffer =>
    protobufOf(
      'traces',
      spansRequest([{ traceId: '1'.repeat(32), spanId: spanId(1), attributes: [text('note', `${value}!`)] }]),
    );
  const redact = (redactor: Redactor, value: string): Uint8Array =>
    redactor.redact({ tenant: 'default', signal: 'traces', bytes: request(value), items: 1, receivedAtUnixNano: 1n })
      .bytes;

  test.each([
    'a',
    'a@',
    'a.',
    '0',
    '0-',
    'eyJ',
    '-----BEGIN ',
    'password=',
    '%2B',
    '\\u00',
    '{"a":',
    ' ',
    'AKIA',
    '://a:',
    '+1 ',
  ])('a megabyte of "%s"', (unit) => {
    expect(redact(redactorWith(), long(unit)).length).toBeGreaterThan(0);
  });

  test("a policy's own pattern that would take for ever in a backtracking engine", () => {
    const folder = mkdtempSync(join(tmpdir(), 'docket-policy-'));
    const file = join(folder, 'policy.yaml');
    writeFileSync(
      file,
      `version: 1\nid: hostile\npreset: balanced\nallow:\n  - value: '^(a+)+$'\n    rules: [email]\nkeys:\n  redact: ['^(n|no|o|ot|t|te|e)+x$']\n`,
    );
    const redactor = redactorWith({ policy: loadPolicy(file) });
    expect(redact(redactor, `${'a'.repeat(1000)}@example.com ${long('a')}`).length).toBeGreaterThan(0);
    rmSync(folder, { recursive: true });
  });
});

test('T14 content is withheld when a rule fails', async () => {
  const failing = createScanner();
  const redactor = redactorWith({
    scanner: {
      ...failing,
      scan() {
        throw new Error('a rule failed');
      },
    },
  });
  const kept: Buffer[] = [];
  const receiver = await startReceiver({
    handler: async (request) => {
      kept.push(Buffer.from(redactor.redact(request).bytes));
      return ACCEPTED;
    },
  });
  const attributes = [text('note', 'what the user said')];
  const request = spansRequest([{ traceId: '1'.repeat(32), spanId: spanId(1), name: 'said to the model', attributes }]);
  for (const wire of WIRES) expect((await exportOver(wire, receiver, 'traces', request)).code).toBe(0);
  expect(kept).toHaveLength(WIRES.length);
  for (const bytes of kept) expect(bytes.toString('latin1')).not.toMatch(/what the user said|said to the model/);
  await receiver.close();
});

test('T15 names are data wherever they go', async () => {
  const traceId = nextTraceId();
  const hostile = [
    "'; DROP TABLE otel_traces; --",
    '`) UNION ALL SELECT 1 --',
    '{x:String}',
    '\\\'"',
    '%s$1',
    "a' OR '1'='1",
  ];
  await sendAll({
    resourceSpans: hostile.map((name, index) => ({
      resource: { attributes: [text('service.name', name), text('incident.id', name)] },
      scopeSpans: [
        { scope: { name }, spans: [{ traceId, spanId: spanId(index), name, attributes: [text(name, name)] }] },
      ],
    })),
  });
  const trace = await stored(traceId, hostile.length);
  expect(trace.spans.map((span) => span.name).sort()).toEqual(hostile.toSorted());
  for (const name of hostile) {
    for (const path of ['incidents', 'traces']) {
      const response = await fetch(`http://${docket.api}/api/v1/${path}/${encodeURIComponent(name)}`);
      expect([400, 404, 422]).toContain(response.status);
    }
    const listed = await fetch(`http://${docket.api}/api/v1/evidence?incident=${encodeURIComponent(name)}&limit=1`);
    expect(listed.status).toBeLessThan(500);
  }
  await stored(traceId, hostile.length);
});

test('T16 what one tenant sends no other reads, and nobody without a token sends or reads', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'docket-tokens-'));
  const tokens = join(folder, 'tokens.yaml');
  const entry = (tenant: string): string =>
    `  - {name: ${tenant}-agent, kind: agent, tenant: ${tenant}, sha256: ${createHash('sha256').update(`token-of-${tenant}`).digest('hex')}}\n`;
  writeFileSync(tokens, `version: 1\ntokens:\n${entry('acme')}${entry('blue')}`);
  const own = await startDocket({ environment: { DOCKET_AUTH: 'token', DOCKET_AUTH_TOKENS: tokens } });
  try {
    const there = { grpc: addressOf(own.otlpGrpc), http: addressOf(own.otlpHttp) };
    const as = (tenant: string): { authorization: string } => ({ authorization: `Bearer token-of-${tenant}` });
    const traceId = nextTraceId();
    const work = [text('gen_ai.tool.name', 'kubectl'), text('gen_ai.operation.name', 'execute_tool')];
    const spanOf = (number: number): object => ({
      resourceSpans: [
        {
          // A resource may say what it likes: the token says whose it is.
          resource: { attributes: [text('tenant', 'blue'), text('service.name', 'threats')] },
          scopeSpans: [
            { spans: [{ traceId, spanId: spanId(number), name: 'execute_tool kubectl', attributes: work }] },
          ],
        },
      ],
    });
    for (const [number, wire] of WIRES.entries()) {
      for (const headers of [{}, { authorization: 'Bearer token-of-nobody' }]) {
        expect((await exportOver(wire, there, 'traces', spanOf(90 + number), { headers })).code).toBe(16);
      }
      const headers = { ...as('acme'), 'x-scope-orgid': 'blue', 'x-tenant': 'blue' };
      expect((await exportOver(wire, there, 'traces', spanOf(number), { headers })).code).toBe(0);
    }
    const read = async (path: string, headers: Record<string, string>): Promise<[number, string]> => {
      const response = await fetch(`http://${own.api}/api/v1/${path}`, { headers });
      return [response.status, await response.text()];
    };
    const spansSeen = async (tenant: string): Promise<number> => {
      const [status, body] = await read(`traces/${traceId}`, as(tenant));
      return status === 200 ? (JSON.parse(body) as StoredTrace).spans.length : 0;
    };
    await expect.poll(() => spansSeen('acme'), { timeout: 20_000 }).toBe(WIRES.length);
    await expect
      .poll(async () => (await read('evidence/unfiled', as('acme')))[1], { timeout: 20_000 })
      .toContain('kubectl');
    expect((await read(`traces/${traceId}`, as('blue')))[0]).toBe(404);
    expect(await read('evidence/unfiled', as('blue'))).toEqual([200, expect.not.stringContaining('kubectl') as string]);
    for (const headers of [{}, { authorization: 'Bearer token-of-nobody' }]) {
      for (const path of [`traces/${traceId}`, 'evidence/unfiled', 'incidents']) {
        expect((await read(path, headers as Record<string, string>))[0]).toBe(401);
      }
    }
  } finally {
    await own.dispose();
    rmSync(folder, { recursive: true });
  }
});

test('T17 nothing that runs evaluates descriptors, and what is installed is past its advisories', () => {
  interface Lock {
    readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
  }
  const root = join(import.meta.dirname, '..', '..');
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const versions = (name: string): string[] =>
    Object.entries(packages)
      .filter(([path]) => path === `node_modules/${name}` || path.endsWith(`/node_modules/${name}`))
      .map(([, { version = '0' }]) => version);
  const atLeast = (version: string, ...minimum: readonly [number, number, number]): boolean => {
    const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
    return (
      major > minimum[0] ||
      (major === minimum[0] && (minor > minimum[1] || (minor === minimum[1] && patch >= minimum[2])))
    );
  };
  // CVE-2026-44288..44294, CVE-2026-48712.
  for (const version of versions('protobufjs')) {
    expect(
      version.startsWith('7.') ? atLeast(version, 7, 6, 1) : atLeast(version, 8, 4, 1),
      `protobufjs ${version}`,
    ).toBe(true);
  }
  // CVE-2026-48068, CVE-2026-48069.
  for (const version of versions('@grpc/grpc-js')) expect(atLeast(version, 1, 14, 4), `grpc-js ${version}`).toBe(true);
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(Object.keys(dependencies)).not.toContain('protobufjs');
});

test('T18 a storm of one request is stored once', async () => {
  const traceId = nextTraceId();
  const request = spansRequest([
    { traceId, spanId: spanId(1), name: 'again', startTimeUnixNano: '1700000000000000000' },
  ]);
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        exportOver(index % 2 === 0 ? 'HTTP JSON' : 'HTTP protobuf', target, 'traces', request),
      ),
    );
    for (const answer of answers) expect(answer.code).toBe(0);
  }
  await stored(traceId, 1);
  // What comes later in spool order has been loaded, so a second copy would be there too.
  const after = nextTraceId();
  await sendAll(spansRequest([{ traceId: after, spanId: spanId(1), name: 'after' }]));
  await stored(after, 1);
  await stored(traceId, 1);
});
