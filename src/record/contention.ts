import { z } from 'zod';
import { line, reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject } from './entry-kind.ts';
import { actorSchema } from './actor.ts';
import { resolveId } from './incident-state.ts';

export const contentionOpen = entryKind({
  type: 'contention.open',
  summary: 'Two or more hold different positions: who holds which, on what evidence, and the check that will tell.',
  allowed: ANYONE,
  schema: z.strictObject({
    question: text(2_000),
    positions: z
      .array(
        z.strictObject({
          statement: line(1_000),
          hypothesis: reference().optional(),
          holder: actorSchema,
          evidence: references().default([]),
        }),
      )
      .min(2)
      .max(20),
    discriminatingCheck: reference().optional(),
  }),
  cites: (body) => [
    ...body.positions.flatMap((each) => [
      ...each.evidence,
      ...(each.hypothesis === undefined ? [] : [each.hypothesis]),
    ]),
    ...(body.discriminatingCheck === undefined ? [] : [body.discriminatingCheck]),
  ],
  apply(state, body, entry) {
    state.contentions.add({
      id: entry.entryId,
      label: state.contentions.nextLabel(),
      ...actOf(entry),
      question: body.question,
      positions: body.positions.map((each) => ({
        ...each,
        hypothesis: each.hypothesis === undefined ? null : resolveId(state, each.hypothesis),
      })),
      discriminatingCheck: body.discriminatingCheck === undefined ? null : resolveId(state, body.discriminatingCheck),
      state: 'open',
      resolution: null,
    });
  },
});

export const contentionResolve = entryKind({
  type: 'contention.resolve',
  summary: 'Settled by an answered check, overridden by a decision, or dissolved.',
  allowed: ANYONE,
  schema: z.strictObject({
    contention: reference(),
    how: z.enum(['check', 'decision', 'dissolved']),
    target: reference().optional(),
    reason: text(2_000),
  }),
  decide(state, body) {
    const contention = state.contentions.find(body.contention);
    if (contention?.state !== 'open') {
      return reject(
        'contention.unknown',
        'rule 4: of this incident',
        'The incident has no such contention that is open.',
        'Name an open contention of this incident by its id or label.',
      );
    }
    const check = body.target === undefined ? undefined : state.checks.find(body.target);
    const decision = body.target === undefined ? undefined : state.decisions.find(body.target);
    if ((body.how === 'check' && check?.state !== 'answered') || (body.how === 'decision' && decision === undefined)) {
      return reject(
        'contention.resolve_needs_target',
        'state machine: contention',
        `Nothing named settles it by ${body.how}.`,
        'Name in target an answered check, or a decision, of this incident.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    const contention = state.contentions.find(body.contention);
    if (contention === undefined) return;
    const target = body.target === undefined ? null : resolveId(state, body.target);
    state.contentions.replace({
      ...contention,
      state: 'resolved',
      resolution: { ...actOf(entry), how: body.how, reason: body.reason, target },
    });
  },
});
