import { createRoute, z } from '@hono/zod-openapi';
import type { MemoryService } from '../../record/memory/memory-service.ts';
import { answers, type ApiApp } from '../api-context.ts';
import { unknownIncident } from '../problem.ts';
import { incidentParameter, summarySchema, wholeNumber } from '../schema.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 50;
const text = z.string();
const named = z.object({ id: text, label: text, text });

const similarSchema = z
  .object({
    incident: z.object({ id: text, ref: text }),
    compared: z.int().openapi({ description: 'Other incidents of the tenant' }),
    items: z.array(
      z.object({
        incident: summarySchema,
        score: z.number().openapi({ description: '0 to 1; the weight of what is shared over all that this one shows' }),
        features: z.array(
          z.object({
            kind: text,
            value: text,
            weight: z.number().openapi({ description: 'What it adds, before the score is scaled' }),
            incidents: z.int().openapi({ description: 'How many incidents show it' }),
            here: text.openapi({ description: 'Entry or evidence id in the incident asked about' }),
            there: text.openapi({ description: 'Entry or evidence id in the other' }),
          }),
        ),
        outcome: z.object({
          ruledOut: z.array(
            named.extend({
              reason: text,
              setAside: z.boolean(),
              by: z.array(z.object({ kind: text, id: text, label: text.nullable(), text })),
            }),
          ),
          cause: z.array(named),
          fixedBy: z.array(z.object({ kind: text, id: text, label: text.nullable(), text })),
          followUps: z.array(
            named.extend({
              state: text,
              owner: text.nullable(),
              due: text.nullable(),
              externalRef: text.nullable(),
            }),
          ),
        }),
      }),
    ),
    repeated: z.array(
      z.object({
        kind: z.enum(['check', 'tool_call']),
        question: text,
        tools: z.array(text),
        times: z.int(),
        ids: z.array(text),
        cameOf: text,
        elsewhere: z.array(
          z.object({
            incident: z.object({ id: text, ref: text, title: text }),
            times: z.int(),
            ids: z.array(text),
            cameOf: text,
          }),
        ),
      }),
    ),
  })
  .openapi('SimilarIncidents');

const similarRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/similar',
  tags: ['Memory'],
  summary: 'Similar incidents: what they share, what was ruled out then and by which check, what fixed it',
  description: 'Also lists what this incident asked more than once, or what another asked too, and what came of it.',
  request: { params: incidentParameter, query: z.strictObject({ limit: wholeNumber(1, LIMIT_MAX).optional() }) },
  responses: answers(
    { 200: { description: 'Most similar first', content: { 'application/json': { schema: similarSchema } } } },
    { 404: 'No such incident' },
  ),
});

/** What past incidents teach about this one. */
export function registerSimilarRoutes(app: ApiApp, memory: MemoryService): void {
  app.openapi(similarRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { limit = LIMIT_DEFAULT } = context.req.valid('query');
    const answer = await memory.similar(tenant, context.req.valid('param').id, limit);
    if (answer === undefined) throw unknownIncident();
    return context.json(answer as z.input<typeof similarSchema>, 200);
  });
}
