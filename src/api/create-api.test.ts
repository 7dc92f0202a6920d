import { createHash } from 'node:crypto';
import { expect, describe, test } from 'vitest';
import { createMetrics } from '../telemetry/metrics.ts';
import { createLogger } from '../telemetry/logger.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import type { SignalAgain } from '../record/signal-rerun.ts';
import type { StoredTrace } from '../record/telemetry-reader.ts';
import { createRecordFixture, evidenceRow, TENANT, type RecordFixture } from '../../test/support/record-fixture.ts';
import { withNotice } from '../notice.ts';
import { createApi } from './create-api.ts';
import type { ApiOptions } from './api-context.ts';
import { createOpenIdentity, createTokenIdentity } from './identity.ts';
import type { Problem } from './problem.ts';
import { BODY_BYTES_MAX } from './request-body.ts';
import { entrySchema, evidenceSchema, recordSchema, summarySchema, traceSchema } from './schema.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const trace: StoredTrace = { traceId: TRACE_ID, spans: [], logs: [], truncated: false };

async function fixture(extra: Partial<ApiOptions> = {}) {
  const record: RecordFixture = await createRecordFixture();
  const app = createApi({
    record: record.service,
    evidence: record.evidenceLog,
    telemetry: {
      trace: (tenant, traceId) => Promise.resolve(tenant === TENANT && traceId === TRACE_ID ? trace : undefined),
    },
    identify: createOpenIdentity(TENANT, (name) => name),
    health: () => ({ ready: true, components: [{ name: 'store', ok: true, detail: 'embedded' }] }),
    metricsText: () => Promise.resolve('# metrics\n'),
    version: '1.2.3',
    logger: createLogger('silent'),
    meter: createMetrics().meter,
    loopbackOnly: true,
    ...extra,
  });
  const get = (path: string, headers: Record<string, string> = {}) => app.request(path, { headers });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { app, get, post, record };
}

async function problem(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body = (await response.json()) as Problem;
  expect(body.status).toBe(response.status);
  expect(body.type).toBe(`urn:docket:problem:${body.code}`);
  return body;
}

describe('errors', () => {
  test('a field that is not known is named when it could be a slip, and what was pasted there is not', async () => {
    const { get, post } = await fixture();
    const slip = await problem(await post('/api/v1/incidents', { title: 'x', sevrity: 'sev1' }));
    expect(slip.errors).toEqual([{ path: 'body.sevrity', message: 'is not known' }]);
    const token = ['glpat', 'cpRZA8A4clOchqsmGq2P'].join('-');
    for (const response of [
      await post('/api/v1/incidents', { title: 'x', [token]: 'y' }),
      await get(`/api/v1/incidents?${token}=1`),
    ]) {
      expect(JSON.stringify(await problem(response))).not.toContain(token);
    }
  });

  test.each([
    ['GET', '/nowhere', undefined, 404, 'request.unknown_route'],
    ['POST', '/api/v1/nowhere', '{}', 404, 'request.unknown_route'],
    ['GET', '/api/v1/incidents/INC-9', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/%E0%A4%A', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/INC-1?at=99', undefined, 404, 'record.seq_not_reached'],
    ['GET', '/api/v1/incidents/INC-9/brief', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/INC-9/entries', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/INC-9/evidence', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/INC-9/stream', undefined, 404, 'incident.unknown'],
    ['GET', '/api/v1/incidents/INC-1/evidence/none', undefined, 404, 'evidence.unknown'],
    ['GET', `/api/v1/traces/${'a'.repeat(32)}`, undefined, 404, 'trace.unknown'],
    ['GET', '/api/v1/traces/abc', undefined, 400, 'request.invalid'],
    ['DELETE', '/api/v1/incidents', undefined, 405, 'request.method_not_allowed'],
    ['POST', `/api/v1/traces/${TRACE_ID}`, '', 405, 'request.method_not_allowed'],
    ['PUT', '/healthz', undefined, 405, 'request.method_not_allowed'],
    ['POST', '/api/v1/incidents', '{"title": ', 400, 'request.malformed_json'],
    ['POST', '/api/v1/incidents', '', 400, 'request.malformed_json'],
    ['POST', '/api/v1/incidents', '[1]', 422, 'request.invalid'],
    ['POST', '/api/v1/incidents', 'null', 422, 'request.invalid'],
    ['POST', '/api/v1/incidents', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400, 'request.unacceptable_json'],
    ['POST', '/api/v1/incidents', '{"title":"x","__proto__":{"a":1}}', 400, 'request.unacceptable_json'],
    ['POST', '/api/v1/incidents', '{"title":"\\ud800"}', 400, 'request.unacceptable_json'],
    ['POST', '/api/v1/incidents', `{"title":"${'x'.repeat(BODY_BYTES_MAX)}"}`, 413, 'request.too_large'],
    ['POST', '/api/v1/incidents/INC-9/entries', '{"type":"status.post","body":{}}', 404, 'incident.unknown'],
    ['POST', '/api/v1/incidents/INC-9/bindings', `{"traceId":"${TRACE_ID}"}`, 404, 'incident.unknown'],
    ['POST', '/api/v1/evidence/file', '{"incident":"INC-9","evidence":["a"]}', 404, 'incident.unknown'],
    ['POST', '/api/v1/evidence/file', '{"incident":"INC-1","evidence":[]}', 422, 'request.invalid'],
  ])('%s %s is answered with %d', async (method, path, body, status, code) => {
    const { app } = await fixture();
    const response = await app.request(path, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    });
    expect(response.status).toBe(status);
    expect((await problem(response)).code).toBe(code);
    expect((await app.request('/api/v1/incidents')).status).toBe(200);
  });

  test.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/jsonp', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('a body of type %s with %j is answered with 415', async (type, headers) => {
    const { post } = await fixture();
    expect((await post('/api/v1/incidents', '{"title":"x"}', { 'content-type': type, ...headers })).status).toBe(415);
  });

  test('a wrong method says which ones there are', async () => {
    const { app } = await fixture();
    const response = await app.request('/api/v1/incidents/INC-1/entries', { method: 'DELETE' });
    expect(response.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
  });

  test('every wrong field of a query and of a body is listed', async () => {
    const { get, post } = await fixture();
    const query = await problem(await get('/api/v1/incidents?limit=0&severity=high,sev1&from=yesterday&knd=1'));
    expect(query.errors?.map(({ path }) => path).sort()).toEqual([
      'query.from',
      'query.knd',
      'query.limit',
      'query.severity[0]',
    ]);
    const body = await problem(
      await post('/api/v1/incidents', { title: 7, severity: 'high', x: 1, trigger: { source: 'cat' } }),
    );
    expect(body.errors?.map(({ path }) => path).sort()).toEqual([
      'body.severity',
      'body.title',
      'body.trigger.source',
      'body.x',
    ]);
  });

  test('another name in Host is refused on loopback', async () => {
    const { get } = await fixture();
    const refused = await get('http://rebound.example/api/v1/incidents');
    expect(refused.status).toBe(421);
    expect((await get('/api/v1/incidents', { host: '[::1]:8400' })).status).toBe(200);
    expect((await get('/api/v1/incidents', { host: '127.0.0.1.evil.example' })).status).toBe(421);
    const open = await fixture({ loopbackOnly: false });
    expect((await open.get('http://docket.internal/api/v1/incidents')).status).toBe(200);
  });

  test('a page of another site cannot post', async () => {
    const { post } = await fixture();
    expect((await post('/api/v1/incidents', { title: 'x' }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  });

  test('a defect answers 500 without its words', async () => {
    const { get } = await fixture({ telemetry: { trace: () => Promise.reject(new Error('password=hunter2')) } });
    const response = await get(`/api/v1/traces/${TRACE_ID}`);
    const text = await response.clone().text();
    expect(response.status).toBe(500);
    expect(text).not.toMatch(/hunter2|\.ts|at /);
    expect((await problem(response)).instance).toMatch(/^urn:uuid:/);
  });

  test('a cursor the log did not give out is a wrong field', async () => {
    const { record, get } = await fixture();
    const { page } = record.evidenceLog;
    record.evidenceLog.page = (tenant, incident, request) =>
      request.cursor === undefined ? page(tenant, incident, request) : Promise.reject(new RangeError('cursor'));
    const answer = await problem(await get('/api/v1/incidents/INC-1/evidence?cursor=zzz'));
    expect(answer).toMatchObject({ status: 400, errors: [{ path: 'query.cursor' }] });
  });
});

describe('callers', () => {
  const sha256 = createHash('sha256').update('s3cret-token').digest('hex');
  const identify = createTokenIdentity([{ name: 'bot', kind: 'agent', tenant: TENANT, id: 'a-1', sha256 }]);

  test('with tokens everything but health and description needs one', async () => {
    const { get } = await fixture({ identify });
    for (const path of ['/api/v1/incidents', '/metrics', '/nowhere']) {
      const response = await get(path);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('Bearer');
    }
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/docs.css']) {
      expect((await get(path)).status).toBe(200);
    }
    expect((await get('/api/v1/incidents', { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await get('/api/v1/incidents', { authorization: 'Bearer s3cret-token' })).status).toBe(200);
    const basic = Buffer.from('me:s3cret-token').toString('base64');
    expect((await get('/api/v1/incidents', { authorization: `Basic ${basic}` })).status).toBe(200);
  });

  test('the actor is the token’s, whatever headers say', async () => {
    const { post, get } = await fixture({ identify });
    const headers = { authorization: 'Bearer s3cret-token', 'x-docket-actor': 'alice', 'x-docket-actor-kind': 'human' };
    const opened = (await (await post('/api/v1/incidents', { title: 'x' }, headers)).json()) as { ref: string };
    const log = (await (await get(`/api/v1/incidents/${opened.ref}/entries`, headers)).json()) as {
      items: { actor: unknown }[];
    };
    expect(log.items[0]?.actor).toEqual({ kind: 'agent', name: 'bot', id: 'a-1' });
  });

  test('without authentication the actor is who the headers say', async () => {
    const { post, get } = await fixture();
    const headers = { 'x-docket-actor': encodeURIComponent('Zoë'), 'x-docket-actor-kind': 'agent' };
    const opened = (await (await post('/api/v1/incidents', { title: 'x' }, headers)).json()) as { ref: string };
    const log = (await (await get(`/api/v1/incidents/${opened.ref}/entries`)).json()) as {
      items: { actor: unknown }[];
    };
    expect(log.items[0]?.actor).toEqual({ kind: 'agent', name: 'Zoë', id: null });
  });

  test.each([{ 'x-docket-actor-kind': 'robot' }, { 'x-docket-actor': ' ' }, { 'x-docket-actor': '%00' }])(
    'the headers %j are refused',
    async (headers) => {
      const { get } = await fixture();
      expect((await get('/api/v1/incidents', headers as Record<string, string>)).status).toBe(400);
    },
  );
});

describe('incidents and entries', () => {
  test('an incident opens, lists, and reads as JSON and Markdown under its head', async () => {
    const { post, get } = await fixture();
    const created = await post('/api/v1/incidents', {
      title: 'Cart <b>',
      ref: 'CART-1',
      severity: 'sev1',
      services: ['cart'],
    });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/api/v1/incidents/CART-1');
    const { head } = summarySchema.parse(await created.json());
    expect((await problem(await post('/api/v1/incidents', { title: 'x', ref: 'CART-1' }))).status).toBe(409);

    const list = (await (await get('/api/v1/incidents?severity=sev1&q=cart')).json()) as { items: unknown[] };
    expect(list.items.map((item) => summarySchema.parse(item).ref)).toEqual(['CART-1']);

    const json = await get('/api/v1/incidents/CART-1');
    expect(json.headers.get('etag')).toBe(`"${head.hash}"`);
    expect(Object.keys(recordSchema.parse(await json.json()))).toEqual(Object.keys(recordSchema.shape));
    expect((await get('/api/v1/incidents/CART-1', { 'if-none-match': `W/"${head.hash}"` })).status).toBe(304);
    expect((await get('/api/v1/incidents/CART-1?at=1')).status).toBe(200);

    const markdown = await get('/api/v1/incidents/CART-1', { accept: 'text/markdown' });
    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(markdown.headers.get('vary')).toBe('Accept');
    expect(await markdown.text()).not.toContain('<b>');
    const brief = await get('/api/v1/incidents/CART-1/brief?since=0');
    expect((await brief.json()) as object).toMatchObject({ ref: 'CART-1', since: 0 });
  });

  test('a record that says that evidence is late has another ETag than before, than later, and than when it has caught up', async () => {
    const plain = await createRecordFixture();
    let late: string | undefined;
    const { get } = await fixture({ record: withNotice(plain.service, () => late) });
    const path = '/api/v1/incidents/INC-1';
    const tagOf = async (accept: string): Promise<string> => (await get(path, { accept })).headers.get('etag') ?? '';
    for (const accept of ['application/json', 'text/markdown']) {
      const onTime = await tagOf(accept);
      late = 'EVIDENCE IS 2 min BEHIND.';
      const noticed = await get(path, { accept, 'if-none-match': onTime });
      expect(noticed.status).toBe(200);
      expect(await noticed.text()).toContain(late);
      const lateTag = await tagOf(accept);
      expect((await get(path, { accept, 'if-none-match': lateTag })).status).toBe(304);
      late = 'EVIDENCE IS 3 min BEHIND.';
      expect((await get(path, { accept, 'if-none-match': lateTag })).status).toBe(200);
      late = undefined;
      expect((await get(path, { accept, 'if-none-match': lateTag })).status).toBe(200);
      expect((await get(path, { accept, 'if-none-match': onTime })).status).toBe(304);
    }
  });

  test('a command is appended once, repeated as the same, and refused with rule and remedy', async () => {
    const { post, get } = await fixture();
    const path = '/api/v1/incidents/INC-1/entries';
    const entryId = '0190a1b2-0000-7000-8000-000000000001';
    const command = { type: 'hypothesis.propose', body: { statement: 'The deploy broke it' }, entryId };
    const first = await post(path, command);
    expect(first.status).toBe(201);
    const again = await post(path, command);
    expect(again.status).toBe(200);
    expect(await again.json()).toMatchObject((await first.json()) as object);
    const reused = await problem(await post(path, { ...command, body: { statement: 'Something else' } }));
    expect(reused).toMatchObject({ status: 409, code: 'record.entry_id_reused' });
    const stale = await problem(
      await post(path, { type: 'hypothesis.propose', body: { statement: 'DNS' }, expectedSeq: 1 }),
    );
    expect(stale).toMatchObject({ status: 409, code: 'record.stale_expected_seq', head: { seq: 2 } });
    expect(stale.changed).toHaveLength(1);
    const refused = await problem(
      await post(path, { type: 'hypothesis.accept', body: { hypothesis: 'H1' } }, { 'x-docket-actor-kind': 'agent' }),
    );
    expect(refused.status).toBe(422);
    expect(refused.rule).toBeTruthy();
    expect(refused.satisfiedBy).toBeTruthy();
    const log = (await (await get(`${path}?after=1&limit=5`)).json()) as { items: unknown[]; next: number | null };
    expect(log.items.map((item) => entrySchema.parse(item).seq)).toEqual([2]);
    expect(log.next).toBeNull();
  });

  test.each([
    { type: 5, body: {} },
    { type: 'nothing.such', body: {} },
    { type: '__proto__', body: {} },
    { type: 'constructor', body: {} },
    { type: 'hypothesis.propose' },
    { type: 'hypothesis.propose', body: { statement: { a: 1 } } },
    { type: 'hypothesis.propose', body: {}, basis: ['nothing'] },
    { type: 'hypothesis.propose', body: { statement: 'x' }, entryId: 'no uuid' },
    { type: 'hypothesis.propose', body: { statement: 'x' }, expectedSeq: -1 },
    { type: 'hypothesis.propose', body: { statement: 'x' }, occurredAt: '2026-02-30T00:00:00Z' },
    { type: 'hypothesis.propose', body: { statement: 'x' }, traceId: 'zz' },
  ])('the command %j is refused with 422', async (command) => {
    const { post } = await fixture();
    const response = await post('/api/v1/incidents/INC-1/entries', command);
    expect(response.status).toBe(422);
    await problem(response);
  });

  test('a binding is created once, and a wrong one refused', async () => {
    const { post } = await fixture();
    const path = '/api/v1/incidents/INC-1/bindings';
    expect((await post(path, { traceId: TRACE_ID })).status).toBe(201);
    expect((await post(path, { traceId: TRACE_ID })).status).toBe(200);
    for (const wrong of [{}, { traceId: 'x' }, { traceId: TRACE_ID, sessionId: 's' }, { agent: 5 }]) {
      expect((await post(path, wrong)).status).toBe(422);
    }
  });

  test('the entry types are listed with a schema', async () => {
    const { get } = await fixture();
    const { items } = (await (await get('/api/v1/entry-types')).json()) as {
      items: { type: string; schema: object }[];
    };
    expect(items.find(({ type }) => type === 'hypothesis.propose')?.schema).toMatchObject({ type: 'object' });
  });
});

describe('evidence and traces', () => {
  test('rows read as documented, with what the record says of them', async () => {
    const { get, post, record } = await fixture();
    const id = await record.evidence({
      occurredAtUnixNano: 1_764_000_000_123_456_789n,
      content: {
        arguments: { captured: true, value: '{"a":"[redacted:x~0123456789]"}', bytes: 40, digest: 'hmac:k:1' },
        result: { captured: false, value: null, bytes: null, digest: null },
      },
    });
    await record.evidence({ kind: 'model_call', summary: 'chat' });
    const path = '/api/v1/incidents/INC-1/evidence';
    const one = evidenceSchema.parse(await (await get(`${path}/${id}`)).json());
    expect(one).toMatchObject({
      incident: 'INC-1',
      state: 'linked',
      occurredAt: '2025-11-24T16:00:00.123456789Z',
      endedAt: null,
      content: { result: { captured: false } },
    });
    const listed = async (query: string): Promise<string[]> =>
      ((await (await get(`${path}?${query}`)).json()) as { items: { id: string }[] }).items.map((row) => row.id);
    expect(await listed('kind=tool_call')).toEqual([id]);
    expect(await listed('kind=tool_call,model_call&limit=1')).toHaveLength(1);
    expect(await listed('to=2025-11-24T16:00:00.123456789Z')).toEqual([id]);
    expect(await listed('to=2025-11-24T16:00:00.123456788Z')).toEqual([]);
    await post('/api/v1/incidents/INC-1/entries', {
      type: 'evidence.withdraw',
      body: { evidence: id, reason: 'wrong cluster' },
    });
    expect(evidenceSchema.parse(await (await get(`${path}/${id}`)).json())).toMatchObject({
      state: 'withdrawn',
      verdict: { verdict: 'withdrawn', by: { name: 'anonymous' }, reason: 'wrong cluster' },
    });
  });

  test('pages follow each other without loss', async () => {
    const { get, record } = await fixture();
    const ids = new Set<string>();
    for (let index = 0; index < 5; index++) ids.add(await record.evidence({ occurredAtUnixNano: BigInt(index) }));
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = (await (await get(`/api/v1/incidents/INC-1/evidence?limit=2${query}`)).json()) as {
        items: { id: string }[];
        next: string | null;
      };
      for (const { id } of page.items) expect(ids.delete(id)).toBe(true);
      cursor = page.next;
    }
    expect(ids.size).toBe(0);
  });

  test('a claim of what is not there, or of another incident, is answered with what could not be filed', async () => {
    const { record, post, get } = await fixture();
    await record.evidenceLog.put([
      evidenceRow({ id: 'u2', state: 'unfiled', link: null }),
      evidenceRow({ id: 'theirs', incident: 'another' }),
    ]);
    const body = { incident: 'INC-1', evidence: ['u2', 'theirs', 'nowhere'] };
    const agent = { 'x-docket-actor': 'bot', 'x-docket-actor-kind': 'agent' };
    const claimed = await post('/api/v1/evidence/file', body, agent);
    expect(await claimed.json()).toEqual({ incident: 'INC-1', filed: 1, missing: ['theirs', 'nowhere'] });
    expect(await (await get('/api/v1/incidents/INC-1/evidence/u2')).json()).toMatchObject({
      link: { mode: 'manual', rule: 'filed by agent bot' },
    });
  });

  test('unfiled rows are listed and filed by hand', async () => {
    const { get, post, record } = await fixture();
    await record.evidenceLog.put([evidenceRow({ id: 'u1', state: 'unfiled', link: null })]);
    const unfiled = (await (await get('/api/v1/evidence/unfiled')).json()) as {
      items: { incident: null; id: string }[];
    };
    expect(unfiled.items).toMatchObject([{ id: 'u1', incident: null }]);
    const body = { incident: 'INC-1', evidence: ['u1', 'u1', 'none'] };
    const filed = await post('/api/v1/evidence/file', body, { 'x-docket-actor': 'alice' });
    expect(await filed.json()).toEqual({ incident: 'INC-1', filed: 1, missing: ['none'] });
    expect(await (await get('/api/v1/incidents/INC-1/evidence/u1')).json()).toMatchObject({
      link: { mode: 'manual', rule: 'filed by alice', score: 1 },
    });
  });

  test('a trace reads in either case', async () => {
    const { get } = await fixture();
    expect(traceSchema.parse(await (await get(`/api/v1/traces/${TRACE_ID.toUpperCase()}`)).json()).traceId).toBe(
      TRACE_ID,
    );
  });
});

describe('the stream', () => {
  async function events(response: Response, count: number): Promise<{ event: string; id: string; data: string }[]> {
    const found: { event: string; id: string; data: string }[] = [];
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (found.length < count) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) break;
      text += chunk.value;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
        if (field('event') !== '') found.push({ event: field('event'), id: field('id'), data: field('data') });
      }
    }
    await reader?.cancel();
    return found;
  }

  test('resumes after the last event and goes on live, each entry once', async () => {
    const { get, post } = await fixture();
    const path = '/api/v1/incidents/INC-1';
    const say = (statement: string) => post(`${path}/entries`, { type: 'hypothesis.propose', body: { statement } });
    await say('one');
    await say('two');
    const stream = await get(`${path}/stream`, { 'last-event-id': '1' });
    expect(stream.headers.get('content-type')).toContain('text/event-stream');
    const reading = events(stream, 4);
    await say('three');
    await say('four');
    expect((await reading).map(({ event, id }) => [event, id])).toEqual([
      ['entry', '2'],
      ['entry', '3'],
      ['entry', '4'],
      ['entry', '5'],
    ]);
  });

  test('tells of new evidence', async () => {
    const { get, record } = await fixture();
    await record.evidence();
    const reading = events(await get('/api/v1/incidents/INC-1/stream'), 2);
    // The watch takes its first look before it can tell what is new.
    const { page } = record.evidenceLog;
    await new Promise<void>((resolve) => {
      record.evidenceLog.page = async (...asked) => {
        const answer = await page(...asked);
        setImmediate(resolve);
        return answer;
      };
    });
    const id = await record.evidence();
    const [row, counts] = await reading;
    expect(row?.event).toBe('evidence');
    expect(JSON.parse(row?.data ?? '')).toMatchObject({ id, incident: 'INC-1' });
    expect(counts?.event).toBe('evidence_counts');
    expect(JSON.parse(counts?.data ?? '')).toMatchObject({ total: 2 });
  });
});

describe('the service', () => {
  test('health, readiness and metrics answer', async () => {
    const { get } = await fixture();
    expect(await (await get('/healthz')).json()).toEqual({ status: 'ok', version: '1.2.3' });
    expect(await (await get('/readyz')).json()).toMatchObject({ ready: true, version: '1.2.3' });
    expect(await (await get('/metrics')).text()).toBe('# metrics\n');
    const down = await fixture({ health: () => ({ ready: false, components: [] }) });
    expect((await down.get('/readyz')).status).toBe(503);
  });

  test('the OpenAPI document names every route, and the page shows it without a script', async () => {
    const { get } = await fixture({ signalRerun: { again: () => Promise.resolve({ kind: 'busy' }) } });
    const document = (await (await get('/openapi.json')).json()) as { openapi: string; paths: Record<string, object> };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths).sort()).toEqual([
      '/api/v1/entry-types',
      '/api/v1/evidence/file',
      '/api/v1/evidence/unfiled',
      '/api/v1/incidents',
      '/api/v1/incidents/{id}',
      '/api/v1/incidents/{id}/bindings',
      '/api/v1/incidents/{id}/brief',
      '/api/v1/incidents/{id}/entries',
      '/api/v1/incidents/{id}/evidence',
      '/api/v1/incidents/{id}/evidence/{eid}',
      '/api/v1/incidents/{id}/evidence/{eid}/rerun',
      '/api/v1/incidents/{id}/ocsf',
      '/api/v1/incidents/{id}/review',
      '/api/v1/incidents/{id}/stream',
      '/api/v1/incidents/{id}/why',
      '/api/v1/metrics/agents',
      '/api/v1/metrics/record',
      '/api/v1/traces/{traceId}',
      '/healthz',
      '/metrics',
      '/readyz',
    ]);
    const page = await (await get('/docs')).text();
    expect(page).toMatch(/^<!doctype html>/i);
    for (const path of Object.keys(document.paths)) expect(page).toContain(path);
    expect(page).not.toMatch(/<script|style=|https?:\/\//);
  });

  test('answers carry the headers that keep a browser in bounds', async () => {
    const { get } = await fixture();
    const { headers } = await get('/api/v1/incidents');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('cache-control')).toBe('private, no-cache');
  });
});

describe('asking a signal again', () => {
  const asked: [tenant: string, query: string][] = [];
  const again = (answer: SignalAgain): Partial<ApiOptions> => ({
    signalRerun: {
      again: (tenant, query) => {
        asked.push([tenant, query]);
        return Promise.resolve(answer);
      },
    },
  });
  const content = (name: string, value: string) => ({
    [name]: { captured: true, value, bytes: value.length, digest: null },
  });
  const signal: Partial<EvidenceRow> = {
    kind: 'error',
    dialect: 'service_signal',
    trust: 'observed',
    actor: { kind: 'service', name: 'docket', id: null },
    source: { traceId: '', spanId: '', signal: 'query', alsoSeenAs: [] },
    content: { ...content('data', '{"errors":7}'), ...content('query', 'SELECT 7 AS errors') },
    facts: { asOf: '2026-11-22T14:00:00Z' },
  };
  const path = (evidence: string) => `/api/v1/incidents/INC-1/evidence/${evidence}/rerun`;

  test('answers what was told and what the query gives now', async () => {
    const { get, record } = await fixture(again({ kind: 'answered', rows: [{ errors: 9 }], more: false }));
    const evidence = await record.evidence(signal);
    expect(await (await get(path(evidence))).json()).toEqual({
      evidence,
      asOf: '2026-11-22T14:00:00Z',
      told: { errors: 7 },
      now: [{ errors: 9 }],
      more: false,
      query: 'SELECT 7 AS errors',
    });
    expect(asked.splice(0)).toEqual([[TENANT, 'SELECT 7 AS errors']]);
  });

  test.each([
    ['what a sender looked for', { kind: 'retrieval', dialect: 'otel-genai', trust: 'self_reported' } as const],
    ['what an agent says is a signal', { actor: { kind: 'agent', name: 'docket', id: null } } as const],
    [
      'what came with a signal of telemetry',
      { source: { traceId: '', spanId: '', signal: 'traces', alsoSeenAs: [] } } as const,
    ],
    ['a row without a query', { content: content('data', '{}') }],
  ])('runs no statement that is not its own: %s', async (_what, row) => {
    const { get, record } = await fixture(again({ kind: 'answered', rows: [], more: false }));
    const refused = await get(path(await record.evidence({ ...signal, ...row })));
    expect(refused.status).toBe(422);
    expect((await problem(refused)).code).toBe('evidence.no_query');
    expect(asked).toEqual([]);
  });

  test('says when it is to be asked later, and when the query does not finish', async () => {
    const busy = await fixture(again({ kind: 'busy' }));
    const later = await busy.get(path(await busy.record.evidence(signal)));
    expect([later.status, later.headers.get('retry-after')]).toEqual([503, '5']);
    const slow = await fixture(again({ kind: 'unfinished', reason: 'took too long' }));
    const unfinished = await slow.get(path(await slow.record.evidence(signal)));
    expect(await problem(unfinished)).toMatchObject({ status: 422, detail: 'The query took too long.' });
    expect((await slow.get(path('none'))).status).toBe(404);
  });
});
