import { metrics } from '@opentelemetry/api';
import { createHash } from 'node:crypto';
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
  silentOptions,
  TENANT,
} from '../../test/support/record-fixture.ts';
import { createBundleExporter } from './bundle-exporter.ts';
import { canonicalJson } from './canonical-json.ts';
import { hashEntry } from './chain.ts';
import type { PolicyDecision } from './entry-kind.ts';
import { DEFAULT_RECORD_POLICY } from './record-policy.ts';
import { createRecordService } from './service.ts';

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

const ROLLBACK = {
  intent: 'Roll checkout back',
  target: 'checkout',
  operation: 'kubectl rollout undo',
  tier: 'mutate',
  rollback: { plan: 'Deploy it again' },
};

test('invariant 2: an entry sent again after the service came back changes nothing, and says where it stands', async () => {
  const fixture = await createRecordFixture();
  const command = {
    type: 'gap.open',
    body: { what: 'x' },
    entryId: '018f0000-0000-7000-8000-000000000001',
  };
  const first = await fixture.service.append(TENANT, 'INC-1', ALICE, command);
  await fixture.did(ALICE, 'gap.open', { what: 'y' });
  const again = await fixture.restarted();
  expect(await again.append(TENANT, 'INC-1', ALICE, command)).toMatchObject({
    kind: 'repeated',
    seq: first.kind === 'appended' ? first.seq : 0,
    head: { seq: 3 },
  });
  expect(await again.append(TENANT, 'INC-1', ALICE, { ...command, basis: [fixture.incidentId] })).toMatchObject({
    code: 'record.entry_id_reused',
  });
});

test('invariant 10: raising the evidence raises the cap, withdrawing it lowers it under what was stated', async () => {
  const fixture = await createRecordFixture();
  const { did, refused } = fixture;
  const evidence = await fixture.evidence();
  await did(AGENT, 'hypothesis.propose', { statement: 'A' });
  const medium = { hypothesis: 'H1', level: 'medium', basis: 'The pods restart' };
  expect(await refused(AGENT, 'hypothesis.confidence', medium)).toBe('hypothesis.confidence_above_cap');
  await did(AGENT, 'stance.take', { evidence, hypothesis: 'H1', relation: 'supports', rationale: 'x' });
  await did(AGENT, 'hypothesis.confidence', medium);
  expect((await fixture.record()).hypotheses[0]?.confidence).toMatchObject({ cap: 'medium', aboveCap: false });
  await did(ALICE, 'evidence.withdraw', { evidence, reason: 'Another cluster' });
  expect((await fixture.record()).hypotheses[0]?.confidence).toMatchObject({
    level: 'medium',
    cap: 'low',
    aboveCap: true,
  });
});

test('invariant 14: disputed evidence decides as little as an inferred link does', async () => {
  const fixture = await createRecordFixture();
  const evidence = await fixture.evidence();
  await fixture.did(ALICE, 'hypothesis.propose', { statement: 'A' });
  const refutes = { evidence, hypothesis: 'H1', relation: 'refutes', strength: 'decisive', rationale: 'x' };
  await fixture.did(ALICE, 'stance.take', refutes);
  expect((await fixture.record()).hypotheses[0]?.confidence.capReason).toContain('decisive evidence');
  await fixture.did(BOB, 'evidence.dispute', { evidence, reason: 'The clock was wrong' });
  expect((await fixture.record()).hypotheses[0]?.confidence.capReason).toBe('nothing supports it yet');
});

test('invariant 17: who gave a responsibility away is denied what it allowed, in the very next attempt', async () => {
  const fixture = await createRecordFixture();
  const { did, refused } = fixture;
  await did(ALICE, 'incident.status', { status: 'active' });
  await did(ALICE, 'responsibility.assign', { kind: 'communicate', holder: { ...BOB } });
  await did(BOB, 'handoff.offer', { responsibilities: ['R2'], to: { ...CAROL } });
  await did(BOB, 'message.draft', { audience: 'customers', body: 'Soon' });
  await did(ALICE, 'message.approve', { message: 'M1' });
  // Offered is not given: nobody is without it meanwhile.
  const { snapshotHead } = (await fixture.record()).handoffs[0] ?? {};
  expect((await fixture.record()).responsibilities[1]?.holder).toEqual(BOB);
  expect(await refused(CAROL, 'message.send', { message: 'M1' })).toBe('message.send_needs_capability');
  await did(CAROL, 'handoff.accept', { handoff: 'HO1', acceptedHead: { seq: 0, hash: '', ...snapshotHead } });
  expect(await refused(BOB, 'message.send', { message: 'M1' })).toBe('message.send_needs_capability');
  await did(CAROL, 'message.send', { message: 'M1' });
});

test('invariant 21: an approval given under another policy version does not let the action start', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(AGENT, 'action.propose', ROLLBACK);
  await fixture.did(AGENT, 'approval.request', { action: 'A1' });
  await fixture.did(BOB, 'approval.vote', { approval: 'P1', verdict: 'approve' });
  const under = async (version: string) => {
    const { recordLog, evidenceLog } = fixture;
    const service = createRecordService({
      recordLog,
      evidenceLog,
      ...silentOptions(),
      clock: fixture.now,
      sweepIntervalMilliseconds: 0,
      policy: { ...DEFAULT_RECORD_POLICY, version },
    });
    await service.start();
    return service.append(TENANT, 'INC-1', AGENT, { type: 'action.start', body: { action: 'A1' } });
  };
  expect(await under('another')).toMatchObject({ rejection: { code: 'action.start_needs_approval' } });
  expect(await under(DEFAULT_RECORD_POLICY.version)).toMatchObject({ kind: 'appended' });
});

test('invariant 21: of two attempts to start at once, one uses the approval up', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(AGENT, 'action.propose', ROLLBACK);
  await fixture.did(AGENT, 'approval.request', { action: 'A1' });
  await fixture.did(BOB, 'approval.vote', { approval: 'P1', verdict: 'approve' });
  const results = await Promise.all([1, 2, 3].map(() => fixture.send(AGENT, 'action.start', { action: 'A1' })));
  expect(results.map(({ kind }) => kind).sort()).toEqual(['appended', 'rejected', 'rejected']);
  const page = await fixture.service.entries(TENANT, 'INC-1', { after: 0, limit: 100 });
  expect(page?.items.filter(({ type }) => type === 'approval.consume')).toHaveLength(1);
});

test('invariant 22: the person an agent acts for approves what it proposed only where the policy lets them', async () => {
  const vote = { approval: 'P1', verdict: 'approve' };
  for (const delegatorMayApprove of [true, false]) {
    const fixture = await createRecordFixture({ policy: { ...DEFAULT_RECORD_POLICY, delegatorMayApprove } });
    await fixture.did(AGENT, 'action.propose', ROLLBACK);
    await fixture.did(AGENT, 'approval.request', { action: 'A1' });
    if (delegatorMayApprove) await fixture.did(ALICE, 'approval.vote', vote);
    else expect(await fixture.refused(ALICE, 'approval.vote', vote)).toBe('approval.approver_is_delegator');
  }
});

test('invariant 24: a policy decision that is not there, is late, or is of another version denies', async () => {
  const answers: Record<string, object | undefined> = {};
  const fixture = await createRecordFixture({
    findPolicyDecision: async (_tenant, id) => answers[id] as PolicyDecision | undefined,
  });
  await fixture.did(AGENT, 'action.propose', ROLLBACK);
  const actionDigest = (await fixture.record()).actions[0]?.actionDigest;
  const allow = { effect: 'allow', actionDigest, policyVersion: DEFAULT_RECORD_POLICY.version };
  answers['older'] = { ...allow, id: 'older', policyVersion: 'older' };
  answers['maybe'] = { ...allow, id: 'maybe', effect: 'require_approval' };
  answers['malformed'] = { id: 'malformed' };
  for (const policyDecision of ['unknown', 'older', 'maybe', 'malformed']) {
    const command = { type: 'action.start', body: { action: 'A1' }, policyDecision };
    expect(await fixture.service.append(TENANT, 'INC-1', AGENT, command), policyDecision).toMatchObject({
      kind: 'rejected',
    });
  }
});

test('invariant 27: a message that was sent stays as it was sent, and an exempt audience needs no approver', async () => {
  const policy = { ...DEFAULT_RECORD_POLICY, audiencesWithoutApproval: ['internal'] };
  const fixture = await createRecordFixture({ policy });
  await fixture.did(ALICE, 'message.draft', { audience: 'internal', body: 'We look at it' });
  await fixture.did(ALICE, 'message.send', { message: 'M1' });
  for (const [type, body] of [
    ['message.edit', { body: 'We know' }],
    ['message.approve', {}],
    ['message.send', {}],
  ] as const) {
    expect(await fixture.refused(ALICE, type, { message: 'M1', ...body })).toBe('message.state_not_allowed');
  }
  await fixture.did(ALICE, 'message.correct', { message: 'M1', body: 'We know' });
  expect((await fixture.record()).messages[0]).toMatchObject({ body: 'We look at it' });
});

test('invariant 30: the digest of a proof is kept, of what it points at or of where it points', async () => {
  const fixture = await createRecordFixture();
  await fixture.did(ALICE, 'followup.open', { title: 'x', owner: { ...BOB }, requiredProofs: ['trace', 'release'] });
  const digest = 'a'.repeat(64);
  await fixture.did(BOB, 'followup.proof', { followUp: 'F1', kind: 'trace', locator: 'trace 4bf9', digest });
  expect((await fixture.record()).followUps[0]).toMatchObject({ state: 'proof_pending' });
  expect(await fixture.refused(BOB, 'followup.done', { followUp: 'F1' })).toBe('followup.done_needs_proofs');
  await fixture.did(BOB, 'followup.proof', { followUp: 'F1', kind: 'release', locator: 'v1.2.3' });
  await fixture.did(BOB, 'followup.done', { followUp: 'F1' });
  expect((await fixture.record()).followUps[0]).toMatchObject({
    state: 'done',
    proofs: [{ digest }, { digest: createHash('sha256').update('v1.2.3').digest('hex') }],
  });
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
