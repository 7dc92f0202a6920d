import { createHash } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import type { Context } from 'hono';
import type { IncidentRecord } from '../../record/incident-record.ts';
import type { IncidentFilter, OpenIncident } from '../../record/record-service.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { ApiProblem, rejected, unknownIncident } from '../problem.ts';
import {
  bindingSchema,
  boundSchema,
  briefSchema,
  incidentParameter,
  incidentQuery,
  openedSchema,
  openSchema,
  pageSchema,
  recordSchema,
  summarySchema,
  wholeNumber,
} from '../schema.ts';

const SEQ_MAX = Number.MAX_SAFE_INTEGER;
const json = 'application/json';

const openRoute = createRoute({
  method: 'post',
  path: '/api/v1/incidents',
  tags: ['Incidents'],
  summary: 'Open an incident',
  request: { body: { required: true, content: { [json]: { schema: openSchema } } } },
  responses: answers(
    {
      201: { description: 'Opened', content: { [json]: { schema: openedSchema } } },
      200: { description: 'The same entryId and body again', content: { [json]: { schema: summarySchema } } },
    },
    { 409: 'The ref is taken', 422: 'Refused' },
  ),
});

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents',
  tags: ['Incidents'],
  summary: 'List incidents, newest first',
  request: { query: incidentQuery },
  responses: answers({ 200: { description: 'A page', content: { [json]: { schema: pageSchema(summarySchema) } } } }),
});

const readRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}',
  tags: ['Incidents'],
  summary: 'The assembled record',
  description:
    'With `Accept: text/markdown` the same as Markdown. The ETag is the head of the log, followed by a digest of what a notice on top of the brief says while there is one.',
  request: { params: incidentParameter, query: z.strictObject({ at: wholeNumber(1, SEQ_MAX).optional() }) },
  responses: answers(
    {
      200: {
        description: 'The record',
        content: { [json]: { schema: recordSchema }, 'text/markdown': { schema: z.string() } },
      },
      304: { description: 'The head, and the notice, are what If-None-Match says' },
    },
    { 404: 'No such incident, or not that far yet' },
  ),
});

const briefRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/brief',
  tags: ['Incidents'],
  summary: 'What a joiner must know, or what changed since',
  request: { params: incidentParameter, query: z.strictObject({ since: wholeNumber(0, SEQ_MAX).optional() }) },
  responses: answers(
    {
      200: {
        description: 'The brief, under 4 KB',
        content: { [json]: { schema: briefSchema }, 'text/markdown': { schema: z.string() } },
      },
    },
    { 404: 'No such incident' },
  ),
});

const bindRoute = createRoute({
  method: 'post',
  path: '/api/v1/incidents/{id}/bindings',
  tags: ['Incidents'],
  summary: 'Bind a trace, conversation, session, agent or service to the incident',
  request: { params: incidentParameter, body: { required: true, content: { [json]: { schema: bindingSchema } } } },
  responses: answers(
    {
      201: { description: 'Bound', content: { [json]: { schema: boundSchema } } },
      200: { description: 'Was bound already', content: { [json]: { schema: boundSchema } } },
    },
    { 404: 'No such incident', 422: 'Refused' },
  ),
});

const whyRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/why',
  tags: ['Incidents'],
  summary: 'The chain behind one item: action, approval, decision, hypotheses, evidence',
  request: {
    params: incidentParameter,
    query: z.strictObject({
      target: z
        .string()
        .max(300)
        .regex(/^[a-z_]+:.+$/, 'must be {kind}:{id}, for example decision:D1'),
    }),
  },
  responses: answers(
    {
      200: {
        description: 'The chain, and what it lacks',
        content: {
          [json]: {
            schema: z.object({
              target: z.object({ kind: z.string(), id: z.string() }),
              steps: z.array(
                z.object({
                  kind: z.string(),
                  id: z.string(),
                  label: z.string().nullable(),
                  text: z.string(),
                  restsOn: z.array(z.string()),
                }),
              ),
              complete: z.boolean(),
              missing: z.array(z.string()),
            }),
          },
        },
      },
    },
    { 404: 'No such incident or no such item' },
  ),
});

/** Opening, listing, reading and binding incidents. */
export function registerIncidentRoutes(app: ApiApp, options: ApiOptions): void {
  const { record } = options;

  app.openapi(openRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const result = await record.open(tenant, actor, openIncident(context.req.valid('json')));
    switch (result.kind) {
      case 'opened':
        return context.json({ ...result.incident, filed: result.filed }, 201, {
          location: `/api/v1/incidents/${encodeURIComponent(result.incident.ref)}`,
        });
      case 'repeated':
        return context.json(result.incident, 200);
      case 'conflict':
        throw new ApiProblem(409, result.code, result.message, result.existing ? { existing: result.existing } : {});
      case 'rejected':
        break;
    }
    throw rejected(result.rejection);
  });

  app.openapi(listRoute, async (context) => {
    const { tenant } = context.get('caller');
    return context.json(await record.list(tenant, context.req.valid('query') as IncidentFilter));
  });

  app.openapi(readRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { at } = context.req.valid('query');
    const found = await record.record(tenant, context.req.valid('param').id, at === undefined ? {} : { at });
    if (!found) {
      const known = await record.summary(tenant, context.req.valid('param').id);
      throw known
        ? new ApiProblem(404, 'record.seq_not_reached', 'The record has not come that far.')
        : unknownIncident();
    }
    const markdown = wantsMarkdown(context);
    const etag = `"${versionOf(found)}${markdown ? '.md' : ''}"`;
    const headers = { etag, vary: 'Accept' };
    if (matches(context.req.header('if-none-match'), etag)) return context.body(null, 304, headers);
    if (markdown) return markdownAnswer(context, record.markdown(found), headers);
    return context.json(found, 200, headers);
  });

  app.openapi(briefRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { since } = context.req.valid('query');
    const brief = await record.brief(tenant, context.req.valid('param').id, since === undefined ? {} : { since });
    if (!brief) throw unknownIncident();
    const headers = { vary: 'Accept' };
    if (wantsMarkdown(context)) return markdownAnswer(context, brief.markdown, headers);
    return context.json(brief.json, 200, headers);
  });

  app.openapi(whyRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { id } = context.req.valid('param');
    const why = await record.why(tenant, id, context.req.valid('query').target);
    if (why) return context.json(why);
    const known = await record.summary(tenant, id);
    throw known ? new ApiProblem(404, 'record.unknown_item', 'The record has no such item.') : unknownIncident();
  });

  app.openapi(bindRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const result = await record.bind(tenant, context.req.valid('param').id, actor, context.req.valid('json'));
    switch (result.kind) {
      case 'created': {
        const { kind: _, ...bound } = result;
        return context.json(bound, 201);
      }
      case 'existing': {
        const { kind: _, ...bound } = result;
        return context.json({ ...bound, filed: 0 }, 200);
      }
      case 'rejected':
        throw rejected(result.rejection);
      case 'unknown_incident':
        break;
    }
    throw unknownIncident();
  });
}

/** The record validates bindings itself, in its own words. */
function openIncident(body: z.output<typeof openSchema>): OpenIncident {
  return body as Omit<typeof body, 'bind'> as OpenIncident;
}

/** A notice comes and goes, and says how late evidence is, while the head stays. */
function versionOf(found: IncidentRecord): string {
  const noticed = found.brief.sections.find((section) => section.noticed === true);
  const text = noticed?.lines[0]?.text;
  if (text === undefined) return found.head.hash;
  return `${found.head.hash}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

function wantsMarkdown(context: Context): boolean {
  const preferred = accepts(context, {
    header: 'Accept',
    supports: ['application/json', 'text/markdown'],
    default: 'application/json',
  });
  return preferred === 'text/markdown';
}

function markdownAnswer(context: Context, text: string, headers: Record<string, string>): Response {
  return context.body(text, 200, { ...headers, 'content-type': 'text/markdown; charset=utf-8' });
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}
