import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AGENT,
  ALICE,
  BOB,
  CAROL,
  createRecordFixture,
  silentOptions,
  TENANT,
  type RecordFixture,
} from '../../../test/support/record-fixture.ts';
import { openTemporaryStore, type TemporaryStore } from '../../../test/support/temporary-store.ts';
import type { EvidenceRow } from '../evidence.ts';
import { agentClaims, gradeAgents } from './agent-grade.ts';
import { createChangeFeed } from './change-feed.ts';
import { parseExternalRef } from './external-ref.ts';
import { extractFeatures } from './extract-features.ts';
import { exceptionTypes, logTemplate } from './log-template.ts';
import { measureIncident } from './measures.ts';
import { createMemoryService } from './memory-service.ts';
import { ocsfIncidentFinding } from './ocsf-incident-finding.ts';
import { draftReview, reviewMarkdown } from './review-draft.ts';
import { wordsOf } from './words.ts';

const call = (digest: string): Partial<EvidenceRow> => ({
  tool: { name: 'kubectl_get', callId: null, type: null, mcpServer: null, tier: 'read', tierRule: null },
  facts: { verb: 'get', argumentsShape: 'namespace,resource' },
  content: { arguments: { captured: true, value: null, bytes: 10, digest } },
});

async function entriesOf(fixture: RecordFixture) {
  const page = await fixture.service.entries(TENANT, fixture.incidentId, { after: 0, limit: 1_000 });
  return page?.items ?? [];
}

/** A check rules H1 out; H2 is accepted; a follow-up is left. */
async function investigated(fixture: RecordFixture): Promise<void> {
  const { did } = fixture;
  const pool = await fixture.evidence({ summary: 'connection pool wait', ...call('d1') });
  await did(AGENT, 'hypothesis.propose', { statement: 'The database is out of connections' });
  await did(AGENT, 'check.plan', {
    question: 'Does pool wait rise with the errors?',
    predictions: [{ hypothesis: 'H1', expected: 'It rises', refutesIf: 'It is flat' }],
  });
  await did(AGENT, 'check.answer', {
    check: 'C1',
    text: 'Pool wait is flat',
    evidence: [pool],
    outcomes: [{ hypothesis: 'H1', outcome: 'refuted' }],
  });
  await did(ALICE, 'hypothesis.reject', { hypothesis: 'H1', reason: 'Pool wait is flat', killedBy: ['C1'] });
  await did(AGENT, 'hypothesis.propose', { statement: 'Release 2.4.1 sends an empty currency' });
  await did(ALICE, 'hypothesis.accept', { hypothesis: 'H2', override: 'seen in the diff' });
  await did(ALICE, 'followup.open', { title: 'Refuse an empty currency', externalRef: 'shop/checkout#12' });
}

describe('features', () => {
  test('words lose what every text has, and meet across endings', () => {
    expect(wordsOf('The timeouts were caused by 3 lock-services, see https://example.org/x 0a1b2c3d4e')).toEqual([
      'timeout',
      ...wordsOf('caused'),
      'lock-services',
      'lock',
      'servic',
    ]);
    expect(wordsOf('[redacted:secret.bearer_token:abc]')).toEqual([]);
  });

  test('messages that differ in numbers, ids and quotes are one template', () => {
    const one = logTemplate('Timeout after 3000 ms calling 10.1.2.3:443 for "alice"');
    expect(one).toBe(logTemplate('Timeout after 15 ms calling 10.9.9.9:8443 for "bob"'));
    expect(one).toContain('Timeout after <*>');
    expect(logTemplate('12345 6789')).toBe('');
  });

  test('exceptions are named by type and by the system', () => {
    expect(exceptionTypes('java.net.ConnectException: ECONNREFUSED, EVERYTHING failed')).toEqual([
      'java.net.ConnectException',
      'ECONNREFUSED',
    ]);
    // However many parts a text gives a name, a bounded number of them is looked at.
    expect(exceptionTypes(`${'a.'.repeat(5_000)}FooError`)).toEqual([`${'a.'.repeat(12)}FooError`]);
  });

  test('each feature names the entry or evidence that shows it, and the same record gives the same', async () => {
    const fixture = await createRecordFixture();
    await investigated(fixture);
    const error = await fixture.evidence({
      kind: 'error',
      service: 'payments',
      summary: 'POST /charge upstream refused TimeoutError (error)',
      content: { body: { captured: true, value: 'upstream refused', bytes: 16, digest: null } },
    });
    const record = await fixture.record();
    const { items } = await fixture.evidenceLog.page(TENANT, fixture.incidentId, { limit: 100 });
    const features = extractFeatures(record, items);
    expect(features).toEqual(extractFeatures(record, items));
    expect(features).toContainEqual({ kind: 'service', value: 'payments', weight: 1, source: error });
    expect(features).toContainEqual({ kind: 'exception', value: 'TimeoutError', weight: 1, source: error });
    expect(features).toContainEqual(expect.objectContaining({ kind: 'operation', source: error }));
    expect(features).toContainEqual(
      expect.objectContaining({ kind: 'tool_call', value: 'kubectl_get:get(namespace,resource)' }),
    );
    expect(features.every((feature) => feature.source !== '' && feature.weight > 0 && feature.weight <= 1)).toBe(true);
  });
});

test('how an alert stands is no trait that incidents share', async () => {
  const fixture = await createRecordFixture();
  const alert = await fixture.evidence({ kind: 'alert', summary: 'Firing: Basket slow', content: {} });
  const { items } = await fixture.evidenceLog.page(TENANT, fixture.incidentId, { limit: 100 });
  const words = extractFeatures(await fixture.record(), items).filter((each) => each.source === alert);
  expect(words.map((each) => each.value).sort()).toEqual(['basket', 'slow']);
});

describe('external references', () => {
  test.each([
    ['OPS-12', 'jira', 'OPS-12'],
    ['https://shop.atlassian.net/browse/OPS-12', 'jira', 'OPS-12'],
    ['shop/checkout#12', 'github', 'shop/checkout#12'],
    ['https://github.com/shop/checkout/pull/12', 'github', 'shop/checkout#12'],
    ['https://tracker.example.org/1', 'web', 'https://tracker.example.org/1'],
  ])('%s is read', (text, system, key) => {
    expect(parseExternalRef(text)).toMatchObject({ system, key });
  });

  test.each([
    'javascript:alert(1)',
    'https://user:pass@example.org/',
    'https://github.com/shop',
    'see Bob',
    'http://x',
  ])('%s names no place and is refused by the record', async (externalRef) => {
    expect(parseExternalRef(externalRef)).toBeUndefined();
    const fixture = await createRecordFixture();
    expect(await fixture.refused(ALICE, 'followup.open', { title: 'x', externalRef })).toBe(
      'followup.external_ref_invalid',
    );
  });
});

describe('the four measures', () => {
  test('an empty record measures nothing', () => {
    const measures = measureIncident([], new Date());
    expect(measures.timeToContext).toEqual({ seconds: null, ids: [] });
    expect(measures.handoffs.accepted).toEqual({ count: 0, ids: [] });
  });

  test('time to context ends with the first hypothesis that has evidence for it', async () => {
    const fixture = await createRecordFixture();
    const hypothesis = await fixture.did(AGENT, 'hypothesis.propose', { statement: 'It is the pool' });
    fixture.wait(90);
    expect(measureIncident(await entriesOf(fixture), fixture.now()).timeToContext.seconds).toBeNull();
    const evidence = await fixture.evidence();
    const stance = await fixture.did(ALICE, 'stance.take', {
      evidence,
      hypothesis: 'H1',
      relation: 'supports',
      rationale: 'It waits',
    });
    expect(measureIncident(await entriesOf(fixture), fixture.now()).timeToContext).toEqual({
      seconds: 90,
      ids: [fixture.incidentId, hypothesis, stance, evidence],
    });
  });

  test('a handoff is clean until a question is reopened within the hour', async () => {
    const fixture = await createRecordFixture();
    await fixture.did(ALICE, 'incident.status', { status: 'active' });
    await fixture.did(ALICE, 'hypothesis.propose', { statement: 'It is the pool' });
    await fixture.did(ALICE, 'hypothesis.reject', { hypothesis: 'H1', reason: 'no', setAside: true });
    const handoff = await fixture.did(ALICE, 'handoff.offer', {
      to: { ...BOB },
      responsibilities: [(await fixture.record()).responsibilities[0]?.id ?? ''],
    });
    const { snapshotHead } = (await fixture.record()).handoffs[0] ?? { snapshotHead: { seq: 0, hash: '' } };
    await fixture.did(BOB, 'handoff.accept', { handoff, acceptedHead: { ...snapshotHead } });
    const before = measureIncident(await entriesOf(fixture), fixture.now()).handoffs;
    expect(before).toMatchObject({ accepted: { ids: [handoff] }, echoedHead: { count: 1 }, clean: { ids: [handoff] } });
    fixture.wait(600);
    const reopened = await fixture.did(CAROL, 'hypothesis.reopen', { hypothesis: 'H1', reason: 'it came back' });
    const after = measureIncident(await entriesOf(fixture), fixture.now()).handoffs;
    expect(after).toMatchObject({ reopenedWithinHour: { ids: [reopened] }, clean: { count: 0 } });
  });

  test('follow-through counts what was closed with proof, without, and asked twice', async () => {
    const fixture = await createRecordFixture();
    const proven = await fixture.did(ALICE, 'followup.open', { title: 'a', requiredProofs: ['release'] });
    await fixture.did(ALICE, 'followup.proof', { followUp: 'F1', kind: 'release', locator: 'v2' });
    await fixture.did(ALICE, 'followup.done', { followUp: 'F1' });
    const claimed = await fixture.did(ALICE, 'followup.open', { title: 'b' });
    await fixture.did(ALICE, 'followup.done', { followUp: 'F2' });
    const late = await fixture.did(ALICE, 'followup.open', { title: 'c', due: '2026-11-22T14:00:01Z' });
    await fixture.did(ALICE, 'check.plan', { question: 'Does the pool wait rise?' });
    const again = await fixture.did(BOB, 'check.plan', { question: 'Is it the pool wait that rises?' });
    fixture.wait(60);
    expect(measureIncident(await entriesOf(fixture), fixture.now()).followThrough).toMatchObject({
      followUps: { count: 3 },
      closedWithProof: { ids: [proven] },
      closedWithoutProof: { ids: [claimed] },
      overdue: { ids: [late] },
      repeatedChecks: { ids: [again] },
    });
  });
});

describe('agents', () => {
  test('are graded by what people made of their claims, and by nobody else', async () => {
    const fixture = await createRecordFixture();
    await investigated(fixture);
    const row = await fixture.evidence();
    await fixture.did(ALICE, 'evidence.dispute', { evidence: row, reason: 'other cluster' });
    await fixture.did(AGENT, 'hypothesis.propose', { statement: 'Cosmic rays' });
    await fixture.did(AGENT, 'hypothesis.reject', { hypothesis: 'H3', reason: 'never mind', setAside: true });
    const [grade] = gradeAgents(agentClaims(await entriesOf(fixture), new Map([[row, AGENT]])));
    expect(grade).toMatchObject({
      agent: { name: 'sre-agent' },
      claims: 4,
      judged: 3,
      upheld: 1,
      overturned: 2,
      grade: 0.333,
      byKind: { evidence: { judged: 1, grade: 0 }, hypothesis: { judged: 2, grade: 0.5 } },
    });
  });
});

describe('the review draft', () => {
  test('is the same each time, cites in every sentence, and can be entered as it is', async () => {
    const fixture = await createRecordFixture();
    await investigated(fixture);
    const record = await fixture.record();
    const draft = draftReview(record);
    expect(draft).toEqual(draftReview(record));
    const sentences = draft.sections.flatMap((section) => section.sentences);
    expect(sentences.length).toBeGreaterThan(3);
    expect(sentences.every(({ cites }) => cites.length > 0)).toBe(true);
    await fixture.did(ALICE, 'review.draft', {
      sentences: sentences.map(({ text, cites }) => ({ text, cites: [...cites] })),
    });
    const markdown = reviewMarkdown(draft);
    for (const line of markdown.split('\n').filter((each) => each.startsWith('- '))) {
      expect(line).toMatch(/\[[^\]]+\]$/u);
    }
  });

  test('shows hostile text as text', async () => {
    const fixture = await createRecordFixture();
    await fixture.did(AGENT, 'hypothesis.propose', { statement: '<script>alert(1)</script> [x](javascript:y)' });
    await fixture.did(ALICE, 'hypothesis.accept', { hypothesis: 'H1', override: 'test' });
    const markdown = reviewMarkdown(draftReview(await fixture.record()));
    expect(markdown).not.toContain('<script');
    // An escaped bracket makes no link.
    expect(markdown).not.toMatch(/[^\\]\]\(javascript/u);
  });
});

test('the OCSF finding has what the class requires', async () => {
  const fixture = await createRecordFixture();
  await investigated(fixture);
  const finding = ocsfIncidentFinding(await fixture.record(), '0.0.0');
  expect(finding).toMatchObject({
    class_uid: 2005,
    category_uid: 2,
    activity_id: 2,
    type_uid: 200502,
    severity_id: 4,
    status_id: 1,
    assignee_group: { name: 'unassigned' },
    tickets: [{ uid: 'shop/checkout#12', src_url: 'https://github.com/shop/checkout/issues/12' }],
    metadata: { product: { name: 'Docket', vendor_name: 'Docket' } },
  });
  expect(typeof finding['time']).toBe('number');
  expect(finding['finding_info_list']).toHaveLength(2);
});

describe('on the real store', () => {
  let temporary: TemporaryStore;
  beforeAll(async () => {
    temporary = await openTemporaryStore();
  });
  afterAll(async () => {
    await temporary.dispose();
  });

  test('similar incidents explain themselves, repeated questions show, and other tenants see nothing', async () => {
    const changes = createChangeFeed();
    const fixture = await createRecordFixture();
    const memory = createMemoryService({
      record: fixture.service,
      evidenceLog: fixture.evidenceLog,
      memory: temporary.store.incidentMemory,
      changes,
      heads: () => fixture.recordLog.heads(),
      logger: silentOptions().logger,
    });
    await investigated(fixture);
    const later = await fixture.service.open(TENANT, BOB, {
      title: 'Checkout fails again with an empty currency',
      services: ['checkout'],
    });
    const unlike = await fixture.service.open(TENANT, BOB, { title: 'Printer on fire', services: ['office'] });
    const elsewhere = await fixture.service.open('other', BOB, {
      title: 'Checkout answers 500',
      services: ['checkout'],
    });
    if (later.kind !== 'opened' || unlike.kind !== 'opened' || elsewhere.kind !== 'opened')
      throw new Error('not opened');
    await fixture.evidence({ incident: later.incident.id, ...call('d1') });
    await fixture.evidence({ incident: later.incident.id, ...call('d1') });
    await memory.start();
    await memory.settled();

    const answer = await memory.similar(TENANT, later.incident.ref, 5);
    expect(answer?.compared).toBe(2);
    expect(answer?.items[0]?.incident.ref).toBe('INC-1');
    expect(answer?.items[0]?.features).toContainEqual({
      kind: 'service',
      value: 'checkout',
      weight: expect.any(Number) as number,
      incidents: 2,
      here: later.incident.id,
      there: fixture.incidentId,
    });
    expect(answer?.items.map((each) => each.incident.id)).not.toContain(elsewhere.incident.id);
    expect(answer?.items[0]?.outcome).toMatchObject({
      ruledOut: [{ label: 'H1', by: [{ kind: 'check', label: 'C1' }] }],
      cause: [{ label: 'H2' }],
      followUps: [{ label: 'F1', externalRef: 'shop/checkout#12' }],
    });
    expect(answer?.repeated).toHaveLength(1);
    expect(answer?.repeated[0]).toMatchObject({
      kind: 'tool_call',
      times: 2,
      elsewhere: [{ incident: { ref: 'INC-1' }, cameOf: expect.stringContaining('answered C1') as string }],
    });
    expect(await memory.similar('other', later.incident.id, 5)).toBeUndefined();
    expect((await memory.similar('other', elsewhere.incident.id, 5))?.items).toEqual([]);
    await memory.close();
  });

  test('an incident that changed is remembered anew, and what it no longer shows does not count', async () => {
    const changes = createChangeFeed();
    const fixture = await createRecordFixture();
    const memory = createMemoryService({
      record: fixture.service,
      evidenceLog: fixture.evidenceLog,
      memory: temporary.store.incidentMemory,
      changes: {
        subscribe(listener) {
          const stop = changes.subscribe(listener);
          // The fixture's logs are not the feed's: what changes is told by hand below.
          tell = () => listener('renamed', incident);
          return stop;
        },
      },
      heads: () => Promise.resolve([]),
      logger: silentOptions().logger,
      quietMilliseconds: 60_000,
    });
    let tell: () => void = () => undefined;
    const open = async (title: string, services: readonly string[]): Promise<string> => {
      const opened = await fixture.service.open('renamed', ALICE, { title, services });
      if (opened.kind !== 'opened') throw new Error('not opened');
      return opened.incident.id;
    };
    let incident = await open('Kraken', ['harbour']);
    await memory.start();
    tell();
    await memory.settled();
    const first = incident;
    incident = await open('Kraken', ['harbour']);
    tell();
    expect((await memory.similar('renamed', incident, 5))?.items.map((each) => each.incident.id)).toEqual([first]);
    await fixture.service.append('renamed', first, ALICE, {
      type: 'incident.scope',
      body: { title: 'Something else', services: ['forest'] },
    });
    const second = incident;
    incident = first;
    tell();
    await memory.settled();
    expect((await memory.similar('renamed', second, 5))?.items).toEqual([]);
    await memory.close();
  });

  test('evidence that came right before the end is remembered by the next start', async () => {
    const fixture = await createRecordFixture();
    const opened = await fixture.service.open('ending', ALICE, { title: 'Quiet', services: ['harbour'] });
    if (opened.kind !== 'opened') throw new Error('not opened');
    const { id } = opened.incident;
    let tell: (tenant: string, incidentId: string) => void = () => undefined;
    const start = () =>
      createMemoryService({
        record: fixture.service,
        evidenceLog: fixture.evidenceLog,
        memory: temporary.store.incidentMemory,
        changes: {
          subscribe(listener) {
            tell = listener;
            return () => undefined;
          },
        },
        heads: () => fixture.recordLog.heads(),
        logger: silentOptions().logger,
        quietMilliseconds: 60_000,
      });
    const first = start();
    await first.start();
    await first.settled();
    expect(await temporary.store.incidentMemory.investigations('ending', id)).toEqual([]);
    await fixture.evidence({ tenant: 'ending', incident: id, ...call('d1') });
    tell('ending', id);
    await first.close();
    const next = start();
    await next.start();
    await next.settled();
    expect(await temporary.store.incidentMemory.investigations('ending', id)).toHaveLength(1);
    await next.close();
  });
});
