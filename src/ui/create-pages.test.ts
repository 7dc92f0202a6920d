import { describe, expect, test } from 'vitest';
import { createApi } from '../api/create-api.ts';
import { createOpenIdentity } from '../api/identity.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import type { StoredSpan, StoredTrace } from '../record/telemetry-reader.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { ALICE, createRecordFixture, evidenceRow, TENANT } from '../../test/support/record-fixture.ts';
import { createPages } from './create-pages.ts';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(2)'>&lt;{{7*7}}`;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

function span(extra: Partial<StoredSpan>): StoredSpan {
  return {
    traceId: TRACE_ID,
    spanId: '00f067aa0ba902b7',
    parentSpanId: '',
    name: 'op',
    kind: 'Internal',
    service: 'checkout',
    startedAt: '2026-11-22T14:00:00.000000000Z',
    durationNano: '1000000',
    statusCode: 'Ok',
    statusMessage: '',
    attributes: {},
    resourceAttributes: {},
    events: [],
    ...extra,
  };
}

async function fixture(trace?: StoredTrace) {
  const record = await createRecordFixture();
  const options = {
    record: record.service,
    evidence: record.evidenceLog,
    telemetry: { trace: () => Promise.resolve(trace) },
    version: '1.2.3',
  };
  const app = createApi({
    ...options,
    identify: createOpenIdentity(TENANT, (name) => name),
    health: () => ({ ready: true, components: [] }),
    metricsText: () => Promise.resolve(''),
    logger: createLogger('silent'),
    meter: createMetrics().meter,
    loopbackOnly: true,
  });
  app.route('/', createPages(options));
  const page = async (path: string, accept = 'text/html') => {
    const response = await app.request(path, { headers: { accept } });
    return { status: response.status, headers: response.headers, html: await response.text() };
  };
  return { record, page };
}

/** What must hold of every page, whatever is shown on it. */
function expectSound(html: string): void {
  expect(html).toMatch(/^<!doctype html>/i);
  expect(html).toContain('<html lang="en">');
  expect(html).not.toMatch(/<script|<img|\sstyle=|\son[a-z]+="|javascript:/i);
  expect(html.match(/<h1>/g)).toHaveLength(1);
  expect(html.match(/<main /g)).toHaveLength(1);
  for (const table of html.match(/<table[^]*?<\/table>/g) ?? []) expect(table).toContain('<caption>');
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map((match) => match[1]);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  for (const [, label] of html.matchAll(/aria-labelledby="([^"]*)"/g)) expect(ids).toContain(label);
}

describe('a page that keeps itself up to date', () => {
  test.each(['/', '/incidents/INC-1'])(
    '%s is loaded again by the browser when asked to, and not otherwise',
    async (path) => {
      const { page } = await fixture();
      const still = await page(`${path}?q=x`);
      expect(still.headers.get('refresh')).toBeNull();
      expect(still.html).toContain(`href="${path}?q=x&amp;live=on"`);
      const live = await page(`${path}?q=x&live=on`);
      expect(live.headers.get('refresh')).toBe('30');
      expect(live.html).toContain(`<a href="${path}?q=x">Stop</a>`);
      expectSound(live.html);
    },
  );
});

describe('hostile text', () => {
  test('is shown as text wherever a record can carry it', async () => {
    const { record, page } = await fixture();
    const evidence = await record.evidence({
      summary: HOSTILE,
      service: HOSTILE,
      actor: { kind: 'agent', name: HOSTILE, id: null },
      content: { [HOSTILE]: { captured: true, value: HOSTILE, bytes: 3, digest: HOSTILE } },
      redactions: [
        {
          path: HOSTILE,
          class: HOSTILE,
          rule: HOSTILE,
          ruleVersion: 1,
          action: 'mask',
          encodings: [HOSTILE],
          originalBytes: 1,
          fingerprint: HOSTILE,
        },
      ],
    });
    await record.did(ALICE, 'hypothesis.propose', { statement: HOSTILE });
    await record.did(ALICE, 'stance.take', { evidence, hypothesis: 'H1', relation: 'supports', rationale: HOSTILE });
    await record.did(ALICE, 'status.post', { happening: HOSTILE });
    await record.did(ALICE, 'gap.open', { what: HOSTILE, kind: 'withheld' });
    await record.did(ALICE, 'decision.make', {
      question: HOSTILE,
      options: [HOSTILE],
      chosen: HOSTILE,
      rationale: HOSTILE,
    });
    await record.service.open(TENANT, ALICE, { title: HOSTILE });
    await record.evidenceLog.put([evidenceRow({ id: 'u', state: 'unfiled', summary: HOSTILE, namedRefs: [HOSTILE] })]);
    for (const path of ['/', '/unfiled', '/incidents/INC-1', `/incidents/INC-1/evidence/${evidence}`]) {
      const { status, html } = await page(path);
      expect(status).toBe(200);
      expect(html).toContain('&lt;script&gt;alert(1)');
      expectSound(html);
    }
  });

  test('in a query comes back as text', async () => {
    const { page } = await fixture();
    const query = encodeURIComponent(HOSTILE);
    for (const path of [
      `/?q=${query}&status=${query}&severity=${query}`,
      `/incidents/INC-1?q=${query}&kind=${query}&entries=${query}`,
    ]) {
      const { status, html } = await page(path);
      expect(status).toBe(200);
      expectSound(html);
    }
  });

  test('in a trace is shown as text, and spans that call each other in a circle are each shown once', async () => {
    const { page } = await fixture({
      traceId: TRACE_ID,
      truncated: true,
      spans: [
        span({
          spanId: 'a1',
          name: HOSTILE,
          statusCode: 'Error',
          statusMessage: HOSTILE,
          attributes: { [HOSTILE]: HOSTILE },
        }),
        span({ spanId: 'a2', parentSpanId: 'a1', name: 'child' }),
        span({ spanId: 'b1', parentSpanId: 'b2', name: 'circle-one' }),
        span({ spanId: 'b2', parentSpanId: 'b1', name: 'circle-two' }),
        span({ spanId: 'c1', parentSpanId: 'c1', name: 'self' }),
        span({ spanId: 'd1', parentSpanId: 'gone', name: 'orphan' }),
      ],
      logs: [
        {
          at: '2026-11-22T14:00:00Z',
          traceId: TRACE_ID,
          spanId: 'a1',
          severity: 'ERROR',
          service: 'checkout',
          body: HOSTILE,
          eventName: '',
          attributes: {},
        },
      ],
    });
    const { status, html } = await page(`/traces/${TRACE_ID}`);
    expect(status).toBe(200);
    expectSound(html);
    expect(html.match(/<tr id="span-/g)).toHaveLength(6);
    expect(html).toContain('parent missing');
    expect(html).toContain('longer than what is shown');
  });
});

test('the list shows the leading theory, the age and what is unfiled', async () => {
  const { record, page } = await fixture();
  await record.did(ALICE, 'hypothesis.propose', { statement: 'The deploy broke it' });
  await record.evidenceLog.put([evidenceRow({ id: 'u', state: 'unfiled' })]);
  const { html } = await page('/');
  expect(html).toContain('INC-1: Checkout answers 500');
  expect(html).toContain('H1: The deploy broke it');
  expect(html).toContain('1 row of evidence');
  expect((await page('/?status=closed')).html).toContain('No incidents match');
});

test('a record shows the brief, theories with for and against, and evidence by kind', async () => {
  const { record, page } = await fixture();
  const evidence = await record.evidence();
  await record.evidence({ kind: 'model_call', summary: 'chat with a model' });
  await record.did(ALICE, 'hypothesis.propose', { statement: 'DNS' });
  await record.did(ALICE, 'stance.take', {
    evidence,
    hypothesis: 'H1',
    relation: 'refutes',
    rationale: 'Lookups are fast',
    strength: 'decisive',
  });
  await record.did(ALICE, 'hypothesis.reject', { hypothesis: 'H1', reason: 'Lookups are fast', killedBy: [evidence] });
  const { html } = await page('/incidents/INC-1');
  for (const text of ['Ruled out', 'Killed by', 'Lookups are fast', 'tool call 1', 'model call 1', 'incident.open']) {
    expect(html).toContain(text);
  }
  const filtered = (await page('/incidents/INC-1?kind=model_call')).html;
  expect(filtered).toContain('chat with a model');
  expect(filtered).not.toContain('kubectl_get pods</a>');
});

test('a row that no incident has claimed says what it can be bound by', async () => {
  const { record, page } = await fixture();
  const source = { ...evidenceRow({}).source, traceId: TRACE_ID };
  await record.evidenceLog.put([evidenceRow({ id: 'u', state: 'unfiled', source, conversationId: 'thread-7' })]);
  const { html } = await page('/unfiled');
  expect(html).toContain(`<a href="/traces/${TRACE_ID}">trace 4bf92f3577b3</a>`);
  expect(html).toContain('conversation thread-7');
});

test('what comparing found is shown with the window it holds for, not at the start of it', async () => {
  const { record, page } = await fixture();
  const id = await record.evidence({
    occurredAtUnixNano: 1_795_840_860_000_000_000n,
    endedAtUnixNano: null,
    facts: { windowTo: '2026-11-28T05:20:13.000Z' },
  });
  for (const path of ['/incidents/INC-1', `/incidents/INC-1/evidence/${id}`]) {
    const { html } = await page(path);
    expect(html).toMatch(/2026-11-28 04:41Z<\/time> to <time [^>]+>2026-11-28 05:20:13Z/);
  }
});

test('a row says when Docket had it, and that it was late', async () => {
  const { record, page } = await fixture();
  const at = 1_795_840_860_000_000_000n;
  const late = { occurredAtUnixNano: at, endedAtUnixNano: at, receivedAtUnixNano: at + 7_500_000_000_000n };
  const html = async (row: Partial<EvidenceRow>) =>
    (await page(`/incidents/INC-1/evidence/${await record.evidence(row)}`)).html;
  expect(await html(late)).toMatch(/Received<\/dt><dd><time [^>]+>2026-11-28 06:46Z<\/time>, 2 h 5 min after the fact/);
  expect(await html({ ...late, receivedAtUnixNano: at + 2_000_000_000n })).not.toContain('after the fact');
});

test('a row leads to its runbook and to what it is about elsewhere, and only what lasts is not ended', async () => {
  const { record, page } = await fixture();
  const html = async (row: Partial<EvidenceRow>) =>
    (await page(`/incidents/INC-1/evidence/${await record.evidence({ endedAtUnixNano: null, ...row })}`)).html;
  const anchor = (url: string) => `<a href="${url}" rel="noopener noreferrer nofollow">${url}</a>`;
  const alert = await html({
    kind: 'alert',
    facts: { status: 'firing', runbook: 'https://wiki.example/cart', externalRef: 'https://grafana.example/1' },
  });
  expect(alert).toContain(`<dt>Runbook</dt><dd>${anchor('https://wiki.example/cart')}`);
  expect(alert).toContain(`<dt>Elsewhere</dt><dd>${anchor('https://grafana.example/1')}`);
  expect(alert).toMatch(/firing since <time/);
  const runbook = await html({ kind: 'runbook', facts: { externalRef: 'https://wiki.example/cart' } });
  expect(runbook).toContain(`<dt>Runbook</dt><dd>${anchor('https://wiki.example/cart')}`);
  expect(runbook).not.toContain('not ended');
  const hostile = await html({ kind: 'note', facts: { externalRef: 'javascript:alert(1)//https://x.example' } });
  expect(hostile).not.toMatch(/href="javascript/);
  expect(await html({ kind: 'tool_call' })).toContain('not ended');
});

test('a row says how it came to the incident, and who confirmed or took it back, and why', async () => {
  const { record, page } = await fixture();
  const link = { mode: 'inferred', rule: 'names trace 4bf9', score: 0.6 } as const;
  const confirmed = await record.evidence({ link });
  const cut = await record.evidence({ link });
  await record.evidence({});
  await record.did(ALICE, 'evidence.confirm', { evidence: confirmed });
  await record.did(ALICE, 'evidence.dispute', { evidence: cut, reason: 'Is it?' });
  await record.did(ALICE, 'evidence.withdraw', { evidence: cut, reason: 'Another <matter>' });
  const { html } = await page('/incidents/INC-1');
  const remarks = html.slice(html.indexOf('Newest first')).match(/<div class="quiet">[^<]*link[^<]*/g);
  expect(remarks).toEqual([
    '<div class="quiet">explicit link',
    '<div class="quiet">withdrawn by alice · inferred link, score 0.6',
    '<div class="quiet">confirmed by alice · inferred link, score 0.6',
  ]);
  const row = (await page(`/incidents/INC-1/evidence/${cut}`)).html;
  expect(row).toContain('inferred: names trace 4bf9 (score 0.6)');
  expect(row).toMatch(/Judged<\/dt><dd>withdrawn by <span>alice.*: Another &lt;matter&gt;<\/dd>/);
  expectSound(row);
});

test('a record leads to the runbooks and owners of its services and to what raised it', async () => {
  const { record, page } = await fixture();
  expect((await page('/incidents/INC-1')).html).not.toContain('Owners and runbooks');
  await record.evidence({ kind: 'ownership', summary: 'checkout is owned by shop, on call: #shop' });
  await record.evidence({
    kind: 'runbook',
    summary: 'Runbook of checkout: 5xx',
    facts: { externalRef: 'https://wiki.example/5xx' },
  });
  await record.evidence({ kind: 'runbook', summary: 'No longer', facts: { pastSince: '2026-11-22T14:00:00Z' } });
  await record.did(ALICE, 'trigger.add', {
    source: 'alert',
    title: '5xx',
    rule: '5xx',
    externalRef: 'https://grafana.example/1',
  });
  const { html } = await page('/incidents/INC-1');
  const help = html.slice(html.indexOf('id="help"'), html.indexOf('id="brief"'));
  expect(help).toContain('checkout is owned by shop, on call: #shop');
  expect(help).toContain('<a href="https://wiki.example/5xx" rel="noopener noreferrer nofollow">');
  expect(help).not.toContain('No longer');
  const triggers = html.slice(html.indexOf('id="triggers"'), html.indexOf('id="decisions"'));
  expect(triggers).toContain('<a href="https://grafana.example/1" rel="noopener noreferrer nofollow">');
  expect(triggers).not.toContain('rule 5xx');
  expectSound(html);
});

test('redactions are shown as such', async () => {
  const { record, page } = await fixture();
  const id = await record.evidence({
    content: {
      arguments: { captured: true, value: 'token [redacted:secret.jwt~0123456789] here', bytes: 90, digest: null },
      input: { captured: true, value: null, bytes: 512, digest: 'hmac:k:2' },
      result: { captured: false, value: null, bytes: null, digest: null },
    },
  });
  const { html } = await page(`/incidents/INC-1/evidence/${id}`);
  expect(html).toContain('<mark>[redacted:secret.jwt~0123456789]</mark>');
  expect(html).toContain('<mark>withheld</mark> 512 bytes');
  expect(html).toContain('Not sent.');
});

test.each([
  '/incidents/INC-9',
  '/incidents/INC-1/evidence/none',
  `/traces/${TRACE_ID}`,
  '/traces/zz',
  '/incidents/%3Cscript%3E',
  '/nowhere',
])('%s is a page that says it is not there', async (path) => {
  const { page } = await fixture();
  const { status, html } = await page(path);
  expect(status).toBe(404);
  expectSound(html);
});

test('what is nowhere is a page for browsers only', async () => {
  const { page } = await fixture();
  expect((await page('/nowhere', '*/*')).headers.get('content-type')).toBe('application/problem+json');
  expect((await page('/api/v1/nowhere')).headers.get('content-type')).toBe('application/problem+json');
});

test('every entry of the timeline says what it is about', async () => {
  const { record, page } = await fixture();
  const evidence = await record.evidence();
  await record.did(ALICE, 'hypothesis.propose', { statement: 'DNS' });
  await record.did(ALICE, 'stance.take', { evidence, hypothesis: 'H1', relation: 'supports', rationale: 'It is slow' });
  await record.did(ALICE, 'responsibility.assign', { kind: 'command', workstream: 'incident', holder: { ...ALICE } });
  const reason = (await record.service.entries(TENANT, record.incidentId, { after: 0, limit: 1 }))?.items[0]?.entryId;
  await record.did(ALICE, 'gap.open', { what: 'The cache is not measured' }, [reason ?? '']);
  const { html } = await page('/incidents/INC-1');
  const timeline = html.slice(html.indexOf('id="timeline"')).split('<li id="entry-');
  expect(timeline.find((each) => each.includes('stance.take'))).toMatch(
    new RegExp(`evidence/${evidence}".*href="#item-H1">H1</a> supports · It is slow`),
  );
  expect(timeline.find((each) => each.includes('responsibility.assign'))).toContain('command · incident');
  expect(timeline.find((each) => each.includes('gap.open'))).toContain('rests on <a href="#entry-1">entry 1</a>');
});

test('a count of one reads as one', async () => {
  const { page } = await fixture({ traceId: TRACE_ID, truncated: false, spans: [span({})], logs: [] });
  expect((await page(`/traces/${TRACE_ID}`)).html).toContain('1 span and 0 log records');
  expect((await page('/measures')).html).toContain('From the logs of 1 incident;');
  expect((await page('/incidents/INC-1')).html).toMatch(/As of <time[^>]*>[^<]*<\/time>, entry 1\./);
  expectSound((await page('/measures')).html);
});

test('pages stand behind the checks of the API', async () => {
  const { page } = await fixture();
  const { headers } = await page('/');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'");
  expect(headers.get('content-type')).toBe('text/html; charset=UTF-8');
  expect((await page('http://rebound.example/')).status).toBe(421);
  expect((await page('/docket.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
});

test('the list shows what goes on worst first, apart from what is over, each with what needs somebody', async () => {
  const { record, page } = await fixture();
  const open = (title: string, severity: 'sev1' | 'sev4') => record.service.open(TENANT, ALICE, { title, severity });
  await open('Mails are late', 'sev4');
  await open('Nobody can log in', 'sev1');
  const over = await open('A false alarm', 'sev1');
  if (over.kind !== 'opened') throw new Error('not opened');
  await record.service.append(TENANT, over.incident.id, ALICE, {
    type: 'incident.status',
    body: { status: 'declined', reason: 'A test' },
  });
  await record.did(ALICE, 'action.propose', {
    intent: 'Roll checkout back',
    target: 'checkout',
    operation: 'kubectl rollout undo',
    tier: 'mutate',
    rollback: { plan: 'Deploy it again' },
  });
  await record.did(ALICE, 'approval.request', { action: 'A1' });
  const { html } = await page('/');
  const places = [
    'Going on',
    'Nobody can log in',
    'Checkout answers 500',
    'Waits for approval: Roll checkout back',
    'Mails are late',
    'Over',
    'A false alarm',
  ].map((words) => html.indexOf(`>${words}`) + html.indexOf(`: ${words}<`) + 1);
  expect(places.every((place) => place > 0)).toBe(true);
  expect(places).toEqual([...places].sort((one, other) => one - other));
});

test('a record says on top what needs somebody, and nothing of the kind when nothing does', async () => {
  const { record, page } = await fixture();
  expect((await page('/incidents/INC-1')).html).not.toContain('Needs somebody');
  await record.did(ALICE, 'hypothesis.propose', { statement: 'It is the deploy' });
  await record.did(ALICE, 'message.draft', { audience: 'customers', body: 'It is the deploy', restsOn: ['H1'] });
  await record.did(ALICE, 'message.approve', { message: 'M1' });
  await record.did(ALICE, 'message.send', { message: 'M1' });
  await record.did(ALICE, 'hypothesis.reject', { hypothesis: 'H1', reason: 'No', setAside: true });
  await record.did(ALICE, 'gap.open', {
    kind: 'unapproved_mutation',
    what: 'sre-agent called <kubectl_delete> without an approval',
  });
  const { html } = await page('/incidents/INC-1');
  const needs = html.slice(html.indexOf('Needs somebody'), html.indexOf('id="brief"'));
  expect(needs).toContain('Unapproved change: sre-agent called &lt;kubectl_delete&gt; without an approval');
  expect(needs).toContain('What customers were told rests on something that fell.');
  expect(needs).toContain('href="#item-M1"');
  expectSound(html);
});
