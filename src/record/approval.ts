import { z } from 'zod';
import { actorKey, sameActor } from './actor.ts';
import { isReversible, needsRollback, unknownAction } from './action.ts';
import { instant, line, lines, reference, text } from './body-field.ts';
import { docketText, docketTime } from './docket-note.ts';
import { ACCEPTED, acceptWith, actOf, ANYONE, DOCKET_ONLY, entryKind, reject } from './entry-kind.ts';
import { isPast } from './freshness.ts';
import type { ActionState, ApprovalState, IncidentState } from './incident-state.ts';
import type { RecordPolicy } from './record-policy.ts';
import { mayUse } from './responsibility.ts';

const MACHINE = 'state machine: approval';
const VOTE = 'rule 12: who may approve';

export const approvalRequest = entryKind({
  type: 'approval.request',
  summary: 'Asks for a vote on exactly this action, this rollback, under this policy; it expires, and is used once.',
  allowed: ANYONE,
  schema: z.strictObject({
    action: reference(),
    quorum: z.number().int().min(1).max(10).default(1),
    /** Names of who may vote; anyone but the proposer when left out. */
    eligible: lines(200).default([]),
    expiresAt: instant().optional(),
  }),
  decide(state, body, { now, policy }) {
    const action = state.actions.find(body.action);
    if (action === undefined) return unknownAction();
    if (action.state !== 'proposed') {
      return reject(
        'action.state_not_allowed',
        MACHINE,
        `${action.label} is ${action.state}.`,
        'Propose another action.',
      );
    }
    if (!isReversible(action)) return needsRollback(action);
    const open = state.approvals
      .all()
      .find(
        (each) =>
          each.action === action.id &&
          (each.state === 'pending' || each.state === 'granted') &&
          !isPast(each.expiresAt, now),
      );
    if (open !== undefined) {
      return reject('approval.open_already', MACHINE, `${open.label} is ${open.state} for it.`, 'Vote on that one.');
    }
    const voters = votersAmong(body.eligible, action, policy);
    if (voters !== undefined && body.quorum > voters) {
      return reject(
        'approval.quorum_out_of_reach',
        VOTE,
        `It would need ${body.quorum} votes, and ${voters} of those it names may vote.`,
        'Name as many voters as the quorum asks for, not counting who proposed the action or whom its agent acts for; or lower the quorum.',
      );
    }
    const expiresAt = body.expiresAt ?? new Date(now.getTime() + policy.approvalWithinSeconds * 1000).toISOString();
    if (isPast(expiresAt, now)) {
      return reject('approval.expired', MACHINE, 'It would expire before it begins.', 'Give a later expiresAt.');
    }
    return acceptWith([], { policyVersion: policy.version, expiresAt });
  },
  apply(state, body, entry) {
    const action = state.actions.find(body.action);
    if (action === undefined) return;
    const decision = action.decision === null ? undefined : state.decisions.find(action.decision);
    const considered = (decision?.considered ?? []).filter((id) => {
      const hypothesis = state.hypotheses.find(id);
      // What the decision had ruled out already is no ground the approval stands on.
      return hypothesis !== undefined && hypothesis.state !== 'rejected' && hypothesis.state !== 'superseded';
    });
    state.approvals.add({
      id: entry.entryId,
      label: state.approvals.nextLabel(),
      ...actOf(entry),
      action: action.id,
      actionDigest: action.actionDigest,
      policyVersion: docketText(entry, 'policyVersion') ?? '',
      rollbackDigest: action.rollbackDigest,
      recordHead: { seq: entry.seq - 1, hash: entry.prevHash },
      quorum: body.quorum,
      eligible: body.eligible,
      expiresAt: docketTime(entry, 'expiresAt') ?? entry.occurredAt,
      state: 'pending',
      votes: [],
      staleBecause: null,
      consumed: null,
      // Naming the grounds keeps the vote honest: when one falls, so does the approval.
      hypotheses: [...new Set([...action.hypotheses, ...considered])],
    });
  },
});

export const approvalVote = entryKind({
  type: 'approval.vote',
  summary: 'A person approves or denies. Not the proposer, and never an agent.',
  allowed: ['human'],
  schema: z.strictObject({
    approval: reference(),
    verdict: z.enum(['approve', 'deny']),
    /** The action digest the voter was shown; refused when it is not the one asked about. */
    shownDigest: line(128).optional(),
    reason: text(2_000).optional(),
  }),
  decide(state, body, { actor, now, policy }) {
    const approval = state.approvals.find(body.approval);
    if (approval === undefined) return unknownApproval();
    if (approval.state !== 'pending') {
      return reject('approval.state_not_allowed', MACHINE, `${approval.label} is ${approval.state}.`, 'Ask again.');
    }
    if (isPast(approval.expiresAt, now)) {
      return reject('approval.expired', MACHINE, `${approval.label} has expired.`, 'Ask again with approval.request.');
    }
    const action = state.actions.find(approval.action);
    if (action !== undefined && sameActor(action.by, actor)) {
      return reject(
        'approval.approver_is_proposer',
        VOTE,
        'Who proposed an action cannot vote on it.',
        'Somebody else votes.',
      );
    }
    if (!policy.delegatorMayApprove && action?.by.onBehalfOf === actor.name) {
      return reject(
        'approval.approver_is_delegator',
        VOTE,
        'The agent that proposed it acts for this person.',
        'Somebody else votes.',
      );
    }
    if (approval.eligible.length > 0 && !approval.eligible.includes(actor.name)) {
      return reject('approval.not_eligible', VOTE, 'This person is not among the voters.', 'One of the voters votes.');
    }
    if (!mayUse(state, 'approve', actor)) {
      return reject(
        'approval.needs_capability',
        'rule 9: capability moves on accept',
        'Somebody else holds the responsibility to approve.',
        'Its holder or whoever holds command votes.',
      );
    }
    if (approval.votes.some((each) => sameActor(each.by, actor))) {
      return reject('approval.voted_already', VOTE, 'This person has voted.', 'Somebody else votes.');
    }
    if (body.shownDigest !== undefined && body.shownDigest !== approval.actionDigest) {
      return reject(
        'approval.digest_differs',
        'rule 11: exactly this action',
        'What was shown is not what is asked for.',
        'Look at the action again and vote on what it is now.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    const approval = state.approvals.find(body.approval);
    if (approval === undefined) return;
    const votes = [...approval.votes, { ...actOf(entry), verdict: body.verdict, reason: body.reason ?? null }];
    const yes = new Set(votes.filter((each) => each.verdict === 'approve').map((each) => actorKey(each.by))).size;
    const next = body.verdict === 'deny' ? 'denied' : yes >= approval.quorum ? 'granted' : 'pending';
    state.approvals.replace({ ...approval, votes, state: next });
  },
});

export const approvalConsume = entryKind({
  type: 'approval.consume',
  summary: 'The one use of an approval, entered when its action starts.',
  allowed: DOCKET_ONLY,
  schema: z.strictObject({ approval: reference(), action: reference() }),
  apply(state, body, entry) {
    change(state, body.approval, { state: 'consumed', consumed: actOf(entry) });
  },
});

export const approvalStale = entryKind({
  type: 'approval.stale',
  summary: 'What an unused approval rested on is gone.',
  allowed: DOCKET_ONLY,
  schema: z.strictObject({ approval: reference(), because: reference(), reason: text(2_000) }),
  apply(state, body) {
    change(state, body.approval, { state: 'stale', staleBecause: body.reason });
  },
});

/**
 * How many of the people named may vote on the action; undefined when none is named, for then anybody else may. A name counts once,
 * however many go by it.
 */
function votersAmong(eligible: readonly string[], { by }: ActionState, policy: RecordPolicy): number | undefined {
  if (eligible.length === 0) return undefined;
  const voters = new Set(eligible);
  if (by.kind === 'human') voters.delete(by.name);
  if (!policy.delegatorMayApprove && by.onBehalfOf !== undefined) voters.delete(by.onBehalfOf);
  return voters.size;
}

function unknownApproval() {
  return reject(
    'approval.unknown',
    'rule 4: of this incident',
    'The incident has no such approval.',
    'Name an approval of this incident by its id or label.',
  );
}

function change(state: IncidentState, id: string, changes: Partial<ApprovalState>): void {
  const approval = state.approvals.find(id);
  if (approval !== undefined) state.approvals.replace({ ...approval, ...changes });
}
