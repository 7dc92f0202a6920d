import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { AGENT, ALICE, BOB, CAROL, createRecordFixture, TENANT } from '../../test/support/record-fixture.ts';
import type { Actor } from './actor.ts';
import { verifyChain } from './chain.ts';
import type { Json } from './entry.ts';
import { fold } from './fold.ts';
import type { IncidentState } from './incident-state.ts';
import { createRecordHistory } from './record-history.ts';

const actor = fc.constantFrom<Actor>(ALICE, BOB, CAROL, AGENT);
const label = (prefix: string) => fc.nat({ max: 3 }).map((number) => `${prefix}${number + 1}`);
const evidence = fc.nat({ max: 3 }).map((number) => `e${String(number + 1).padStart(31, '0')}`);
const words = fc.constantFrom('The deploy', 'DNS', 'A full disk', 'ünïcödé 🙂');

type Sent = readonly [type: string, body: { readonly [key: string]: Json }];
const command: fc.Arbitrary<Sent> = fc.oneof(
  words.map((statement): Sent => ['hypothesis.propose', { statement }]),
  fc
    .tuple(evidence, label('H'), fc.constantFrom('supports', 'refutes', 'neutral'))
    .map(([id, hypothesis, relation]): Sent => ['stance.take', { evidence: id, hypothesis, relation, rationale: 'r' }]),
  label('S').map((stance): Sent => ['stance.withdraw', { stance }]),
  fc
    .tuple(label('H'), evidence)
    .map(([hypothesis, id]): Sent => ['hypothesis.reject', { hypothesis, reason: 'r', killedBy: [id] }]),
  label('H').map((hypothesis): Sent => ['hypothesis.reopen', { hypothesis, reason: 'r' }]),
  label('H').map((hypothesis): Sent => ['hypothesis.accept', { hypothesis, override: 'r' }]),
  fc.tuple(label('H'), label('H')).map(([hypothesis, by]): Sent => ['hypothesis.supersede', { hypothesis, by }]),
  evidence.map((id): Sent => ['evidence.withdraw', { evidence: id, reason: 'r' }]),
  evidence.map((id): Sent => ['evidence.dispute', { evidence: id, reason: 'r' }]),
  words.map((text): Sent => ['evidence.add', { summary: text }]),
  label('H').map((hypothesis): Sent => [
    'action.propose',
    { intent: 'i', target: 't', operation: 'o', hypotheses: [hypothesis], rollback: { plan: 'p' } },
  ]),
  label('A').map((action): Sent => ['approval.request', { action }]),
  label('P').map((approval): Sent => ['approval.vote', { approval, verdict: 'approve' }]),
  label('A').map((action): Sent => ['action.start', { action }]),
  label('A').map((action): Sent => ['action.finish', { action, ok: true }]),
  label('A').map((action): Sent => ['action.outcome', { action, effect: 'verified' }]),
  fc
    .constantFrom('active', 'mitigated', 'monitoring', 'resolved', 'closed', 'declined')
    .map((status): Sent => ['incident.status', { status }]),
  fc.constant<Sent>(['incident.reopen', { reason: 'r' }]),
  fc.constant<Sent>(['participant.join', {}]),
  fc.constant<Sent>(['participant.leave', {}]),
  label('H').map((id): Sent => ['message.draft', { audience: 'customers', body: 'b', restsOn: [id] }]),
  label('M').map((message): Sent => ['message.approve', { message }]),
  label('M').map((message): Sent => ['message.send', { message }]),
  words.map((title): Sent => ['followup.open', { title }]),
);

test('whatever is sent, the log chains without gaps and the rebuilt record is the live one, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(actor, command), { minLength: 1, maxLength: 40 }), async (script) => {
      const fixture = await createRecordFixture();
      for (let count = 0; count < 4; count += 1) await fixture.evidence({ sourceFamily: `family ${count % 2}` });
      for (const [who, [type, body]] of script) await fixture.send(who, type, body);
      const page = await fixture.service.entries(TENANT, 'INC-1', { after: 0, limit: 1_000 });
      expect(verifyChain(page?.items ?? [])).toMatchObject({ ok: true });
      const live = await fixture.record();
      const again = await fixture.restarted();
      expect(JSON.stringify(await again.record(TENANT, 'INC-1'))).toBe(JSON.stringify(live));
      const commands = live.responsibilities.filter((each) => each.held && each.kind === 'command');
      expect(commands.length).toBeLessThanOrEqual(1);
      if (['active', 'mitigated', 'monitoring'].includes(live.status)) {
        expect(live.status === 'active' ? commands.length : 1).toBe(1);
      }
      expect(live.hypotheses.some((each) => each.accepted?.by.kind === 'agent')).toBe(false);
      for (const action of live.actions) {
        if (action.started === null) continue;
        const used = live.approvals.filter((each) => each.action === action.id && each.state === 'consumed');
        expect(used).toHaveLength(1);
        expect(used[0]?.votes.some((vote) => vote.by.name === action.by.name)).toBe(false);
      }
      expect(Buffer.byteLength(JSON.stringify(live.brief))).toBeLessThan(4_096);
    }),
    { numRuns: 40 },
  );
});

test('many writers at once leave a gapless log in which each command is once', async () => {
  const fixture = await createRecordFixture();
  const others = await Promise.all([fixture.restarted(), fixture.restarted()]);
  const services = [fixture.service, ...others];
  const results = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      (services[index % 3] ?? fixture.service).append(TENANT, 'INC-1', ALICE, {
        type: 'status.post',
        body: { happening: `step ${index}` },
      }),
    ),
  );
  const appended = results.filter((result) => result.kind === 'appended').length;
  const stored = fixture.recordLog.stored(TENANT, fixture.incidentId);
  expect(verifyChain(stored)).toMatchObject({ ok: true, head: { seq: 1 + appended } });
  expect(new Set(stored.map((entry) => JSON.stringify(entry.body))).size).toBe(1 + appended);
  expect(
    results.every(
      (result) => result.kind === 'appended' || (result.kind === 'conflict' && result.code === 'record.busy'),
    ),
  ).toBe(true);
});

test('a record taken from the middle of its history is the fold of its first entries, in whatever order it is asked', async () => {
  const fixture = await createRecordFixture();
  for (let index = 0; index < 300; index += 1) {
    await fixture.did(
      ALICE,
      index % 3 === 0 ? 'hypothesis.propose' : 'gap.open',
      index % 3 === 0 ? { statement: `A ${index}` } : { what: `B ${index}` },
    );
    if (index % 10 === 9)
      await fixture.did(ALICE, 'hypothesis.reject', {
        hypothesis: `H${(index + 1) / 10}`,
        reason: 'No',
        setAside: true,
      });
  }
  const entries = fixture.recordLog.stored(TENANT, fixture.incidentId);
  const history = createRecordHistory(TENANT, fixture.incidentId);
  const plain = (state: IncidentState) => ({
    ...state,
    hypotheses: state.hypotheses.all(),
    gaps: state.gaps.all(),
    labels: [state.hypotheses.nextLabel(), state.gaps.find('G7')?.id],
    seqByEntryId: [...state.seqByEntryId],
  });
  for (const seq of [300, 10, 256, 257, 331, 1, 299, 300, 255, 40, 331]) {
    const folded = plain(fold(TENANT, fixture.incidentId, entries.slice(0, seq)));
    expect(JSON.stringify(plain(history.at(entries, seq))), String(seq)).toBe(JSON.stringify(folded));
  }
});
