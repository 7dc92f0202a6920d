import { expect, test } from 'vitest';
import { ALICE, AGENT, createRecordFixture, TENANT } from '../../test/support/record-fixture.ts';

test('a record assembles with its keys in the order of the specification', async () => {
  const fixture = await createRecordFixture();
  const record = await fixture.record();
  expect(Object.keys(record)).toEqual(
    'id ref title status severity head brief triggers impact services environments startedAt detectedAt mitigatedAt resolvedAt responsibilities handoffs participants hypotheses checks gaps contentions decisions actions approvals statusUpdates messages followUps evidence relations fixation integrity policyVersion'.split(
      ' ',
    ),
  );
});

test('a rejected and a surviving hypothesis, a decision and a status read back', async () => {
  const fixture = await createRecordFixture();
  const { did } = fixture;
  await did(ALICE, 'incident.status', { status: 'active' });
  const evidence = await fixture.evidence();
  await did(AGENT, 'hypothesis.propose', {
    statement: 'The deploy broke it',
    confidence: 'low',
    refutedBy: ['errors before the deploy'],
  });
  await did(AGENT, 'hypothesis.propose', { statement: 'The database is slow' });
  await did(AGENT, 'stance.take', {
    evidence,
    hypothesis: 'H1',
    relation: 'supports',
    rationale: 'Errors start with the deploy',
  });
  await did(AGENT, 'stance.take', {
    evidence,
    hypothesis: 'H2',
    relation: 'refutes',
    rationale: 'Query times are flat',
    strength: 'decisive',
  });
  await did(AGENT, 'hypothesis.reject', { hypothesis: 'H2', reason: 'Query times are flat', killedBy: [evidence] });
  await did(ALICE, 'decision.make', {
    question: 'What now?',
    options: ['Roll back', 'Wait'],
    chosen: 'Roll back',
    rationale: 'Errors start with the deploy',
    considered: ['H1', 'H2'],
  });
  await did(ALICE, 'status.post', { happening: 'Checkout fails for some', nextUpdateDue: '2026-11-22T14:30:00Z' });
  const record = await fixture.record();
  expect(record.hypotheses.map((each) => [each.label, each.state])).toEqual([
    ['H1', 'proposed'],
    ['H2', 'rejected'],
  ]);
  const brief = await fixture.service.brief(TENANT, 'INC-1');
  console.log(brief?.markdown);
  expect(fixture.service.entryTypes().length).toBeGreaterThan(30);
});
