import { metrics } from '@opentelemetry/api';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createSignedFixture } from '../../test/support/checkpoint-fixture.ts';
import {
  AGENT,
  ALICE,
  BOB,
  CAROL,
  createRecordFixture,
  evidenceRow,
  TENANT,
} from '../../test/support/record-fixture.ts';
import { createBundleExporter } from './bundle-exporter.ts';
import { canonicalJson } from './canonical-json.ts';
import { hashEntry } from './chain.ts';

// The invariants that no rule's test holds by its name; docs/spec/record.md lists which test holds which.

test('invariant 1: the hash covers tenant, actor, both times, the body and the hash before', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'gap.open', { what: 'x' });
  const [, entry] = fixture.recordLog.stored(TENANT, fixture.incidentId);
  if (entry === undefined) throw new Error('no entry');
  for (const change of [
    { tenant: 'other' },
    { actor: BOB },
    { occurredAt: '2026-11-22T13:00:00.000Z' },
    { recordedAt: '2026-11-22T13:00:00.000Z' },
    { body: { what: 'y' } },
    { prevHash: 'f'.repeat(64) },
    { basis: ['z'] },
    { traceId: 'a'.repeat(32) },
  ]) {
    expect(hashEntry({ ...entry, ...change }), canonicalJson(change)).not.toBe(entry.hash);
  }
  expect(hashEntry(entry)).toBe(entry.hash);
});

test('invariant 7: one piece of evidence may support one hypothesis and refute another', async () => {
  const fixture = await createRecordFixture();
  const evidence = await fixture.evidence();
  await fixture.did(AGENT, 'hypothesis.propose', { statement: 'A' });
  await fixture.did(AGENT, 'hypothesis.propose', { statement: 'B' });
  await fixture.did(ALICE, 'stance.take', { evidence, hypothesis: 'H1', relation: 'supports', rationale: 'x' });
  await fixture.did(ALICE, 'stance.take', { evidence, hypothesis: 'H2', relation: 'refutes', rationale: 'y' });
  const { hypotheses } = await fixture.record();
  expect(hypotheses.map(({ supporting, refuting }) => [supporting.length, refuting.length])).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

test('invariant 11: confidence changes only by an entry that names its basis, and every one stays in the log', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'hypothesis.propose', { statement: 'A' });
  expect(await fixture.refused(ALICE, 'hypothesis.confidence', { hypothesis: 'H1', level: 'low' })).toBe(
    'command.invalid_body',
  );
  await fixture.did(ALICE, 'hypothesis.confidence', { hypothesis: 'H1', level: 'low', basis: 'A hunch' });
  await fixture.did(BOB, 'hypothesis.confidence', { hypothesis: 'H1', level: 'none', basis: 'No more' });
  const { hypotheses } = await fixture.record();
  expect(hypotheses[0]?.confidence).toMatchObject({ level: 'none', basis: 'No more', setBy: BOB });
  const page = await fixture.service.entries(TENANT, 'INC-1', { after: 0, limit: 10 });
  const bases = page?.items.flatMap(({ type, body }) => (type === 'hypothesis.confidence' ? [body['basis']] : []));
  expect(bases).toEqual(['A hunch', 'No more']);
});

test('invariant 12: a decision is flagged by what fell after it, not by what it had ruled out already', async () => {
  const fixture = await createRecordFixture();
  const { did } = fixture;
  const one = await fixture.evidence();
  const two = await fixture.evidence();
  await did(AGENT, 'hypothesis.propose', { statement: 'A' });
  await did(AGENT, 'hypothesis.propose', { statement: 'B' });
  await did(AGENT, 'stance.take', { evidence: one, hypothesis: 'H1', relation: 'supports', rationale: 'x' });
  await did(AGENT, 'stance.take', { evidence: two, hypothesis: 'H2', relation: 'supports', rationale: 'y' });
  await did(ALICE, 'hypothesis.reject', { hypothesis: 'H1', reason: 'No', setAside: true });
  await did(ALICE, 'decision.make', {
    question: 'q',
    options: ['o'],
    chosen: 'o',
    rationale: 'r',
    considered: ['H1', 'H2'],
  });
  await did(BOB, 'evidence.withdraw', { evidence: one, reason: 'It was another cluster' });
  expect((await fixture.record()).decisions[0]?.flags).toEqual([]);
  expect((await fixture.service.brief(TENANT, 'INC-1'))?.markdown).not.toContain('something it rests on fell');
  await did(BOB, 'evidence.withdraw', { evidence: two, reason: 'So was this' });
  expect((await fixture.record()).decisions[0]?.flags).toMatchObject([{ code: 'evidence_withdrawn', target: two }]);
  expect((await fixture.service.brief(TENANT, 'INC-1'))?.markdown).toContain('something it rests on fell');
});

test('invariant 19: who left holds nothing and can take nothing', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'incident.status', { status: 'active' });
  await fixture.did(BOB, 'participant.join');
  await fixture.did(ALICE, 'responsibility.assign', { kind: 'investigate', workstream: 'db', holder: { ...BOB } });
  await fixture.did(BOB, 'participant.leave');
  const held = (await fixture.record()).responsibilities.filter((each) => each.held);
  expect(held.every((each) => each.holder.name !== 'bob')).toBe(true);
  expect(
    await fixture.refused(ALICE, 'responsibility.assign', { kind: 'act', workstream: 'db', holder: { ...BOB } }),
  ).toBe('responsibility.holder_left');
  expect(await fixture.refused(ALICE, 'participant.leave')).toBe('participant.commander_leaves');
});

test('invariant 20: what is late says so in the record, the brief, its next step and the changes since', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'status.post', { happening: 'x', nextUpdateDue: '2026-11-22T14:10:00Z' });
  await fixture.did(ALICE, 'check.plan', { question: 'Is it?', owner: { ...CAROL }, due: '2026-11-22T14:10:00Z' });
  await fixture.did(ALICE, 'message.draft', { audience: 'customers', body: 'm', due: '2026-11-22T14:10:00Z' });
  await fixture.did(ALICE, 'followup.open', { title: 'f', due: '2026-11-22T14:10:00Z' });
  fixture.wait(20 * 60);
  const record = await fixture.record();
  const late = [record.statusUpdates, record.checks, record.messages, record.followUps].map((each) => each[0]?.overdue);
  expect(late).toEqual([true, true, true, true]);
  const brief = await fixture.service.brief(TENANT, 'INC-1');
  expect(brief?.markdown.match(/OVERDUE/g)).toHaveLength(5);
  const since = await fixture.service.brief(TENANT, 'INC-1', { since: record.head.seq });
  expect(since?.markdown).toContain('Next update OVERDUE by 10 min');
});

test('invariant 32: handing out a bundle is logged with who took what', async () => {
  const lines: string[] = [];
  const logger = pino(
    { level: 'info' },
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    }),
  );
  const fixture = await createSignedFixture();
  await fixture.evidenceLog.put([evidenceRow({ incident: fixture.incidentId, summary: 'the words of it' })]);
  const { service: record, evidenceLog: evidence, signer } = fixture;
  const bundles = createBundleExporter({ record, evidence, signer, logger, meter: metrics.getMeter('test') });
  expect(await bundles.export(TENANT, 'INC-9', BOB)).toBeUndefined();
  expect(lines).toEqual([]);
  const bundle = await bundles.export(TENANT, 'INC-1', BOB);
  expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({
    name: 'bob',
    by: 'human',
    incident: fixture.incidentId,
    seq: 1,
  });
  expect(bundle?.text).not.toContain('the words of it');
  await fixture.dispose();
});
