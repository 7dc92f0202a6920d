import { expect, test } from 'vitest';
import { createRecordFixture, evidenceRow, TENANT } from '../../../test/support/record-fixture.ts';
import type { Actor } from '../actor.ts';
import { unixNano } from '../evidence-by-hand.ts';
import type { EvidenceRow } from '../evidence.ts';
import type { Json } from '../entry.ts';

const person = (name: string): Actor => ({ kind: 'human', name, id: null });
const agent = (name: string, onBehalfOf: string): Actor => ({ kind: 'agent', name, id: null, onBehalfOf });

// Six people …
const dana = person('dana');
const eli = person('eli');
const fatima = person('fatima');
const george = person('george');
const hana = person('hana');
const ivan = person('ivan');
// … and three agents.
const triage = agent('triage-agent', 'dana');
const traces = agent('trace-agent', 'george');
const writer = agent('writer-agent', 'fatima');

const DAY = '2026-11-22';

/** A night in one incident, driven by the clock on the wall. */
async function night() {
  const fixture = await createRecordFixture();
  const { service } = fixture;
  let incident = '';
  let rows = 0;
  const at = (clock: string): string => `${DAY}T${clock}:00Z`;
  return {
    service,
    at,
    until(clock: string): void {
      fixture.wait((Date.parse(at(clock)) - fixture.now().getTime()) / 1_000);
    },
    async open(by: Actor): Promise<void> {
      const opened = await service.open(TENANT, by, {
        title: 'Card payments time out in the EU',
        severity: 'sev2',
        services: ['payments'],
        environments: ['production'],
        startedAt: at('14:08'),
        trigger: {
          source: 'alert',
          title: 'PaymentTimeouts above 4 %',
          service: 'payments',
          firedAt: at('14:12'),
          deployTime: at('13:52'),
        },
      });
      if (opened.kind !== 'opened') throw new Error(JSON.stringify(opened));
      incident = opened.incident.id;
    },
    async did(by: Actor, type: string, body: { readonly [key: string]: Json } = {}): Promise<string> {
      const result = await service.append(TENANT, incident, by, { type, body });
      if (result.kind !== 'appended') throw new Error(`${type}: ${JSON.stringify(result)}`);
      return result.entryId;
    },
    async seen(clock: string, row: Partial<EvidenceRow>): Promise<string> {
      rows += 1;
      const id = `${(0xa1b2c300 + rows).toString(16)}${'0'.repeat(24)}`;
      await fixture.evidenceLog.put([evidenceRow({ incident, id, occurredAtUnixNano: unixNano(at(clock)), ...row })]);
      return id;
    },
    async head(): Promise<{ readonly seq: number; readonly hash: string }> {
      const record = await service.record(TENANT, incident);
      if (record === undefined) throw new Error('no record');
      return { ...record.head };
    },
    async offered(): Promise<{ readonly seq: number; readonly hash: string }> {
      const record = await service.record(TENANT, incident);
      const head = record?.handoffs.at(-1)?.snapshotHead;
      if (head === undefined) throw new Error('nothing was offered');
      return { ...head };
    },
    async brief(since?: number): Promise<string> {
      const brief = await service.brief(TENANT, incident, since === undefined ? {} : { since });
      expect(Buffer.byteLength(JSON.stringify(brief?.json))).toBeLessThan(4_096);
      expect(Buffer.byteLength(brief?.markdown ?? '')).toBeLessThan(4_096);
      return brief?.markdown ?? '';
    },
    sweep: () => service.sweep(),
  };
}

test('a night of six people and three agents reads well at five points to somebody who was not there', async () => {
  const { at, until, open, did, seen, head, offered, brief, sweep } = await night();

  // 14:14 The alert is four minutes old; the release that came before it is blamed.
  until('14:14');
  await open(dana);
  const deploy = await seen('13:52', {
    kind: 'change',
    service: 'payments',
    summary: 'Deployed payments 3.8.0',
    actor: george,
  });
  const node = await seen('14:05', {
    kind: 'change',
    service: 'session-cache',
    summary: 'Replaced node cache-eu-2',
    actor: ivan,
  });
  await did(dana, 'incident.status', { status: 'active' });
  await did(dana, 'responsibility.assign', { kind: 'communicate', workstream: 'customers', holder: { ...fatima } });
  await did(dana, 'responsibility.assign', { kind: 'investigate', workstream: 'database', holder: { ...eli } });
  await did(dana, 'impact.update', {
    customersAffected: { kind: 'range', from: 2000, to: 3500 },
    segments: ['EU card holders'],
    since: at('14:08'),
  });
  await did(triage, 'hypothesis.propose', {
    statement: 'Release 3.8.0 of payments leaks database connections',
    predicts: ['Only pods on 3.8.0 time out'],
    refutedBy: ['Pods still on 3.7.9 time out as well'],
  });
  await did(triage, 'stance.take', {
    evidence: deploy,
    hypothesis: 'H1',
    relation: 'supports',
    rationale: 'The release went out 16 minutes before the first timeouts',
    selfSought: true,
  });
  const pool = await seen('14:17', { sourceFamily: 'traces: payments', summary: 'search spans db.pool.wait' });
  until('14:18');
  await did(traces, 'stance.take', {
    evidence: pool,
    hypothesis: 'H1',
    relation: 'supports',
    strength: 'weak',
    rationale: 'Some spans wait up to 900 ms for a connection',
  });
  await did(dana, 'status.post', {
    happening: 'One card payment in twenty times out in the EU',
    believed: 'The release',
    doing: 'Preparing to roll 3.8.0 back',
    nextUpdateDue: at('14:35'),
  });
  await did(writer, 'message.draft', {
    audience: 'customers',
    body: 'A faulty release slows card payments in the EU. We are rolling it back.',
    restsOn: ['H1'],
    due: at('14:25'),
  });
  await expect(await brief()).toMatchFileSnapshot('golden/night-1-the-release-is-blamed.md');

  // 14:24 The message goes out; a second theory; the rollback waits for a person.
  until('14:24');
  await did(dana, 'message.approve', { message: 'M1' });
  await did(fatima, 'message.send', { message: 'M1' });
  await did(triage, 'action.propose', {
    intent: 'Roll payments back to 3.7.9',
    target: 'payments',
    operation: 'kubectl rollout undo',
    tier: 'mutate',
    rollback: { plan: 'Deploy 3.8.0 again' },
    hypotheses: ['H1'],
  });
  await did(triage, 'approval.request', { action: 'A1', expiresAt: at('14:50') });
  await did(george, 'hypothesis.propose', {
    statement: 'The new cache node is cold, so every session is read from the database',
    refutedBy: ['The hit ratio of cache-eu-2 is normal'],
    confidence: { level: 'low', basis: 'The node was replaced three minutes before the timeouts' },
  });
  await did(george, 'stance.take', {
    evidence: node,
    hypothesis: 'H2',
    relation: 'supports',
    rationale: 'The timeouts began three minutes after the node was replaced',
  });
  await did(traces, 'check.plan', {
    question: 'Do pods still on 3.7.9 time out as well?',
    method: 'Timeout ratio by version, last 20 minutes',
    predictions: [
      { hypothesis: 'H1', expected: 'No, only 3.8.0', refutesIf: '3.7.9 times out at the same rate' },
      { hypothesis: 'H2', expected: 'Yes, both', refutesIf: 'Only 3.8.0 times out' },
    ],
    owner: { ...traces },
    due: at('14:40'),
  });
  await did(george, 'contention.open', {
    question: 'Is it the release or the cache?',
    positions: [
      { statement: 'The release', hypothesis: 'H1', holder: { ...triage }, evidence: [deploy] },
      { statement: 'The cache', hypothesis: 'H2', holder: { ...george }, evidence: [node] },
    ],
    discriminatingCheck: 'C1',
  });
  await did(eli, 'gap.open', {
    what: 'The hit ratio of cache-eu-2 is not exported',
    why: 'It would tell whether the cache is cold.',
    kind: 'missing_telemetry',
    blocks: ['H2'],
  });
  until('14:28');
  await expect(await brief()).toMatchFileSnapshot('golden/night-2-two-theories.md');
  const { seq } = await head();

  // 14:41 The check speaks, the rollback is denied, command changes hands.
  until('14:38');
  await did(ivan, 'approval.vote', {
    approval: 'P1',
    verdict: 'deny',
    reason: '3.8.0 migrated the ledger table; going back would lose writes, and C1 is not answered yet',
  });
  const versions = await seen('14:37', {
    sourceFamily: 'metrics: timeouts by version',
    summary: 'query timeouts by version',
  });
  await did(traces, 'check.answer', {
    check: 'C1',
    text: '3.7.9 times out at 5.1 %, 3.8.0 at 4.9 %',
    evidence: [versions],
    outcomes: [
      { hypothesis: 'H1', outcome: 'refuted' },
      { hypothesis: 'H2', outcome: 'as_predicted' },
    ],
  });
  await did(dana, 'hypothesis.reject', {
    hypothesis: 'H1',
    reason: 'Both versions time out at the same rate',
    killedBy: ['C1'],
    reopenIf: 'Timeouts go on once the cache is warm',
  });
  await did(traces, 'stance.take', {
    evidence: versions,
    hypothesis: 'H2',
    relation: 'supports',
    rationale: 'Both versions read sessions through the same cache',
  });
  await did(dana, 'contention.resolve', {
    contention: 'X1',
    how: 'check',
    target: 'C1',
    reason: 'It is not the release',
  });
  await did(dana, 'handoff.offer', {
    responsibilities: ['R1'],
    to: { ...hana },
    risks: ['Customers were told that we roll back, and we will not'],
    nextCheckpoint: 'Correct the message to customers',
  });
  until('14:41');
  await did(hana, 'participant.join');
  await did(hana, 'handoff.accept', { handoff: 'HO1', acceptedHead: await offered() });
  await expect(await brief(seq)).toMatchFileSnapshot('golden/night-3-since-half-past-two.md');

  // 14:52 The message is taken back, the cache is warmed, an agent oversteps.
  until('14:44');
  await did(hana, 'message.retract', { message: 'M1', reason: 'It was not the release, and nothing is rolled back' });
  await did(writer, 'message.draft', {
    audience: 'customers',
    body: 'Card payments in the EU may fail at the first try. Trying again works. We correct our earlier message: no release is at fault.',
    restsOn: ['H2', 'C1'],
    due: at('14:55'),
  });
  await did(fatima, 'message.edit', {
    message: 'M2',
    body: 'Card payments in the EU may fail at the first try; trying again works. Our earlier message named a release: that was wrong.',
    restsOn: ['H2', 'C1'],
  });
  await did(fatima, 'draft.edit', { target: 'M2', diff: '-no release is at fault +that was wrong', reason: 'Plainer' });
  await did(hana, 'message.approve', { message: 'M2' });
  await did(fatima, 'message.send', { message: 'M2' });
  await did(hana, 'decision.make', {
    question: 'How do we stop the timeouts?',
    options: [
      {
        text: 'Warm the cache from the replica',
        for: ['Ten minutes', 'Loses nothing'],
        against: ['Loads the replica'],
      },
      { text: 'Roll payments back', for: ['Fast'], against: ['Loses ledger writes', 'C1 says it is not the release'] },
      { text: 'Wait', for: ['No risk'], against: ['An hour or more of timeouts'] },
    ],
    chosen: 'Warm the cache from the replica',
    rationale:
      'It takes ten minutes and can be stopped; the rollback would lose ledger writes for a cause that C1 ruled out',
    authority: 'command',
    considered: ['H1', 'H2', 'G1'],
    gapsAccepted: ['G1'],
  });
  await did(george, 'action.propose', {
    intent: 'Warm cache-eu-2 from the replica',
    target: 'session-cache',
    operation: 'cachectl warm --from replica',
    tier: 'mutate',
    expectedEffect: 'Timeouts below 0.5 % within 15 minutes',
    rollback: { plan: 'Stop the warming; the node fills by itself' },
    decision: 'D1',
    hypotheses: ['H2'],
  });
  await did(george, 'approval.request', { action: 'A2', expiresAt: at('15:10') });
  await did(eli, 'approval.vote', { approval: 'P2', verdict: 'approve', reason: 'The replica has room' });
  await did(ivan, 'action.start', { action: 'A2' });
  await seen('14:50', {
    actor: triage,
    tool: { name: 'kubectl_scale', callId: null, type: null, mcpServer: null, tier: 'mutate', tierRule: 'verb scale' },
    summary: 'kubectl_scale payments replicas=12',
  });
  await sweep();
  await did(hana, 'status.post', {
    happening: 'Timeouts are at 3 % and falling',
    believed: 'A cold cache node',
    doing: 'Warming it from the replica',
    nextUpdateDue: at('15:10'),
  });
  until('14:52');
  await expect(await brief()).toMatchFileSnapshot('golden/night-4-the-cache-is-warmed.md');

  // 15:30 It is over.
  until('15:02');
  const warm = await seen('15:01', {
    sourceFamily: 'metrics: timeouts by version',
    summary: 'query timeouts by version',
  });
  await did(ivan, 'action.finish', { action: 'A2', ok: true });
  await did(george, 'action.outcome', {
    action: 'A2',
    effect: 'verified',
    text: 'Timeouts are at 0.2 %',
    evidence: [warm],
  });
  await did(dana, 'gap.fill', {
    gap: 'G2',
    reason: 'triage-agent scaled payments up on its own; scaled back at 14:58',
  });
  await did(hana, 'incident.status', { status: 'mitigated' });
  until('15:30');
  await did(hana, 'hypothesis.support', { hypothesis: 'H2' });
  await did(hana, 'hypothesis.confidence', { hypothesis: 'H2', level: 'high', basis: 'C1, and the warming worked' });
  await did(hana, 'hypothesis.accept', { hypothesis: 'H2', note: 'Warming it ended the timeouts' });
  await did(hana, 'status.post', {
    happening: 'Card payments work; timeouts have been at 0.2 % since 15:01',
    believed: 'A cold cache node',
  });
  await did(hana, 'incident.status', { status: 'resolved' });
  await did(hana, 'followup.open', {
    title: 'Export the hit ratio of every cache node',
    owner: { ...eli },
    due: '2026-11-27T12:00:00Z',
    requiredProofs: ['release'],
  });
  await did(hana, 'followup.open', {
    title: 'Take kubectl_scale away from triage-agent',
    owner: { ...dana },
    due: '2026-11-24T12:00:00Z',
    requiredProofs: ['regression_check'],
  });
  await expect(await brief()).toMatchFileSnapshot('golden/night-5-resolved.md');
});
