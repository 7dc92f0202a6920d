import { z } from 'zod';
import { reference, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject } from './entry-kind.ts';
import { unknownHypothesis } from './hypothesis.ts';
import { resolveId } from './incident-state.ts';
import { isFirm } from './support.ts';
import { sameActor } from './actor.ts';

export const stanceTake = entryKind({
  type: 'stance.take',
  summary: 'Says what a piece of evidence means for a hypothesis: supports, refutes or neutral, how strongly, and why.',
  allowed: ANYONE,
  schema: z.strictObject({
    evidence: reference(),
    hypothesis: reference(),
    relation: z.enum(['supports', 'refutes', 'neutral']),
    strength: z.enum(['weak', 'moderate', 'decisive']).default('moderate'),
    rationale: text(2_000),
    selfSought: z.boolean().default(false),
  }),
  cites: (body) => [body.evidence],
  decide(state, body) {
    const hypothesis = state.hypotheses.find(body.hypothesis);
    if (hypothesis === undefined) return unknownHypothesis();
    const fact = state.evidence.get(body.evidence);
    if (fact === undefined) {
      return reject(
        'stance.evidence_unknown',
        'rule 4: of this incident',
        'What is named is not evidence of this incident.',
        'Name an evidence row of this incident, or add one with evidence.add.',
      );
    }
    if (fact.withdrawn !== null) {
      return reject(
        'stance.evidence_withdrawn',
        'rule 4: of this incident',
        'The evidence has been withdrawn.',
        'Name evidence that still stands.',
      );
    }
    if (body.strength === 'decisive' && !isFirm(fact)) {
      return reject(
        'stance.decisive_needs_confirmation',
        'rule 7: inferred links',
        'Evidence that is disputed or linked by inference decides nothing.',
        'Confirm it with evidence.confirm, or take a weaker stance.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    const hypothesis = resolveId(state, body.hypothesis);
    // One assessor has one word on what a piece of evidence means for a hypothesis: the newest.
    for (const earlier of state.stances.all()) {
      const same =
        earlier.withdrawn === null &&
        earlier.evidence === body.evidence &&
        earlier.hypothesis === hypothesis &&
        sameActor(earlier.by, entry.actor);
      if (same) state.stances.replace({ ...earlier, withdrawn: actOf(entry) });
    }
    state.stances.add({
      id: entry.entryId,
      label: state.stances.nextLabel(),
      ...actOf(entry),
      evidence: body.evidence,
      hypothesis,
      relation: body.relation,
      strength: body.strength,
      rationale: body.rationale,
      selfSought: body.selfSought,
      withdrawn: null,
    });
  },
});

export const stanceWithdraw = entryKind({
  type: 'stance.withdraw',
  summary: 'Takes a stance back.',
  allowed: ANYONE,
  schema: z.strictObject({ stance: reference(), reason: text(2_000).optional() }),
  decide(state, body, { actor }) {
    const stance = state.stances.find(body.stance);
    if (stance === undefined || stance.withdrawn !== null) {
      return reject(
        'stance.unknown',
        'rule 4: of this incident',
        'The incident has no such stance that stands.',
        'Name a stance of this incident that is not withdrawn.',
      );
    }
    if (actor.kind === 'agent' && !sameActor(actor, stance.by)) {
      return reject(
        'stance.withdraw_needs_author',
        'rule 12: what an agent may not decide',
        "An agent cannot take back another's stance.",
        'Its author or a person withdraws it; take a stance of your own instead.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    const stance = state.stances.find(body.stance);
    if (stance !== undefined) state.stances.replace({ ...stance, withdrawn: actOf(entry) });
  },
});
