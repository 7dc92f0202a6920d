import { expect, test } from 'vitest';
import { AGENT, ALICE, BOB, CAROL, createRecordFixture, TENANT, ALERTS } from '../../../test/support/record-fixture.ts';

const LONG = 'A very long and winding statement about what may have happened 🙂 <b>*with*</b> '.repeat(20).trim();

test('a brief of a very large record stays under 4 KB as JSON and as Markdown', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'incident.scope', {
    title: LONG.slice(0, 300),
    services: Array.from({ length: 100 }, (_, index) => `service-with-a-long-name-${index}`),
  });
  const evidence = await fixture.evidence();
  for (let count = 0; count < 30; count += 1) {
    await fixture.did(AGENT, 'hypothesis.propose', { statement: LONG, refutedBy: [LONG.slice(0, 900)] });
    const hypothesis = `H${count + 1}`;
    await fixture.did(AGENT, 'stance.take', { evidence, hypothesis, relation: 'supports', rationale: LONG });
    await fixture.did(ALICE, 'gap.open', { what: LONG, why: LONG });
    await fixture.did(ALICE, 'followup.open', { title: LONG.slice(0, 300) });
    await fixture.did(ALICE, 'check.plan', { question: LONG });
    await fixture.did(ALICE, 'message.draft', { audience: 'customers', body: LONG });
    await fixture.did(ALICE, 'decision.make', { question: LONG, options: ['o'], chosen: 'o', rationale: LONG });
    if (count % 2 === 0) await fixture.did(ALICE, 'hypothesis.reject', { hypothesis, reason: LONG, setAside: true });
  }
  const brief = await fixture.service.brief(TENANT, 'INC-1');
  expect(Buffer.byteLength(JSON.stringify(brief?.json))).toBeLessThan(4_096);
  expect(Buffer.byteLength(brief?.markdown ?? '')).toBeLessThan(4_096);
  expect(brief?.json.sections.map((section) => section.lines.length > 0)).toEqual(Array(10).fill(true));
  expect(brief?.json.sections.some((section) => section.omitted > 0)).toBe(true);
  expect((await fixture.service.brief(TENANT, 'INC-1'))?.markdown).toBe(brief?.markdown);
  const since = await fixture.service.brief(TENANT, 'INC-1', { since: 1 });
  expect(Buffer.byteLength(JSON.stringify(since?.json))).toBeLessThan(4_096);
});

test('a status past its next update is shown as overdue', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'status.post', { happening: 'x', nextUpdateDue: '2026-11-22T14:10:00Z' });
  expect((await fixture.record()).statusUpdates[0]?.overdue).toBe(false);
  fixture.wait(25 * 60);
  expect((await fixture.record()).statusUpdates[0]?.overdue).toBe(true);
  expect((await fixture.service.brief(TENANT, 'INC-1'))?.markdown).toContain('Next update OVERDUE by 15 min');
});

test('an alert says its service once, and that it is worse than the incident is taken for', async () => {
  const fixture = await createRecordFixture();
  const alert = { source: 'alert', service: 'check-out', firedAt: '2026-11-22T13:58:00Z' };
  await fixture.did(ALICE, 'incident.severity', { severity: 'sev2' });
  await fixture.did(ALERTS, 'trigger.add', { ...alert, title: 'Check-out fails', severity: 'sev1' });
  await fixture.did(ALERTS, 'trigger.add', { ...alert, title: 'The disk is full', severity: 'sev3' });
  const markdown = (await fixture.service.brief(TENANT, 'INC-1'))?.markdown;
  expect(markdown).toContain('Raised by alert as SEV1 at 13:58Z: Check-out fails.');
  expect(markdown).toContain('Raised by alert on check-out at 13:58Z: The disk is full.');
});

test('nothing changed is what a brief since the head says', async () => {
  const fixture = await createRecordFixture();
  const brief = await fixture.service.brief(TENANT, 'INC-1', { since: 1 });
  expect(brief?.markdown).toContain('Nothing changed.');
  expect(brief?.json.sections.every((section) => section.lines.length === 0)).toBe(true);
});

test('a night with a wrong leading theory, an approved rollback and a retracted message reads well', async () => {
  const fixture = await createRecordFixture();
  const { did, service, wait } = fixture;
  const brief = async (since?: number) =>
    (await service.brief(TENANT, 'INC-1', since === undefined ? {} : { since }))?.markdown;
  const note = async (summary: string, sourceFamily: string) => fixture.evidence({ summary, sourceFamily });
  await did(ALERTS, 'trigger.add', {
    source: 'alert',
    title: 'CheckoutErrorRatio above 5 %',
    service: 'checkout',
    firedAt: '2026-11-22T13:58:00Z',
    deployTime: '2026-11-22T13:51:00Z',
  });
  await did(ALICE, 'incident.status', { status: 'active' });
  await did(ALICE, 'impact.update', {
    customersAffected: { kind: 'range', from: 800, to: 1200 },
    segments: ['EU web shop'],
    since: '2026-11-22T13:55:00Z',
  });
  const pods = await note('kubectl get pods', 'kubernetes');
  const pool = await note('connection pool wait', 'traces');
  await did(AGENT, 'hypothesis.propose', {
    statement: 'The database is out of connections',
    refutedBy: ['Pool wait is flat while errors rise'],
  });
  await did(AGENT, 'stance.take', {
    evidence: pods,
    hypothesis: 'H1',
    relation: 'supports',
    rationale: 'Checkout pods restart with timeouts',
    selfSought: true,
  });
  await did(ALICE, 'status.post', {
    happening: 'One checkout in ten fails in the EU',
    believed: 'Database connections',
    doing: 'Looking at the pool',
    nextUpdateDue: '2026-11-22T14:20:00Z',
  });
  await did(BOB, 'message.draft', {
    audience: 'customers',
    body: 'A database problem slows some checkouts.',
    restsOn: ['H1'],
  });
  await did(ALICE, 'message.approve', { message: 'M1' });
  await did(BOB, 'message.send', { message: 'M1' });
  await expect(await brief()).toMatchFileSnapshot('golden/brief-1-wrong-theory.md');
  const { seq } = (await fixture.record()).head;
  wait(12 * 60);
  await did(AGENT, 'check.plan', {
    question: 'Does pool wait rise with the errors?',
    predictions: [{ hypothesis: 'H1', expected: 'It rises', refutesIf: 'It is flat' }],
    due: '2026-11-22T14:15:00Z',
  });
  await did(AGENT, 'check.answer', {
    check: 'C1',
    text: 'Pool wait is flat at 2 ms',
    evidence: [pool],
    outcomes: [{ hypothesis: 'H1', outcome: 'refuted' }],
  });
  await did(AGENT, 'hypothesis.reject', {
    hypothesis: 'H1',
    reason: 'Pool wait is flat while errors rise',
    killedBy: ['C1'],
  });
  await did(CAROL, 'hypothesis.propose', {
    statement: 'Release 2.4.1 sends an empty currency to payments',
    refutedBy: ['Errors from pods still on 2.4.0'],
    confidence: { level: 'low', basis: 'The release came four minutes before' },
  });
  await did(CAROL, 'gap.open', {
    what: 'We do not see what payments answers',
    kind: 'missing_telemetry',
    blocks: ['H2'],
  });
  await expect(await brief(seq)).toMatchFileSnapshot('golden/brief-2-since.md');
  const versions = await note('error ratio by version', 'metrics');
  const spans = await note('payments spans with currency=""', 'traces');
  await did(AGENT, 'stance.take', {
    evidence: versions,
    hypothesis: 'H2',
    relation: 'supports',
    strength: 'decisive',
    rationale: 'Only pods on 2.4.1 fail',
  });
  await did(CAROL, 'stance.take', {
    evidence: spans,
    hypothesis: 'H2',
    relation: 'supports',
    rationale: 'Failing spans carry an empty currency',
  });
  await did(CAROL, 'gap.fill', {
    gap: 'G1',
    reason: 'Payments logs show 400 for an empty currency',
    evidence: [spans],
  });
  await did(ALICE, 'decision.make', {
    question: 'Roll back or fix forward?',
    options: [{ text: 'Roll back to 2.4.0', for: ['Minutes'], against: ['Loses the tax fix'] }, 'Fix forward'],
    chosen: 'Roll back to 2.4.0',
    rationale: 'Only pods on 2.4.1 fail, and a fix needs an hour',
    considered: ['H1', 'H2'],
  });
  await did(AGENT, 'action.propose', {
    intent: 'Roll checkout back to 2.4.0',
    target: 'checkout',
    operation: 'kubectl rollout undo',
    tier: 'mutate',
    rollback: { plan: 'Deploy 2.4.1 again' },
    decision: 'D1',
    hypotheses: ['H2'],
  });
  await did(AGENT, 'approval.request', { action: 'A1' });
  await expect(await brief()).toMatchFileSnapshot('golden/brief-3-waiting.md');
  await did(BOB, 'approval.vote', { approval: 'P1', verdict: 'approve' });
  await did(AGENT, 'action.start', { action: 'A1' });
  wait(4 * 60);
  await did(AGENT, 'action.finish', { action: 'A1', ok: true });
  await did(CAROL, 'action.outcome', { action: 'A1', effect: 'verified', text: 'The error ratio is back at 0.1 %' });
  await did(ALICE, 'incident.status', { status: 'mitigated' });
  await did(ALICE, 'message.retract', { message: 'M1', reason: 'It was not the database' });
  await did(ALICE, 'followup.open', {
    title: 'Refuse an empty currency at build time',
    owner: { ...CAROL },
    due: '2026-11-29T12:00:00Z',
    requiredProofs: ['regression_check', 'release'],
  });
  await expect(await brief()).toMatchFileSnapshot('golden/brief-4-mitigated.md');
  wait(10 * 60);
  await did(ALICE, 'incident.status', { status: 'resolved' });
  await expect(await brief()).toMatchFileSnapshot('golden/brief-5-resolved.md');
});
