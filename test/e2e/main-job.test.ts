import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiOf } from '../support/api-client.ts';
import { startDocket, type DocketProcess } from '../support/docket-process.ts';
import { searchFolder } from '../support/folder-search.ts';
import { attribute, eventually, postJson, tracesRequest } from '../support/otlp-json.ts';
import { sharedData } from '../support/shared-data.ts';

const main = join(import.meta.dirname, '..', '..', 'dist', 'main.js');
const run = promisify(execFile);

let docket: DocketProcess;
let api: ReturnType<typeof apiOf>;

beforeAll(async () => {
  docket = await startDocket();
  api = apiOf(docket.api);
});

afterAll(async () => {
  await docket?.dispose();
});

const token = `ghp_${'Zx9Yw8Vu7T'.repeat(3)}s6R5q4`;

function toolCall(number: number, callId: string, extra: readonly ReturnType<typeof attribute>[] = []): unknown {
  return tracesRequest('sre-agent', [number], {
    name: 'execute_tool kubectl_get',
    attributes: [
      attribute('gen_ai.operation.name', 'execute_tool'),
      attribute('gen_ai.tool.name', 'kubectl_get'),
      attribute('gen_ai.tool.call.id', callId),
      attribute('gen_ai.agent.name', 'sre-agent'),
      attribute('gen_ai.conversation.id', `conversation-${number}`),
      attribute(
        'gen_ai.tool.call.arguments',
        JSON.stringify({ namespace: 'shop', headers: { authorization: `Bearer ${token}` }, note: `uses ${token}` }),
      ),
      attribute(
        'gen_ai.input.messages',
        JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: 'the whole plan of campaign' }] }]),
      ),
      ...extra,
    ],
  });
}

describe('a tool call', () => {
  test('that names its incident becomes redacted evidence of it', async () => {
    await api.post('/incidents', { title: 'Checkout fails', ref: 'INC-1', severity: 'sev2', services: ['shop'] });
    expect(
      (await postJson(docket.otlpHttp, 'traces', toolCall(1, 'call_1', [attribute('incident.id', 'INC-1')]))).status,
    ).toBe(200);
    const rows = await eventually(
      () => api.evidence('INC-1', '&kind=tool_call'),
      (items) => items.length > 0,
    );
    expect(rows).toHaveLength(1);
    const [row] = rows;
    expect(row).toMatchObject({
      kind: 'tool_call',
      incident: 'INC-1',
      state: 'linked',
      tool: { name: 'kubectl_get', callId: 'call_1', tier: 'read' },
      link: { mode: 'explicit' },
    });
    expect(row?.content['arguments']?.value).toContain('"namespace":"shop"');
    expect(row?.content['arguments']?.value).toContain('[redacted:');
    expect(JSON.stringify(row)).not.toContain(token);
  });

  test('that arrived before its incident was opened is filed when it is', async () => {
    expect(
      (await postJson(docket.otlpHttp, 'traces', toolCall(2, 'call_2', [attribute('docket.incident.id', 'INC-LATER')])))
        .status,
    ).toBe(200);
    await eventually(
      () => unfiledCallIds(),
      (ids) => ids.includes('call_2'),
    );
    await api.post('/incidents', { title: 'Opened later', ref: 'INC-LATER' });
    expect((await api.evidence('INC-LATER')).map((row) => row.tool?.callId)).toEqual(['call_2']);
    expect(await unfiledCallIds()).not.toContain('call_2');
  });

  test.each([
    ['trace', 3, { traceId: (4).toString(16).padStart(32, '0') }],
    ['conversation', 4, { conversationId: 'conversation-4' }],
  ])(
    'of a %s bound after it arrived is filed too, and so is one that arrives after the binding',
    async (kind, number, binding) => {
      const ref = `INC-BIND-${kind}`;
      await api.post('/incidents', { title: 'Bound', ref });
      await postJson(docket.otlpHttp, 'traces', toolCall(number, `call_before_${kind}`));
      await eventually(
        () => unfiledCallIds(),
        (ids) => ids.includes(`call_before_${kind}`),
      );
      await api.post(`/incidents/${ref}/bindings`, binding);
      await api.post(`/incidents/${ref}/bindings`, binding, 200);
      expect((await api.evidence(ref)).map((row) => row.tool?.callId)).toEqual([`call_before_${kind}`]);
      const again = JSON.parse(
        JSON.stringify(toolCall(number, `call_after_${kind}`)).replace('"spanId":"', '"spanId":"f'),
      ) as unknown;
      const shortened = JSON.parse(
        JSON.stringify(again).replace(/"spanId":"(f[0-9a-f]{15})[0-9a-f]"/, '"spanId":"$1"'),
      ) as unknown;
      expect((await postJson(docket.otlpHttp, 'traces', shortened)).status).toBe(200);
      const rows = await eventually(
        () => api.evidence(ref),
        (items) => items.length > 1,
      );
      expect(rows.map((row) => String(row.tool?.callId)).sort()).toEqual([`call_after_${kind}`, `call_before_${kind}`]);
      expect(rows.every((row) => row.link?.mode === 'bound')).toBe(true);
    },
  );

  async function unfiledCallIds(): Promise<(string | null | undefined)[]> {
    const { items } = (await api.get('/evidence/unfiled?limit=200')) as unknown as {
      items: { tool: { callId: string | null } | null }[];
    };
    return items.map((row) => row.tool?.callId);
  }
});

test('a caller named by a secret, and a label of an alert named so, are kept without it', async () => {
  const secret = ['npm', '90dZu2edCPjblDeP1s1GmHKGYXoKIv99ETCT'].join('_');
  await api.post('/incidents', { title: 'Named', ref: 'INC-NAMED' }, 201, { 'x-docket-actor': secret });
  await api.get('/incidents/INC-NAMED/evidence');
  const alert = { title: 'Slow', fingerprint: 'named', labels: { 'incident.id': 'INC-NAMED', [secret]: 'yes' } };
  await api.post('/alerts/generic', alert, 200);
  const answers = await Promise.all(
    ['', '/entries', '/evidence'].map((path) => api.get(`/incidents/INC-NAMED${path}`)),
  );
  expect(answers[2]).toMatchObject({ items: [{ kind: 'alert' }] });
  expect(JSON.stringify(answers)).not.toContain(secret);
  expect(searchFolder(docket.dataDirectory, secret)).toEqual([]);
  expect(docket.output()).not.toContain(secret);
});

test('what is offered to somebody who is called by an address can be accepted by them', async () => {
  const [ada, bob] = ['ada@acme.com', 'bob@acme.com'].map((name) => ({ kind: 'human', name }));
  const as = (actor: typeof ada) => ({ 'x-docket-actor': actor?.name ?? '' });
  await api.post('/incidents', { title: 'By mail', ref: 'INC-MAIL' }, 201, as(ada));
  const entries = '/incidents/INC-MAIL/entries';
  const held = await api.post(
    entries,
    { type: 'responsibility.assign', body: { kind: 'command', holder: ada } },
    201,
    as(ada),
  );
  const offer = { type: 'handoff.offer', body: { to: bob, responsibilities: [held['entryId']] } };
  const offered = await api.post(entries, offer, 201, as(ada));
  const accept = { type: 'handoff.accept', body: { handoff: offered['entryId'], acceptedHead: offered['head'] } };
  await api.post(entries, accept, 201, as(bob));
  expect(await api.get('/incidents/INC-MAIL')).toMatchObject({ responsibilities: [{ holder: bob, held: true }] });
});

test('what the policy withholds or masks is nowhere: not in the data directory, not in the output, not in the API', async () => {
  await eventually(
    async () => (await fetch(`http://${docket.api}/api/v1/traces/${(2).toString(16).padStart(32, '0')}`)).status,
    (status) => status === 200,
  );
  for (const needle of [token, 'the whole plan of campaign']) {
    expect(searchFolder(docket.dataDirectory, needle)).toEqual([]);
    expect(docket.output()).not.toContain(needle);
    expect(await (await fetch(`http://${docket.api}/metrics`)).text()).not.toContain(needle);
    expect(await (await fetch(`http://${docket.api}/api/v1/incidents/INC-1`)).text()).not.toContain(needle);
    expect(await (await fetch(`http://${docket.api}/incidents/INC-1`)).text()).not.toContain(needle);
  }
});

describe('a request that is wrong', () => {
  const gzipCut = Buffer.from('1f8b0800000000000003ab', 'hex');
  test.each([
    ['garbage bytes', '/v1/traces', 'application/x-protobuf', Buffer.from('\u0007garbage'), {}, 400],
    ['truncated gzip', '/v1/traces', 'application/x-protobuf', gzipCut, { 'content-encoding': 'gzip' }, 400],
    ['a wrong content type', '/v1/traces', 'text/plain', Buffer.from('hello'), {}, 415],
    ['broken JSON', '/v1/logs', 'application/json', Buffer.from('{"resourceLogs": ['), {}, 400],
    ['an unknown signal', '/v1/profiles', 'application/json', Buffer.from('{}'), {}, 404],
  ])('as %s gets its status and a body that says why', async (_name, path, type, body, headers, status) => {
    const response = await fetch(`http://${docket.otlpHttp}${path}`, {
      method: 'POST',
      headers: { 'content-type': type, ...headers },
      body,
    });
    expect(response.status).toBe(status);
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    expect((await postJson(docket.otlpHttp, 'traces', tracesRequest('after', [70]))).status).toBe(200);
  });

  test('with ids of the wrong length is a partial success with the exact count', async () => {
    const request = JSON.parse(
      JSON.stringify(tracesRequest('ids', [80, 81, 82])).replace((81 + 1).toString(16).padStart(32, '0'), 'abcd'),
    ) as unknown;
    const answer = await postJson(docket.otlpHttp, 'traces', request);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ partialSuccess: { rejectedSpans: '1' } });
  });

  test('with a 1 MB attribute and a __proto__ key is taken', async () => {
    const request = tracesRequest('big', [90], {
      attributes: [attribute('big', 'x'.repeat(1024 * 1024)), attribute('__proto__', 'kept')],
    });
    expect((await postJson(docket.otlpHttp, 'traces', request)).status).toBe(200);
    const trace = await eventually(
      async () => (await fetch(`http://${docket.api}/api/v1/traces/${(91).toString(16).padStart(32, '0')}`)).text(),
      (text) => text.includes('__proto__'),
    );
    expect(trace).toContain('"__proto__":"kept"');
  });

  test('is counted', async () => {
    const text = await (await fetch(`http://${docket.api}/metrics`)).text();
    expect(text).toMatch(/docket_receiver_requests_total\{[^}]*result="invalid_argument"[^}]*\} [1-9]/);
    expect(text).toMatch(/docket_receiver_rejected_items_total\{[^}]*signal="traces"[^}]*\} 1/);
  });

  test('of the API is a problem with a code: unknown incident, unknown command, wrong body', async () => {
    expect(await api.get('/incidents/INC-NOPE', 404)).toMatchObject({ code: expect.any(String) });
    expect(await api.post('/incidents/INC-1/entries', { type: 'nonsense.verb', body: {} }, 422)).toMatchObject({
      code: expect.any(String),
    });
    expect(await api.post('/incidents', { severity: 'sev9' }, 422)).toMatchObject({ code: expect.any(String) });
  });
});

test('the API of a Docket with all its parts describes itself, as a document and as a page', async () => {
  const document = await (await fetch(`http://${docket.api}/openapi.json`)).json();
  const page = await (await fetch(`http://${docket.api}/docs`)).text();
  const paths = Object.keys((document as { readonly paths: object }).paths);
  expect(paths).toEqual(expect.arrayContaining(['/api/v1/incidents', '/api/v1/incidents/{id}/evidence/{eid}/rerun']));
  for (const path of paths) expect(page).toContain(path);
});

test('kill -9 right after acknowledged requests loses none of their spans and stores none twice', async () => {
  const victim = await startDocket();
  const numbers = Array.from({ length: 40 }, (_, index) => 1000 + index);
  const answers = await Promise.all(
    numbers.map((number) => postJson(victim.otlpHttp, 'traces', tracesRequest('victim', [number]))),
  );
  await victim.kill();
  const acknowledged = numbers.filter((_, index) => answers[index]?.status === 200);
  expect(acknowledged.length).toBe(numbers.length);
  const again = await victim.restart();
  try {
    for (const number of acknowledged) {
      const spans = await eventually(
        async () => {
          const response = await fetch(
            `http://${again.api}/api/v1/traces/${(number + 1).toString(16).padStart(32, '0')}`,
          );
          return response.status === 200 ? ((await response.json()) as { spans: unknown[] }).spans.length : 0;
        },
        (count) => count > 0,
      );
      expect(spans, `spans of trace ${number}`).toBe(1);
    }
  } finally {
    await again.dispose();
  }
});

test('SIGTERM drains and exits 0', async () => {
  const other = await startDocket();
  expect((await postJson(other.otlpHttp, 'traces', tracesRequest('other', [1]))).status).toBe(200);
  expect(await other.stop()).toBe(0);
  await other.dispose();
});

describe.skipIf(!sharedData.present)('recorded telemetry', () => {
  test('of an agent that worked an incident gives every tool call as evidence after docket replay', async () => {
    const folder = sharedData.path('incidents', 'sregym-portconflict-codex');
    const { stdout, stderr } = await run(process.execPath, [
      main,
      'replay',
      folder,
      '--incident',
      'INC-CODEX',
      '--endpoint',
      `http://${docket.otlpHttp}`,
      '--url',
      `http://${docket.api}`,
    ]);
    expect(stdout + stderr).toMatch(/55 records/);
    const scenario = JSON.parse(readFileSync(join(folder, 'scenario.json'), 'utf8')) as {
      expected: { tool_call_span_ids: string[] };
    };
    const expected = scenario.expected.tool_call_span_ids;
    const rows = await eventually(
      () => api.evidence('INC-CODEX', '&kind=tool_call'),
      (items) => items.length >= expected.length,
    );
    const seen = new Map<string, number>();
    for (const row of rows)
      for (const id of [row.source.spanId, ...row.source.alsoSeenAs]) seen.set(id, (seen.get(id) ?? 0) + 1);
    expect(expected.filter((id) => seen.get(id) !== 1)).toEqual([]);
    expect(rows).toHaveLength(expected.length);
  });
});
