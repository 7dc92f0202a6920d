import { z } from 'zod';
import { lines, reference } from './body-field.ts';
import { actOf, ANYONE, entryKind } from './entry-kind.ts';

export const relationAdd = entryKind({
  type: 'relation.add',
  summary:
    'How this incident stands to another: duplicate, merged into, split from, caused by, recurrence of, similar.',
  allowed: ANYONE,
  schema: z.strictObject({
    kind: z.enum(['duplicate', 'merged_into', 'split_from', 'caused_by', 'recurrence_of', 'similar']),
    other: reference(),
    basis: lines(500).default([]),
  }),
  apply(state, body, entry) {
    state.relations.add({
      id: entry.entryId,
      label: state.relations.nextLabel(),
      ...actOf(entry),
      kind: body.kind,
      other: body.other,
      basis: body.basis,
    });
  },
});
