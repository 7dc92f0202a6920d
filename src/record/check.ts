import { z } from 'zod';
import { actorSchema } from './actor.ts';
import { instant, line, reference, references, text, MAX_ITEMS } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject, type Ruling } from './entry-kind.ts';
import { resolveId, type CheckState, type IncidentState } from './incident-state.ts';

const MACHINE = 'state machine: check';

export const checkPlan = entryKind({
  type: 'check.plan',
  summary: 'A question to ask the world, with what each hypothesis predicts and what would refute it, said beforehand.',
  allowed: ANYONE,
  schema: z.strictObject({
    question: text(2_000),
    method: text(2_000).optional(),
    predictions: z
      .array(z.strictObject({ hypothesis: reference(), expected: text(1_000), refutesIf: text(1_000) }))
      .max(MAX_ITEMS)
      .default([]),
    owner: actorSchema.optional(),
    due: instant().optional(),
  }),
  decide(state, body) {
    if (body.predictions.some((each) => state.hypotheses.find(each.hypothesis) === undefined)) {
      return reject(
        'check.hypothesis_unknown',
        'rule 4: of this incident',
        'A prediction names no hypothesis of this incident.',
        'Name hypotheses of this incident by id or label.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    state.checks.add({
      id: entry.entryId,
      label: state.checks.nextLabel(),
      ...actOf(entry),
      question: body.question,
      method: body.method ?? null,
      predictions: body.predictions.map((each) => ({ ...each, hypothesis: resolveId(state, each.hypothesis) })),
      owner: body.owner ?? entry.actor,
      due: body.due ?? null,
      state: 'planned',
      answer: null,
    });
  },
});

export const checkStart = entryKind({
  type: 'check.start',
  summary: 'Somebody runs the check; they own it from here on.',
  allowed: ANYONE,
  schema: z.strictObject({ check: reference() }),
  decide: (state, body) => open(state, body.check),
  apply(state, body, entry) {
    change(state, body.check, { state: 'running', owner: entry.actor });
  },
});

export const checkAnswer = entryKind({
  type: 'check.answer',
  summary: 'What came of it, by hypothesis: as predicted, refuted or inconclusive; or that it cannot be done.',
  allowed: ANYONE,
  schema: z.strictObject({
    check: reference(),
    text: text(5_000),
    evidence: references().default([]),
    outcomes: z
      .array(
        z.strictObject({
          hypothesis: reference(),
          outcome: z.enum(['as_predicted', 'refuted', 'inconclusive']),
        }),
      )
      .max(MAX_ITEMS)
      .default([]),
    impossible: z.boolean().default(false),
  }),
  cites: (body) => body.evidence,
  decide(state, body) {
    const check = state.checks.find(body.check);
    if (check === undefined) return unknown();
    const planned = new Set(check.predictions.map((each) => each.hypothesis));
    if (body.outcomes.some((each) => !planned.has(resolveId(state, each.hypothesis)))) {
      return reject(
        'check.outcome_not_planned',
        'rule 5: what belief needs',
        'An outcome is given for a hypothesis the check made no prediction about.',
        'Plan a check that says beforehand what would refute it.',
      );
    }
    return open(state, body.check);
  },
  apply(state, body, entry) {
    change(state, body.check, {
      state: body.impossible ? 'impossible' : 'answered',
      answer: body.impossible
        ? null
        : {
            ...actOf(entry),
            text: body.text,
            evidence: body.evidence,
            outcomes: body.outcomes.map((each) => ({ ...each, hypothesis: resolveId(state, each.hypothesis) })),
          },
    });
  },
});

export const checkCancel = entryKind({
  type: 'check.cancel',
  summary: 'Nobody will run it.',
  allowed: ANYONE,
  schema: z.strictObject({ check: reference(), reason: line(1_000) }),
  decide: (state, body) => open(state, body.check),
  apply(state, body) {
    change(state, body.check, { state: 'cancelled' });
  },
});

function open(state: IncidentState, id: string): Ruling {
  const check = state.checks.find(id);
  if (check === undefined) return unknown();
  if (check.state === 'planned' || check.state === 'running') return ACCEPTED;
  return reject(
    'check.state_not_allowed',
    MACHINE,
    `${check.label} is ${check.state}.`,
    'Plan another check with check.plan.',
  );
}

function unknown(): Ruling {
  return reject(
    'check.unknown',
    'rule 4: of this incident',
    'The incident has no such check.',
    'Name a check of this incident by its id or label.',
  );
}

function change(state: IncidentState, id: string, changes: Partial<CheckState>): void {
  const check = state.checks.find(id);
  if (check !== undefined) state.checks.replace({ ...check, ...changes });
}
