import { z } from 'zod';
import { instant, line, lines, reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, entryKind, reject } from './entry-kind.ts';
import { resolveId } from './incident-state.ts';

const option = z.strictObject({
  text: line(1_000),
  for: lines(1_000).default([]),
  against: lines(1_000).default([]),
});

export const decisionMake = entryKind({
  type: 'decision.make',
  summary:
    'A choice among options with what speaks for and against each, why, on what authority, and what it rests on.',
  allowed: ['human', 'import'],
  schema: z
    .strictObject({
      question: text(2_000),
      /** An option may be its text alone. */
      options: z
        .array(z.union([line(1_000).transform((text) => ({ text, for: [], against: [] })), option]))
        .min(1)
        .max(20),
      /** The text of an option. */
      chosen: line(1_000),
      rationale: text(5_000),
      authority: line(500).default('decider'),
      considered: references().default([]),
      gapsAccepted: references().default([]),
      reversible: z.boolean().default(true),
      revisitAt: instant().optional(),
    })
    .refine((body) => body.options.some((each) => each.text === body.chosen), {
      message: 'must be the text of one of the options',
      path: ['chosen'],
    }),
  cites: (body) => [...body.considered, ...body.gapsAccepted],
  decide(state, body) {
    if (body.gapsAccepted.some((id) => state.gaps.find(id) === undefined)) {
      return reject(
        'decision.gap_unknown',
        'rule 4: of this incident',
        'A gap is accepted that the incident does not have.',
        'Name gaps of this incident, or open them first with gap.open.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    state.decisions.add({
      id: entry.entryId,
      label: state.decisions.nextLabel(),
      ...actOf(entry),
      question: body.question,
      options: body.options,
      chosen: body.chosen,
      rationale: body.rationale,
      authority: body.authority,
      considered: body.considered.map((id) => resolveId(state, id)),
      gapsAccepted: body.gapsAccepted.map((id) => resolveId(state, id)),
      recordHead: { seq: entry.seq - 1, hash: entry.prevHash },
      reversible: body.reversible,
      revisitAt: body.revisitAt ?? null,
      revisits: [],
      stands: true,
      basis: entry.basis,
    });
  },
});

export const decisionRevisit = entryKind({
  type: 'decision.revisit',
  summary: 'Looks at a decision again: it stands, or it is reversed.',
  allowed: ['human', 'import'],
  schema: z.strictObject({ decision: reference(), outcome: z.enum(['stands', 'reversed']), reason: text(2_000) }),
  decide: (state, body) =>
    state.decisions.find(body.decision) === undefined
      ? reject(
          'decision.unknown',
          'rule 4: of this incident',
          'The incident has no such decision.',
          'Name a decision of this incident by its id or label.',
        )
      : ACCEPTED,
  apply(state, body, entry) {
    const decision = state.decisions.find(body.decision);
    if (decision === undefined) return;
    state.decisions.replace({
      ...decision,
      stands: body.outcome === 'stands',
      revisits: [...decision.revisits, { ...actOf(entry), reason: body.reason, outcome: body.outcome }],
    });
  },
});
