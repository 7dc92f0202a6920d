import { createRoute, z } from '@hono/zod-openapi';
import type { Command } from '../../record/record-service.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { ApiProblem, rejected, unknownIncident } from '../problem.ts';
import { appendedSchema, commandSchema, entrySchema, incidentParameter, wholeNumber } from '../schema.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const json = 'application/json';

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/entries',
  tags: ['Entries'],
  summary: 'The log, in order',
  request: {
    params: incidentParameter,
    query: z.strictObject({
      after: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
      limit: wholeNumber(1, LIMIT_MAX).optional(),
    }),
  },
  responses: answers(
    {
      200: {
        description: 'A page; `next` is the `after` of the next one',
        content: { [json]: { schema: z.object({ items: z.array(entrySchema), next: z.int().nullable() }) } },
      },
    },
    { 404: 'No such incident' },
  ),
});

const appendRoute = createRoute({
  method: 'post',
  path: '/api/v1/incidents/{id}/entries',
  tags: ['Entries'],
  summary: 'One typed command',
  description: 'What a type takes is listed at /api/v1/entry-types.',
  request: { params: incidentParameter, body: { required: true, content: { [json]: { schema: commandSchema } } } },
  responses: answers(
    {
      201: { description: 'Appended', content: { [json]: { schema: appendedSchema } } },
      200: { description: 'The same entryId and body again', content: { [json]: { schema: appendedSchema } } },
    },
    {
      404: 'No such incident',
      409: 'The record moved on since expectedSeq, or the entryId names something else',
      422: 'A rule of the record refuses it',
    },
  ),
});

const typesRoute = createRoute({
  method: 'get',
  path: '/api/v1/entry-types',
  tags: ['Entries'],
  summary: 'The types of entries, with a JSON Schema of each body',
  responses: answers({
    200: {
      description: 'Every type',
      content: {
        [json]: {
          schema: z.object({
            items: z.array(
              z.object({
                type: z.string(),
                summary: z.string(),
                allowed: z.array(z.string()),
                schema: z.record(z.string(), z.unknown()),
              }),
            ),
          }),
        },
      },
    },
  }),
});

/** The log of an incident: reading it, adding to it, and what may be added. */
export function registerEntryRoutes(app: ApiApp, options: ApiOptions): void {
  const { record } = options;

  app.openapi(listRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { after = 0, limit = LIMIT_DEFAULT } = context.req.valid('query');
    const page = await record.entries(tenant, context.req.valid('param').id, { after, limit });
    if (!page) throw unknownIncident();
    return context.json(page);
  });

  app.openapi(appendRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const command = context.req.valid('json') as Command;
    const result = await record.append(tenant, context.req.valid('param').id, actor, command);
    switch (result.kind) {
      case 'appended': {
        const { kind: _, ...appended } = result;
        return context.json(appended, 201);
      }
      case 'repeated': {
        const { kind: _, ...appended } = result;
        return context.json(appended, 200);
      }
      case 'conflict':
        throw new ApiProblem(409, result.code, result.message, { head: result.head, changed: result.changed });
      case 'rejected':
        throw rejected(result.rejection);
      case 'unknown_incident':
        break;
    }
    throw unknownIncident();
  });

  app.openapi(typesRoute, (context) => context.json({ items: record.entryTypes() }));
}
