import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createProgram } from './program.ts';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly type: string;
  readonly authorization: string | undefined;
  readonly body: Buffer;
}

type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

let cwd = '';
let server: Server;
let endpoint = '';
let received: Received[] = [];
let answer: (request: Received) => Answer = () => ({ status: 200, body: '{}' });

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'docket-cli-'));
  received = [];
  answer = () => ({ status: 200, body: '{}' });
  server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const seen: Received = {
        method: request.method ?? '',
        url: request.url ?? '',
        type: request.headers['content-type'] ?? '',
        authorization: request.headers.authorization,
        body,
      };
      received.push(seen);
      const { status, headers = {}, body: text = '' } = answer(seen);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  endpoint = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
});

afterEach(async () => {
  rmSync(cwd, { recursive: true, force: true });
  await new Promise((resolve) => server.close(resolve));
});

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function docket(args: readonly string[], env: Record<string, string> = {}) {
  let out = '';
  let err = '';
  let served: unknown;
  const program = createProgram({
    version: '1.2.3',
    env,
    cwd,
    nodeVersion: '20.20.0',
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    interactive: false,
    serve: (loaded) => {
      served = loaded.config;
      return Promise.resolve(0);
    },
  });
  return { code: await program.run(args), out, err, served };
}

function put(name: string, content: string | Uint8Array): string {
  writeFileSync(join(cwd, name), content);
  return join(cwd, name);
}

const span = (name: string, endTimeUnixNano: string | number) => ({
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  name,
  endTimeUnixNano,
});
const traces = (...spans: object[]) => ({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans }] }] });

describe('wrong usage', () => {
  test.each([
    [['sevre'], /Did you mean serve/],
    [['serve', '--prot-base', '1'], /Did you mean --port-base[^]*docket serve --help/],
    [['incident', 'shew'], /Did you mean show[^]*docket incident --help/],
    [['serve', '--port-base', 'x'], /--port-base: must be a whole number/],
    [['replay'], /missing required argument/],
    [['replay', 'nowhere.json'], /nowhere\.json cannot be read \(ENOENT\)/],
    [['replay', 'x', '--speed', '0'], /must be a number above 0/],
    [['replay', 'x', '--endpoint', 'ftp://x'], /must start with http/],
    [['incident', 'open', 'x', '--severity', 'high'], /Allowed choices are sev1/],
    [[], /Usage: docket/],
  ])('%j exits with 2 and says why', async (args, message) => {
    const { code, err } = await docket(args);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  test('a DOCKET_URL that is none exits with 2, as the flag does', async () => {
    const { code, err } = await docket(['incident', 'list'], { DOCKET_URL: 'localhost:8400' });
    expect(err).toMatch(/DOCKET_URL must start with http/);
    expect(code).toBe(2);
  });

  test('a flag whose value the service does not understand exits with 2', async () => {
    const problem = { status: 400, code: 'request.invalid', detail: 'One field is wrong.' };
    answer = () => ({ status: 400, body: JSON.stringify(problem) });
    const { code } = await docket(['incident', 'list', '--status', 'open'], { DOCKET_URL: endpoint });
    expect(code).toBe(2);
  });

  test('help and version are no mistakes', async () => {
    expect(await docket(['--help'])).toMatchObject({ code: 0, err: '' });
    expect(await docket(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' });
  });

  test('a wrong configuration ends every command with 2 and all its problems', async () => {
    put('docket.yaml', 'log:\n  level: loud\nx: 1\n');
    for (const args of [['serve'], ['config'], ['doctor'], ['incident', 'list']]) {
      const { code, err } = await docket(args);
      expect(code).toBe(2);
      expect(err).toMatch(/docket\.yaml:3:1: unknown key "x"\n.*docket\.yaml:2:10: log\.level/);
    }
  });
});

describe('serve and config', () => {
  test('serve hands the checked configuration over', async () => {
    const { code, served } = await docket(['serve', '--port-base', '0', '--data-dir', 'd', '--log-level', 'error']);
    expect(code).toBe(0);
    expect(served).toMatchObject({ dataDir: join(cwd, 'd'), listen: { api: { port: 0 } }, log: { level: 'error' } });
  });

  test('config --print shows values, origins and no password', async () => {
    const { code, out } = await docket(['config', '--print'], { DOCKET_CLICKHOUSE_URL: 'http://a:hunter2@h:8123/d' });
    expect(code).toBe(0);
    expect(out).toMatch(/clickhouse\.url +http:\/\/\[set\]@h:8123\/d +DOCKET_CLICKHOUSE_URL/);
    expect(out).not.toContain('hunter2');
  });
});

describe('replay', () => {
  test('requests in every form are found, counted and posted to their signal', async () => {
    const folder = join(cwd, 'recorded');
    mkdirSync(join(folder, 'deeper'), { recursive: true });
    put('recorded/a.json', JSON.stringify(traces(span('a', '1'), span('b', '2'))));
    put(
      'recorded/b.json',
      JSON.stringify([{ test: 't', otlp: traces(span('c', '1')) }, { name: 'n', otlp: { resourceLogs: [] } }, 7]),
    );
    put('recorded/c.jsonl', `${JSON.stringify({ resourceMetrics: [] })}\n\n${JSON.stringify(traces())}\n`);
    put('recorded/deeper/d.json', '{"id": "scenario"}');
    put('recorded/e.json', 'not json');
    put('recorded/f.txt', 'ignored');
    const { code, out } = await docket(['replay', 'recorded', '--endpoint', endpoint], { DOCKET_TOKEN: 'tok' });
    expect(out).toBe(
      [
        'a.json: traces, 1 request, 2 records',
        'b.json: traces, logs, 2 requests, 1 record, 1 other element skipped',
        'c.jsonl: metrics, traces, 2 requests, 0 records',
        'deeper/d.json: skipped, JSON without OTLP export requests',
        'e.json: skipped, neither JSON nor an OTLP request',
        '3 files replayed. Accepted traces: 3 requests, 3 records; logs: 1 request, 0 records; metrics: 1 request, 0 records. Rejected 0 records, refused 0 requests.',
        '',
      ].join('\n'),
    );
    expect(code).toBe(0);
    expect(received.map(({ url }) => url)).toEqual([
      '/v1/traces',
      '/v1/traces',
      '/v1/logs',
      '/v1/metrics',
      '/v1/traces',
    ]);
    expect(
      received.every(({ type, authorization }) => type === 'application/json' && authorization === 'Bearer tok'),
    ).toBe(true);
  });

  test('64-bit numbers keep every digit', async () => {
    put(
      'a.json',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"1234567890123456789","endTimeUnixNano":1782752286992000001,"x":1.5}]}]}]}',
    );
    await docket(['replay', 'a.json', '--endpoint', endpoint]);
    expect(received[0]?.body.toString()).toContain(
      '"name":"1234567890123456789","endTimeUnixNano":"1782752286992000001","x":1.5',
    );
  });

  test('with an incident it is opened and named on every resource', async () => {
    const opened: string[] = [];
    answer = ({ method, url, body }) => {
      if (method === 'POST' && url === '/api/v1/incidents') {
        opened.push(body.toString());
        return { status: 201, body: JSON.stringify({ ref: 'INC-1', filed: 0 }) };
      }
      if (url === '/api/v1/incidents/INC-1') {
        return opened.length === 0
          ? { status: 404, body: JSON.stringify({ code: 'incident.unknown', detail: 'x' }) }
          : { status: 200, body: JSON.stringify({ evidence: { total: 3 } }) };
      }
      return { status: 200, body: '{}' };
    };
    const before = {
      attributes: [
        { key: 'service.name', value: { stringValue: 's' } },
        { key: 'incident.id', value: { stringValue: 'OLD' } },
      ],
    };
    put(
      'a.json',
      JSON.stringify({ resourceSpans: [{ resource: before, scopeSpans: [{ spans: [span('a', '1')] }] }, {}] }),
    );
    const { code, out } = await docket([
      'replay',
      'a.json',
      '--endpoint',
      endpoint,
      '--url',
      endpoint,
      '--incident',
      'INC-1',
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/^opened INC-1\n[^]*INC-1 has 3 evidence rows so far\n$/);
    expect(JSON.parse(opened[0] ?? '')).toEqual({ ref: 'INC-1', title: 'Replay of a.json' });
    const sent = received.find(({ url }) => url === '/v1/traces')?.body.toString() ?? '';
    expect(sent).toContain('"service.name"');
    expect(sent.match(/"key":"incident.id","value":\{"stringValue":"INC-1"\}/g)).toHaveLength(2);
    expect(sent).not.toContain('OLD');
  });

  test('a protobuf request is recognised, named and passed on', async () => {
    answer = ({ url }) =>
      url.startsWith('/v1/') ? { status: 200 } : { status: 200, body: '{"evidence":{"total":0}}' };
    const field = (number: number, content: Uint8Array) =>
      Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
    const record = Buffer.concat([
      field(1, Buffer.alloc(16, 1)),
      field(2, Buffer.alloc(8, 2)),
      field(5, Buffer.from('op')),
    ]);
    put('a.pb', field(1, field(2, field(2, record))));
    put('b.pb', 'no protobuf');
    expect(
      await docket(['replay', 'a.pb', '--endpoint', endpoint, '--url', endpoint, '--incident', 'INC-7']),
    ).toMatchObject({ code: 0 });
    const sent = received.find(({ url }) => url === '/v1/traces');
    expect(sent?.type).toBe('application/x-protobuf');
    const attribute = field(
      1,
      Buffer.concat([field(1, Buffer.from('incident.id')), field(2, field(1, Buffer.from('INC-7')))]),
    );
    expect(sent?.body).toEqual(field(1, Buffer.concat([field(1, attribute), field(2, field(2, record))])));
    const refused = await docket(['replay', 'b.pb', '--endpoint', endpoint]);
    expect(refused.out).toMatch(/b\.pb: skipped, not an OTLP export request/);
    expect(refused.code).toBe(1);
  });

  test('a busy receiver is asked again when it says so', async () => {
    let busy = 2;
    answer = () =>
      busy-- > 0 ? { status: busy === 1 ? 429 : 503, headers: { 'retry-after': '0' } } : { status: 200, body: '{}' };
    put('a.json', JSON.stringify(traces(span('a', '1'))));
    expect(await docket(['replay', 'a.json', '--endpoint', endpoint])).toMatchObject({ code: 0 });
    expect(received).toHaveLength(3);
  });

  test('a refused request and rejected records make the answer no', async () => {
    answer = () => ({ status: 400, body: '{}' });
    put('a.json', JSON.stringify(traces(span('a', '1'))));
    const refused = await docket(['replay', 'a.json', '--endpoint', endpoint]);
    expect(refused.code).toBe(1);
    expect(refused.out).toMatch(/refused with HTTP 400 after 1 attempt/);
    answer = () => ({ status: 200, body: '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"m"}}' });
    const partial = await docket(['replay', 'a.json', '--endpoint', endpoint]);
    expect(partial.code).toBe(1);
    expect(partial.out).toMatch(/the receiver rejected 2 records: m/);
  });

  test('with a speed the records of all files go in the order of their times', async () => {
    mkdirSync(join(cwd, 'r'));
    const base = 1_782_752_286_000_000_000n;
    put('r/a.json', JSON.stringify(traces(span('third', String(base + 60_000_000_000n)), span('first', String(base)))));
    put('r/b.json', JSON.stringify(traces(span('second', String(base + 30_000_000_000n)))));
    expect(await docket(['replay', 'r', '--endpoint', endpoint, '--speed', '100000'])).toMatchObject({ code: 0 });
    expect(await docket(['replay', 'r', '--endpoint', endpoint, '--speed', '100'])).toMatchObject({ code: 0 });
    const names = received.map(({ body }) => [...body.toString().matchAll(/"name":"(\w+)"/g)].map((match) => match[1]));
    expect(names.slice(-3)).toEqual([['first'], ['second'], ['third']]);
  });

  test('nobody at the endpoint ends with 3', async () => {
    put('a.json', JSON.stringify(traces(span('a', '1'))));
    await new Promise((resolve) => server.close(resolve));
    const { code, err } = await docket(['replay', 'a.json', '--endpoint', endpoint]);
    expect(code).toBe(3);
    expect(err).toBe(`no Docket answers at ${endpoint} (ECONNREFUSED). Is it running? Start it with: docket serve\n`);
  });
});

describe('incident', () => {
  test('a list is a table, and what could drive a terminal is taken out', async () => {
    const item = {
      ref: 'INC-1',
      status: 'active',
      severity: 'sev1',
      startedAt: '2026-01-01T00:00:00Z',
      title: 'a\u001b[2Jb\u202ec',
    };
    answer = () => ({ status: 200, body: JSON.stringify({ items: [item], next: null }) });
    const { code, out } = await docket(['incident', 'list', '--status', 'active', '--url', endpoint]);
    expect(code).toBe(0);
    expect(received[0]?.url).toBe('/api/v1/incidents?status=active&limit=50');
    expect(out).toBe(
      'REF    STATUS  SEVERITY  STARTED               TITLE\nINC-1  active  sev1      2026-01-01T00:00:00Z  a\ufffd[2Jb\ufffdc\n',
    );
  });

  test('a refusal says which fields and what would pass', async () => {
    answer = () => ({
      status: 422,
      body: JSON.stringify({
        status: 422,
        code: 'x.y',
        detail: 'No.',
        satisfiedBy: 'a title',
        errors: [{ path: 'body.title', message: 'm' }],
      }),
    });
    const { code, err } = await docket(['incident', 'open', 't', '--url', endpoint, '--service', 'a', 'b']);
    expect(code).toBe(1);
    expect(err).toBe('No. (x.y)\n  body.title: m\n  would pass with: a title\n');
    expect(JSON.parse(received[0]?.body.toString() ?? '')).toEqual({ title: 't', services: ['a', 'b'] });
  });

  test('an answer that is not ours counts as no service', async () => {
    answer = () => ({ status: 200, body: '<html>' });
    expect(await docket(['incident', 'show', 'X', '--json', '--url', endpoint])).toMatchObject({ code: 3 });
  });
});

describe('doctor', () => {
  test('without a service it looks at the ports and ends with 3', async () => {
    const taken = endpoint.slice('http://'.length);
    const { code, out } = await docket(['doctor', '--url', 'http://127.0.0.1:1'], {
      DOCKET_OTLP_GRPC: taken,
      DOCKET_OTLP_HTTP: '127.0.0.1:0',
      DOCKET_API: '127.0.0.1:0',
    });
    expect(code).toBe(3);
    expect(out).toMatch(/ok +node +20\.20\.0/);
    expect(out).toMatch(/ok +data +.*\(will be made\)/);
    expect(out).toMatch(/bad +service +no Docket answers/);
    expect(out).toMatch(/bad +otlpGrpc +.*cannot be listened on \(EADDRINUSE\)/);
    expect(out).toMatch(/ok +api +.*is free/);
  });

  test('the data directory shown is that of the running Docket, and that of the command is named where it is another', async () => {
    let dataDir: string | undefined = '/var/lib/docket';
    answer = () => ({ status: 200, body: JSON.stringify({ ready: true, version: '1.2.3', dataDir, components: [] }) });
    const other = await docket(['doctor', '--url', endpoint]);
    expect(other.code).toBe(0);
    expect(other.out).toMatch(
      /ok +data +\/var\/lib\/docket, of the running Docket; this command is configured for .*data, which is another one/,
    );
    const same = await docket(['doctor', '--url', endpoint], { DOCKET_DATA_DIR: '/var/lib/docket' });
    expect(same.out).toMatch(/ok +data +\/var\/lib\/docket, of the running Docket\n/);
    dataDir = undefined;
    const untold = await docket(['doctor', '--url', endpoint]);
    expect(untold.out).toMatch(/note +data +the running Docket does not say which directory it uses; this command is/);
  });

  test('what works and still wants a look is a note, and no reason to fail', async () => {
    const components = [{ name: 'forward', ok: true, note: true, detail: '3 items rejected' }];
    answer = () => ({ status: 200, body: JSON.stringify({ ready: true, version: '1.2.3', components }) });
    const { code, out } = await docket(['doctor', '--url', endpoint]);
    expect(code).toBe(0);
    expect(out).toMatch(/note +forward +3 items rejected/);
  });

  test('a service that is not ready makes the answer no', async () => {
    answer = () => ({
      status: 503,
      body: JSON.stringify({
        ready: false,
        version: '1.2.3',
        components: [{ name: 'spool', ok: false, detail: 'disk full', measures: { lagBytes: 12, deadLetters: 0 } }],
      }),
    });
    const { code, out } = await docket(['doctor', '--url', endpoint]);
    expect(code).toBe(1);
    expect(out).toMatch(/bad +spool +disk full lagBytes=12 deadLetters=0/);
  });
});

describe('tokens', () => {
  const config = 'auth:\n  mode: token\n  tokens: tokens.yaml\nlisten:\n  api: 0.0.0.0:8400\n';

  test('are made in the configured file, which need not be there, and the service takes the file', async () => {
    put('docket.yaml', config);
    const first = await docket(['token', 'create', 'sre-agent', '--kind', 'agent']);
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^dkt_[\w-]{43}\n$/) });
    expect(first.err).toContain('sre-agent (agent) of default is in');
    await docket(['token', 'create', 'ada@acme.com', '--kind', 'human', '--tenant', 'acme', '--id', '7']);
    const text = readFileSync(join(cwd, 'tokens.yaml'), 'utf8');
    expect(text).not.toContain(first.out.trim());
    expect(text).toContain(createHash('sha256').update(first.out.trim()).digest('hex'));
    expect(statSync(join(cwd, 'tokens.yaml')).mode & 0o777).toBe(0o600);
    expect((await docket(['serve'])).served).toMatchObject({
      auth: {
        tokens: [
          { name: 'sre-agent', kind: 'agent' },
          { name: 'ada@acme.com', tenant: 'acme', id: '7' },
        ],
      },
    });
    const { out } = await docket(['token', 'list']);
    expect(out).toMatch(
      /NAME +KIND +TENANT +ID +SHA-256\nsre-agent +agent +default +[0-9a-f]{12}\nada@acme\.com +human +acme +7 +[0-9a-f]{12}\n/,
    );
  });

  test('are revoked by name, tenant or hash, and comments of the file stay', async () => {
    const file = put(
      't.yaml',
      `# ours\nversion: 1\ntokens:\n  - {name: a, kind: agent, sha256: ${'a'.repeat(64)}} # pager\n  - {name: a, kind: agent, tenant: b, sha256: ${'b'.repeat(64)}}\n`,
    );
    const several = await docket(['token', 'revoke', 'a', '--file', file]);
    expect(several).toMatchObject({
      code: 2,
      err: expect.stringContaining('several tokens: say which by its hash, aaaaaaaaaaaa'),
    });
    expect((await docket(['token', 'revoke', 'b/a', '--file', file])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(
      `# ours\nversion: 1\ntokens:\n  - { name: a, kind: agent, sha256: ${'a'.repeat(64)} } # pager\n`,
    );
    expect(await docket(['token', 'revoke', 'a', '--file', file])).toMatchObject({
      code: 2,
      err: expect.stringContaining('the only token'),
    });
    expect(await docket(['token', 'revoke', 'z', '--file', file])).toMatchObject({
      code: 2,
      err: expect.stringContaining('no token is called z'),
    });
  });

  test.each([
    [['create', 'x'], /required option '--kind/],
    [['create', 'x', '--kind', 'robot'], /Allowed choices are human, agent, service/],
    [['create', 'x', '--kind', 'agent', '--tenant', 'Not One'], /tenant: must be lower-case letters/],
    [['list'], /no token file is configured/],
  ])('%j exits with 2, says why and changes nothing', async (args, message) => {
    const file = args.length > 4 ? ['--file', join(cwd, 'none.yaml')] : [];
    const { code, err } = await docket(['token', ...args, ...file]);
    expect(err).toMatch(message);
    expect(code).toBe(2);
    expect(existsSync(join(cwd, 'none.yaml'))).toBe(false);
  });
});

test('an incident is opened with the services and environments given', async () => {
  answer = () => ({ status: 201, body: JSON.stringify({ ref: 'INC-1', filed: 0 }) });
  const args = ['incident', 'open', 'Slow', '--service', 'till', 'shop', '--environment', 'prod'];
  expect(await docket(args, { DOCKET_URL: endpoint })).toMatchObject({ code: 0 });
  expect(JSON.parse(received[0]?.body.toString() ?? '')).toEqual({
    title: 'Slow',
    services: ['till', 'shop'],
    environments: ['prod'],
  });
});

test('a signal is asked again, figure by figure', async () => {
  const figures = {
    evidence: 'ev_1',
    asOf: '2026-11-22T14:00:00Z',
    told: { service: 'till', errors: 7 },
    now: [{ errors: 9 }],
    more: false,
    query: 'SELECT 1',
  };
  answer = () => ({ status: 200, body: JSON.stringify(figures) });
  const { code, out } = await docket(['incident', 'rerun', 'INC-1', 'ev_1'], { DOCKET_URL: endpoint });
  expect(received[0]?.url).toBe('/api/v1/incidents/INC-1/evidence/ev_1/rerun');
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['FIGURE', 'TOLD 2026-11-22T14:00:00Z', 'NOW'],
    ['service', 'till', '-'],
    ['errors', '7', '9'],
    [''],
  ]);
  expect(code).toBe(0);
});
