import { z } from 'zod';
import { line, lines, reference, references, text } from './body-field.ts';
import {
  ACCEPTED,
  acceptWith,
  actOf,
  ANYONE,
  entryKind,
  PEOPLE,
  reject,
  type DecisionContext,
  type FollowOn,
  type Ruling,
} from './entry-kind.ts';
import { CONFIDENCE_LEVELS, type ConfidenceLevel } from './incident-record.ts';
import { isLive, resolveId, type HypothesisState, type IncidentState } from './incident-state.ts';
import { exceeds, isFirm, supportOf } from './support.ts';

const MACHINE = 'state machine: hypothesis';
const BELIEF = 'rule 5: what belief needs';

const confidence = z.union([
  z.enum(CONFIDENCE_LEVELS),
  z.strictObject({ level: z.enum(CONFIDENCE_LEVELS), basis: text(2_000).optional() }),
]);

export const hypothesisPropose = entryKind({
  type: 'hypothesis.propose',
  summary: 'A theory of what is wrong: what it says, what it predicts, what would refute it.',
  allowed: ANYONE,
  schema: z.strictObject({
    statement: text(2_000),
    kind: z.enum(['cause', 'contributing', 'scope']).default('cause'),
    confidence: confidence.default('none'),
    predicts: lines(1_000).default([]),
    refutedBy: lines(1_000).default([]),
  }),
  decide(_state, body, { actor }) {
    // Nothing can support a theory before it is there, so its cap is low.
    return levelOf(body.confidence) !== 'none' && exceeds(levelOf(body.confidence), 'low') && actor.kind === 'agent'
      ? aboveCap('low', 'nothing supports it yet')
      : ACCEPTED;
  },
  apply(state, body, entry) {
    const level = levelOf(body.confidence);
    state.hypotheses.add({
      id: entry.entryId,
      label: state.hypotheses.nextLabel(),
      ...actOf(entry),
      statement: body.statement,
      kind: body.kind,
      owner: entry.actor,
      state: 'proposed',
      stated: {
        level,
        basis: typeof body.confidence === 'string' ? null : (body.confidence.basis ?? null),
        setBy: level === 'none' ? null : entry.actor,
        at: level === 'none' ? null : entry.occurredAt,
      },
      predicts: body.predicts,
      refutedBy: body.refutedBy,
      rejected: null,
      accepted: null,
      supersededBy: null,
      basis: entry.basis,
    });
  },
});

export const hypothesisInvestigate = entryKind({
  type: 'hypothesis.investigate',
  summary: 'Somebody looks into it; they own it from here on.',
  allowed: ANYONE,
  schema: z.strictObject({ hypothesis: reference(), note: text(2_000).optional() }),
  decide: (state, body) => inState(state, body.hypothesis, ['proposed', 'investigating', 'supported'], () => ACCEPTED),
  apply(state, body, entry) {
    change(state, body.hypothesis, { state: 'investigating', owner: entry.actor });
  },
});

export const hypothesisConfidence = entryKind({
  type: 'hypothesis.confidence',
  summary: 'Changes the confidence, with a basis. The evidence caps it; only a person may go above, and must say why.',
  allowed: ANYONE,
  schema: z.strictObject({
    hypothesis: reference(),
    level: z.enum(CONFIDENCE_LEVELS),
    basis: text(2_000),
    override: text(2_000).optional(),
  }),
  decide: (state, body, { actor }) =>
    inState(state, body.hypothesis, ['proposed', 'investigating', 'supported', 'accepted'], (hypothesis) => {
      const { cap, capReason } = supportOf(state, hypothesis);
      if (!exceeds(body.level, cap)) return ACCEPTED;
      return actor.kind !== 'agent' && body.override !== undefined ? ACCEPTED : aboveCap(cap, capReason);
    }),
  apply(state, body, entry) {
    change(state, body.hypothesis, {
      stated: { level: body.level, basis: body.override ?? body.basis, setBy: entry.actor, at: entry.occurredAt },
    });
  },
});

export const hypothesisSupport = entryKind({
  type: 'hypothesis.support',
  summary: 'Declares it supported: evidence for it, and a check that could have refuted it and did not.',
  allowed: ANYONE,
  schema: z.strictObject({ hypothesis: reference(), note: text(2_000).optional(), override: text(2_000).optional() }),
  decide: (state, body, context) =>
    inState(state, body.hypothesis, ['proposed', 'investigating'], (hypothesis) =>
      believable(state, hypothesis, body.override, context),
    ),
  apply(state, body) {
    change(state, body.hypothesis, { state: 'supported' });
  },
});

export const hypothesisAccept = entryKind({
  type: 'hypothesis.accept',
  summary: 'A person accepts it as what happened.',
  allowed: PEOPLE,
  schema: z.strictObject({ hypothesis: reference(), note: text(2_000).optional(), override: text(2_000).optional() }),
  decide: (state, body, context) =>
    inState(state, body.hypothesis, ['proposed', 'investigating', 'supported'], (hypothesis) =>
      believable(state, hypothesis, body.override, context),
    ),
  apply(state, body, entry) {
    change(state, body.hypothesis, {
      state: 'accepted',
      accepted: { ...actOf(entry), overrideReason: body.override ?? null },
    });
  },
});

export const hypothesisReject = entryKind({
  type: 'hypothesis.reject',
  summary: 'Rules it out, naming the evidence, stance or check that killed it; or sets it aside, saying why.',
  allowed: ANYONE,
  schema: z.strictObject({
    hypothesis: reference(),
    reason: text(2_000),
    killedBy: references().default([]),
    setAside: z.boolean().default(false),
    reopenIf: line(1_000).optional(),
  }),
  cites: (body) => body.killedBy,
  decide: (state, body, context) =>
    inState(state, body.hypothesis, ['proposed', 'investigating', 'supported', 'accepted'], (hypothesis) => {
      if (hypothesis.state === 'accepted' && context.actor.kind === 'agent') return needsHuman('overturn');
      if (!body.setAside && !body.killedBy.some((id) => kills(state, hypothesis, id))) {
        return reject(
          'hypothesis.reject_needs_refutation',
          'rule 6: what rejection needs',
          'Nothing named speaks against it.',
          'Name in killedBy evidence that refutes it and is not withdrawn, or a check that came out against it; or send setAside: true with the reason.',
        );
      }
      return acceptWith(staleApprovals(state, hypothesis));
    }),
  apply(state, body, entry) {
    change(state, body.hypothesis, {
      state: 'rejected',
      accepted: null,
      rejected: {
        ...actOf(entry),
        reason: body.reason,
        killedBy: body.killedBy.map((id) => resolveId(state, id)),
        setAside: body.setAside,
        reopenIf: body.reopenIf ?? null,
      },
    });
  },
});

export const hypothesisReopen = entryKind({
  type: 'hypothesis.reopen',
  summary: 'Takes a rejected, accepted or superseded theory up again.',
  allowed: ANYONE,
  schema: z.strictObject({ hypothesis: reference(), reason: text(2_000) }),
  decide: (state, body, { actor }) =>
    inState(state, body.hypothesis, ['rejected', 'accepted', 'superseded'], (hypothesis) =>
      hypothesis.state === 'accepted' && actor.kind === 'agent' ? needsHuman('reopen') : ACCEPTED,
    ),
  apply(state, body) {
    change(state, body.hypothesis, { state: 'investigating', rejected: null, accepted: null, supersededBy: null });
  },
});

export const hypothesisSupersede = entryKind({
  type: 'hypothesis.supersede',
  summary: 'Another hypothesis takes its place.',
  allowed: ANYONE,
  schema: z.strictObject({ hypothesis: reference(), by: reference(), reason: text(2_000).optional() }),
  decide: (state, body, { actor }) =>
    inState(state, body.hypothesis, ['proposed', 'investigating', 'supported', 'accepted'], (hypothesis) => {
      if (hypothesis.state === 'accepted' && actor.kind === 'agent') return needsHuman('supersede');
      const successor = state.hypotheses.find(body.by);
      if (successor === undefined) return unknownHypothesis();
      if (successor.id === hypothesis.id || !isLive(successor)) {
        return reject(
          'hypothesis.supersede_needs_other',
          MACHINE,
          'What takes its place must be another live hypothesis.',
          'Name another hypothesis that is neither rejected nor superseded.',
        );
      }
      return acceptWith(staleApprovals(state, hypothesis));
    }),
  apply(state, body) {
    change(state, body.hypothesis, { state: 'superseded', supersededBy: resolveId(state, body.by), accepted: null });
  },
});

function levelOf(value: z.infer<typeof confidence>): ConfidenceLevel {
  return typeof value === 'string' ? value : value.level;
}

function inState(
  state: IncidentState,
  id: string,
  allowed: readonly HypothesisState['state'][],
  then: (hypothesis: HypothesisState) => Ruling,
): Ruling {
  const hypothesis = state.hypotheses.find(id);
  if (hypothesis === undefined) return unknownHypothesis();
  if (allowed.includes(hypothesis.state)) return then(hypothesis);
  return reject(
    'hypothesis.state_not_allowed',
    MACHINE,
    `${hypothesis.label} is ${hypothesis.state}.`,
    `It must be ${allowed.join(' or ')}${isLive(hypothesis) ? '' : '; hypothesis.reopen takes it up again'}.`,
  );
}

export function unknownHypothesis(): Ruling {
  return reject(
    'hypothesis.unknown',
    'rule 4: of this incident',
    'The incident has no such hypothesis.',
    'Name a hypothesis of this incident by its id or label.',
  );
}

function believable(
  state: IncidentState,
  hypothesis: HypothesisState,
  override: string | undefined,
  { actor }: DecisionContext,
): Ruling {
  const support = supportOf(state, hypothesis);
  if (override !== undefined && actor.kind !== 'agent') return ACCEPTED;
  if (support.firmFamilies.length === 0) {
    return reject(
      'hypothesis.support_needs_evidence',
      BELIEF,
      `No supporting evidence of ${hypothesis.label} counts.`,
      'Take a stance with evidence that is not withdrawn, disputed or linked by inference only; a person may send override with a reason.',
    );
  }
  if (support.survived.length === 0) {
    return reject(
      'hypothesis.support_needs_check',
      BELIEF,
      `No answered check could have refuted ${hypothesis.label}.`,
      'Plan a check that says what would refute it and answer it; a person may send override with a reason.',
    );
  }
  return ACCEPTED;
}

function aboveCap(cap: ConfidenceLevel, reason: string): Ruling {
  return reject(
    'hypothesis.confidence_above_cap',
    BELIEF,
    `The evidence allows ${cap} at most: ${reason}.`,
    'Add independent evidence and an answered check that could have refuted it; a person may send override with a reason.',
  );
}

function needsHuman(verb: string): Ruling {
  return reject(
    `hypothesis.${verb}_needs_human`,
    BELIEF,
    'A person accepted this hypothesis; an agent cannot undo that.',
    'A person sends it.',
  );
}

// A check kills when it came out against, a stance when it refutes, evidence when it stands and nobody holds it to
// support the very theory: naming it here says that it refutes.
function kills(state: IncidentState, hypothesis: HypothesisState, idOrLabel: string): boolean {
  const id = resolveId(state, idOrLabel);
  const support = supportOf(state, hypothesis);
  if (support.refutedByCheck.some((each) => each.id === id)) return true;
  if (support.refuting.some((each) => each.id === id || each.evidence === id)) return true;
  const fact = state.evidence.get(id);
  return fact?.withdrawn === null && isFirm(fact) && !support.supporting.some((each) => each.evidence === id);
}

// An approval rests on the hypotheses of its action: when one falls, the approval was given for reasons that are gone.
function staleApprovals(state: IncidentState, hypothesis: HypothesisState): FollowOn[] {
  return state.approvals
    .all()
    .filter((each) => (each.state === 'pending' || each.state === 'granted') && each.hypotheses.includes(hypothesis.id))
    .map((each) => ({
      type: 'approval.stale',
      body: { approval: each.id, because: hypothesis.id, reason: `${hypothesis.label} no longer stands` },
    }));
}

function change(state: IncidentState, idOrLabel: string, changes: Partial<HypothesisState>): void {
  const hypothesis = state.hypotheses.find(idOrLabel);
  if (hypothesis !== undefined) state.hypotheses.replace({ ...hypothesis, ...changes });
}
