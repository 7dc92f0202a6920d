import { z } from 'zod';
import { instant, text } from './body-field.ts';
import { actOf, ANYONE, entryKind } from './entry-kind.ts';

export const statusPost = entryKind({
  type: 'status.post',
  summary: 'What is happening, what we believe, what we do, and when the next word is due.',
  allowed: ANYONE,
  schema: z.strictObject({
    happening: text(2_000),
    believed: text(2_000).optional(),
    doing: text(2_000).optional(),
    nextUpdateDue: instant().optional(),
  }),
  apply(state, body, entry) {
    state.statusUpdates.add({
      id: entry.entryId,
      label: state.statusUpdates.nextLabel(),
      ...actOf(entry),
      happening: body.happening,
      believed: body.believed ?? null,
      doing: body.doing ?? null,
      nextUpdateDue: body.nextUpdateDue ?? null,
      basis: entry.basis,
    });
  },
});
