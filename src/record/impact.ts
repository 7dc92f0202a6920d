import { z } from 'zod';
import { instant, lines, text } from './body-field.ts';
import { customersAffectedSchema } from './customers-affected.ts';
import { actOf, ANYONE, entryKind } from './entry-kind.ts';

export const impactUpdate = entryKind({
  type: 'impact.update',
  summary: 'Who is affected: a count, a range or unknown, which segments, since when. Replaces what was said before.',
  allowed: ANYONE,
  schema: z.strictObject({
    customersAffected: customersAffectedSchema,
    segments: lines(200).default([]),
    since: instant().optional(),
    text: text(2_000).optional(),
  }),
  happened: ({ since }) => ({ since }),
  apply(state, body, entry) {
    state.impact = {
      ...actOf(entry),
      customersAffected: body.customersAffected,
      segments: body.segments,
      since: body.since ?? null,
      text: body.text ?? null,
    };
  },
});
