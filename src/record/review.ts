import { z } from 'zod';
import { reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject } from './entry-kind.ts';

export const reviewDraft = entryKind({
  type: 'review.draft',
  summary: 'What happened, told in sentences that each cite what they rest on.',
  allowed: ANYONE,
  schema: z.strictObject({
    sentences: z
      .array(
        z.strictObject({
          text: text(2_000),
          cites: references().min(1, 'must cite at least one id'),
        }),
      )
      .min(1)
      .max(200),
  }),
  cites: (body) => body.sentences.flatMap((each) => each.cites),
  apply(state, body, entry) {
    state.reviews.add({
      id: entry.entryId,
      label: state.reviews.nextLabel(),
      ...actOf(entry),
      sentences: body.sentences,
      state: 'draft',
      published: null,
    });
  },
});

export const reviewPublish = entryKind({
  type: 'review.publish',
  summary: 'A person publishes a review; later changes are new reviews.',
  allowed: ['human'],
  schema: z.strictObject({ review: reference() }),
  decide: (state, body) =>
    state.reviews.find(body.review)?.state === 'draft'
      ? ACCEPTED
      : reject(
          'review.not_draft',
          'state machine: review',
          'The incident has no such review that is a draft.',
          'Draft one with review.draft.',
        ),
  apply(state, body, entry) {
    const review = state.reviews.find(body.review);
    if (review !== undefined) state.reviews.replace({ ...review, state: 'published', published: actOf(entry) });
  },
});
