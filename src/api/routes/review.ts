import { createRoute, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { ocsfIncidentFinding } from '../../record/memory/ocsf-incident-finding.ts';
import { draftReview, reviewMarkdown } from '../../record/memory/review-draft.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { unknownIncident } from '../problem.ts';
import { incidentParameter } from '../schema.ts';

const json = 'application/json';
const text = z.string();

const reviewSchema = z
  .object({
    incident: z.object({ id: text, ref: text, title: text }),
    head: z.object({ seq: z.int(), hash: text }),
    sections: z.array(z.object({ title: text, sentences: z.array(z.object({ text, cites: z.array(text).min(1) })) })),
  })
  .openapi('ReviewDraft');

const reviewRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/review',
  tags: ['Memory'],
  summary: 'A draft of the review, every sentence with the ids it rests on',
  description:
    'Composed by rules from the record, without a model: the same record gives the same draft. With `Accept: text/markdown` as Markdown. Its sentences are what `review.draft` takes.',
  request: { params: incidentParameter },
  responses: answers(
    {
      200: {
        description: 'The draft',
        content: { [json]: { schema: reviewSchema }, 'text/markdown': { schema: z.string() } },
      },
    },
    { 404: 'No such incident' },
  ),
});

const ocsfRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/ocsf',
  tags: ['Memory'],
  summary: 'The incident as an OCSF Incident Finding (class 2005)',
  request: { params: incidentParameter },
  responses: answers(
    {
      200: {
        description: 'The finding',
        content: { [json]: { schema: z.looseObject({ class_uid: z.literal(2005) }).openapi('OcsfIncidentFinding') } },
      },
    },
    { 404: 'No such incident' },
  ),
});

/** The record in other forms: a review to edit, and a finding for security tools. */
export function registerReviewRoutes(app: ApiApp, options: Pick<ApiOptions, 'record' | 'version'>): void {
  app.openapi(reviewRoute, async (context) => {
    const { tenant } = context.get('caller');
    const record = await options.record.record(tenant, context.req.valid('param').id);
    if (record === undefined) throw unknownIncident();
    const draft = draftReview(record);
    const preferred = accepts(context, { header: 'Accept', supports: [json, 'text/markdown'], default: json });
    if (preferred === 'text/markdown') {
      return context.body(reviewMarkdown(draft), 200, {
        'content-type': 'text/markdown; charset=utf-8',
        vary: 'Accept',
      });
    }
    return context.json(draft as unknown as z.input<typeof reviewSchema>, 200, { vary: 'Accept' });
  });

  app.openapi(ocsfRoute, async (context) => {
    const { tenant } = context.get('caller');
    const record = await options.record.record(tenant, context.req.valid('param').id);
    if (record === undefined) throw unknownIncident();
    context.get('accesses').exported(record.id, 'ocsf');
    return context.json(ocsfIncidentFinding(record, options.version) as { class_uid: 2005 }, 200);
  });
}
