import { createHash } from 'node:crypto';
import { z } from 'zod';
import { line, reference, references, text } from './body-field.ts';
import { canonicalJson } from './canonical-json.ts';
import {
  ACCEPTED,
  acceptWith,
  actOf,
  ANYONE,
  entryKind,
  reject,
  type DecisionContext,
  type Ruling,
} from './entry-kind.ts';
import type { ActionState, ApprovalState, IncidentState } from './incident-state.ts';
import { resolveId } from './incident-state.ts';
import { mayUse } from './responsibility.ts';
import { docketText, docketTime } from './docket-note.ts';

const MACHINE = 'state machine: action';
const START = 'rule 11: what an action needs to start';

export const actionPropose = entryKind({
  type: 'action.propose',
  summary: 'A change somebody wants to make: what, on what, why, what it should do, and how to take it back.',
  allowed: ANYONE,
  schema: z.strictObject({
    intent: text(2_000),
    target: line(500),
    operation: line(500),
    /** SHA-256 or keyed digest, hex, of the parameters. */
    parametersDigest: line(200).optional(),
    tier: z.enum(['read', 'write_record', 'mutate', 'unknown']).default('unknown'),
    expectedEffect: text(2_000).optional(),
    rollback: z.strictObject({ plan: text(5_000).optional(), irreversible: text(2_000).optional() }).default({}),
    changeType: z.enum(['standard', 'normal', 'emergency']).default('normal'),
    externalRef: line(1_000).optional(),
    decision: reference().optional(),
    hypotheses: references().default([]),
  }),
  cites: (body) => [...body.hypotheses, ...(body.decision === undefined ? [] : [body.decision])],
  decide(state, body) {
    const foreign =
      body.hypotheses.some((id) => state.hypotheses.find(id) === undefined) ||
      (body.decision !== undefined && state.decisions.find(body.decision) === undefined);
    return foreign
      ? reject(
          'action.reference_unknown',
          'rule 4: of this incident',
          'It names a decision or hypothesis the incident does not have.',
          'Name a decision and hypotheses of this incident by id or label.',
        )
      : ACCEPTED;
  },
  apply(state, body, entry) {
    const rollback = { plan: body.rollback.plan ?? null, irreversible: body.rollback.irreversible ?? null };
    const parametersDigest = body.parametersDigest ?? null;
    state.actions.add({
      id: entry.entryId,
      label: state.actions.nextLabel(),
      ...actOf(entry),
      intent: body.intent,
      target: body.target,
      operation: body.operation,
      parametersDigest,
      actionDigest: digestOf({ target: body.target, operation: body.operation, parametersDigest }),
      tier: body.tier,
      expectedEffect: body.expectedEffect ?? null,
      rollback,
      rollbackDigest: digestOf(rollback),
      changeType: body.changeType,
      externalRef: body.externalRef ?? null,
      decision: body.decision === undefined ? null : resolveId(state, body.decision),
      hypotheses: body.hypotheses.map((id) => resolveId(state, id)),
      state: 'proposed',
      startedUnder: null,
      started: null,
      finished: null,
      outcomeDue: null,
      outcome: null,
    });
  },
});

export const actionStart = entryKind({
  type: 'action.start',
  summary: 'It begins, under an approval of exactly this action or a policy decision that allows it.',
  allowed: ANYONE,
  schema: z.strictObject({ action: reference() }),
  decide: (state, body, context) =>
    inState(state, body.action, ['proposed'], (action) => {
      if (!mayUse(state, 'act', context.actor)) {
        return reject(
          'action.start_needs_capability',
          'rule 9: capability moves on accept',
          'Somebody else holds the responsibility to act.',
          'Its holder or whoever holds command starts it, or hands it over first.',
        );
      }
      if (!isReversible(action)) return needsRollback(action);
      const allowed = context.policyDecision;
      if (
        allowed?.effect === 'allow' &&
        allowed.actionDigest === action.actionDigest &&
        allowed.policyVersion === context.policy.version
      ) {
        return acceptWith([], { under: allowed.id });
      }
      const usable = state.approvals.all().find((each) => isUsable(each, action, context));
      if (usable !== undefined) {
        return acceptWith([{ type: 'approval.consume', body: { approval: usable.id, action: action.id } }], {
          under: usable.id,
        });
      }
      return reject(
        'action.start_needs_approval',
        START,
        `${action.label} has no policy decision that allows it and no approval that is granted, unused, in time and of exactly this action, rollback and policy.`,
        'Ask with approval.request and let somebody other than the proposer vote.',
      );
    }),
  apply(state, body, entry) {
    change(state, body.action, {
      state: 'executing',
      started: actOf(entry),
      startedUnder: docketText(entry, 'under'),
    });
  },
});

export const actionFinish = entryKind({
  type: 'action.finish',
  summary: 'It has run, well or not. What it did to the world is the outcome, owed by a deadline.',
  allowed: ANYONE,
  schema: z.strictObject({
    action: reference(),
    ok: z.boolean(),
    text: text(5_000).optional(),
    evidence: references().default([]),
  }),
  cites: (body) => body.evidence,
  decide: (state, body, { now, policy }) =>
    inState(state, body.action, ['executing'], () =>
      acceptWith([], { due: new Date(now.getTime() + policy.outcomeWithinSeconds * 1000).toISOString() }),
    ),
  apply(state, body, entry) {
    change(state, body.action, {
      state: 'executed',
      finished: { ...actOf(entry), ok: body.ok, text: body.text ?? null, evidence: body.evidence },
      outcomeDue: docketTime(entry, 'due'),
    });
  },
});

export const actionOutcome = entryKind({
  type: 'action.outcome',
  summary: 'What it did: verified, no effect, worsened or rolled back.',
  allowed: ANYONE,
  schema: z.strictObject({
    action: reference(),
    effect: z.enum(['verified', 'no_effect', 'worsened', 'rolled_back']),
    text: text(5_000).optional(),
    evidence: references().default([]),
  }),
  cites: (body) => body.evidence,
  decide: (state, body) => inState(state, body.action, ['executed'], () => ACCEPTED),
  apply(state, body, entry) {
    change(state, body.action, {
      state: 'closed',
      outcome: { ...actOf(entry), effect: body.effect, text: body.text ?? null, evidence: body.evidence },
    });
  },
});

export const actionCancel = entryKind({
  type: 'action.cancel',
  summary: 'It will not be done. An approval asked for it lapses.',
  allowed: ANYONE,
  schema: z.strictObject({ action: reference(), reason: text(2_000) }),
  decide: (state, body) =>
    inState(state, body.action, ['proposed'], (action) =>
      acceptWith(
        state.approvals
          .all()
          .filter((each) => each.action === action.id && (each.state === 'pending' || each.state === 'granted'))
          .map((each) => ({
            type: 'approval.stale',
            body: { approval: each.id, because: action.id, reason: `${action.label} was cancelled` },
          })),
      ),
    ),
  apply(state, body) {
    change(state, body.action, { state: 'cancelled' });
  },
});

/** A rollback plan, or somebody's word that there is no way back. */
export function isReversible(action: ActionState): boolean {
  return action.rollback.plan !== null || action.rollback.irreversible !== null;
}

export function needsRollback(action: ActionState): Ruling {
  return reject(
    'action.needs_rollback',
    START,
    `${action.label} has neither a rollback plan nor an acknowledgement that there is none.`,
    'Propose it again with rollback.plan, or with rollback.irreversible saying why that is acceptable.',
  );
}

function isUsable(approval: ApprovalState, action: ActionState, { now, policy }: DecisionContext): boolean {
  return (
    approval.action === action.id &&
    approval.state === 'granted' &&
    Date.parse(approval.expiresAt) > now.getTime() &&
    approval.actionDigest === action.actionDigest &&
    approval.rollbackDigest === action.rollbackDigest &&
    approval.policyVersion === policy.version
  );
}

function inState(
  state: IncidentState,
  id: string,
  allowed: readonly ActionState['state'][],
  then: (action: ActionState) => Ruling,
): Ruling {
  const action = state.actions.find(id);
  if (action === undefined) return unknownAction();
  if (allowed.includes(action.state)) return then(action);
  return reject(
    'action.state_not_allowed',
    MACHINE,
    `${action.label} is ${action.state}.`,
    `It must be ${allowed.join(' or ')}.`,
  );
}

export function unknownAction(): Ruling {
  return reject(
    'action.unknown',
    'rule 4: of this incident',
    'The incident has no such action.',
    'Name an action of this incident by its id or label.',
  );
}

function change(state: IncidentState, id: string, changes: Partial<ActionState>): void {
  const action = state.actions.find(id);
  if (action !== undefined) state.actions.replace({ ...action, ...changes });
}

function digestOf(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
