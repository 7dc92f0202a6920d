import { createRoute, z } from '@hono/zod-openapi';
import type { EvidencePageRequest } from '../../record/evidence-log.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import { signalQuery } from '../../record/signal-rerun.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { evidenceJson, NO_STANDING } from '../evidence-json.ts';
import { ApiProblem, unknownIncident } from '../problem.ts';
import { readEvidencePage } from '../read-evidence-page.ts';
import { evidenceQuery, evidenceSchema, incidentParameter, pageSchema, type EvidenceQuery } from '../schema.ts';
import { parseUnixNano } from '../unix-nano.ts';

const LIMIT_DEFAULT = 100;
/** Rows that may be filed by hand at once; the evidence log looks up no more ids at a time. */
const FILE_MAX = 1_000;
const json = 'application/json';

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/evidence',
  tags: ['Evidence'],
  summary: 'Evidence of the incident, newest first',
  request: { params: incidentParameter, query: evidenceQuery },
  responses: answers(
    { 200: { description: 'A page', content: { [json]: { schema: pageSchema(evidenceSchema) } } } },
    { 404: 'No such incident' },
  ),
});

const readRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/evidence/{eid}',
  tags: ['Evidence'],
  summary: 'One row with its redacted content and source',
  request: {
    params: incidentParameter.extend({
      eid: z
        .string()
        .min(1)
        .max(200)
        .openapi({ param: { name: 'eid', in: 'path' } }),
    }),
  },
  responses: answers(
    { 200: { description: 'The row', content: { [json]: { schema: evidenceSchema } } } },
    { 404: 'No such incident or no such row' },
  ),
});

const figuresSchema = z
  .object({
    evidence: z.string(),
    asOf: z.string().nullable().openapi({ description: 'When the row was told; what came later is left out, now too' }),
    told: z.unknown().openapi({ description: 'The figures of the row' }),
    now: z.array(z.record(z.string(), z.unknown())).openapi({
      description: 'What the query gives now, at most 100 rows; none where its telemetry has expired',
    }),
    more: z.boolean().openapi({ description: 'True when it gives more rows' }),
    query: z.string(),
  })
  .openapi('SignalFigures');

const rerunRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/evidence/{eid}/rerun',
  tags: ['Evidence'],
  summary: 'Asks the query of a service signal again',
  description:
    'Runs the stored query of a row that Docket found by comparing telemetry (dialect service_signal): for at most 8 s, one at a time, ' +
    'over telemetry of the tenant only. No other statement can be run.',
  request: readRoute.request,
  responses: answers(
    { 200: { description: 'The figures, told and now', content: { [json]: { schema: figuresSchema } } } },
    {
      404: 'No such incident or no such row',
      422: 'The row has no query, or it did not finish',
      503: 'Another query is being asked again',
    },
  ),
});

const unfiledRoute = createRoute({
  method: 'get',
  path: '/api/v1/evidence/unfiled',
  tags: ['Evidence'],
  summary: 'Evidence no incident has claimed, newest first',
  request: { query: evidenceQuery },
  responses: answers({ 200: { description: 'A page', content: { [json]: { schema: pageSchema(evidenceSchema) } } } }),
});

const fileRoute = createRoute({
  method: 'post',
  path: '/api/v1/evidence/file',
  tags: ['Evidence'],
  summary: 'File unfiled evidence under an incident by hand',
  request: {
    body: {
      required: true,
      content: {
        [json]: {
          schema: z
            .strictObject({
              incident: z.string().min(1).max(200).openapi({ description: 'Id or ref' }),
              evidence: z
                .array(z.string().min(1).max(200))
                .min(1)
                .max(FILE_MAX)
                .openapi({ description: 'Evidence ids' }),
            })
            .openapi('FileEvidence'),
        },
      },
    },
  },
  responses: answers(
    {
      200: {
        description: 'How many rows were newly filed',
        content: {
          [json]: {
            schema: z.object({
              incident: z.string(),
              filed: z.int(),
              missing: z.array(z.string()).openapi({
                description: 'Ids that are no unfiled row and none of the incident: unknown, or of another incident',
              }),
            }),
          },
        },
      },
    },
    { 404: 'No such incident', 422: 'Refused' },
  ),
});

/** Reading evidence and filing it by hand. */
export function registerEvidenceRoutes(app: ApiApp, options: ApiOptions): void {
  const { record, evidence } = options;

  /** The row and its incident; throws the problem of one that is not there. */
  async function rowOf(tenant: string, { id, eid }: { readonly id: string; readonly eid: string }) {
    const found = await record.evidenceStanding(tenant, id);
    if (!found) throw unknownIncident();
    const row = await evidence.get(tenant, found.id, eid);
    if (!row) throw new ApiProblem(404, 'evidence.unknown', 'The incident has no such evidence.');
    return { found, row };
  }

  app.openapi(listRoute, async (context) => {
    const { tenant } = context.get('caller');
    const found = await record.evidenceStanding(tenant, context.req.valid('param').id);
    if (!found) throw unknownIncident();
    const page = await readEvidencePage(pageRequest(context.req.valid('query')), (request) =>
      evidence.page(tenant, found.id, request),
    );
    context.get('accesses').evidence(found.id, page.items);
    return context.json({
      items: page.items.map((row) => evidenceJson(row, found.ref, found)),
      next: page.next,
    });
  });

  app.openapi(readRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { found, row } = await rowOf(tenant, context.req.valid('param'));
    context.get('accesses').evidence(found.id, [row]);
    return context.json(evidenceJson(row, found.ref, found));
  });

  const { signalRerun } = options;
  if (signalRerun !== undefined) {
    app.openapi(rerunRoute, async (context) => {
      const { tenant } = context.get('caller');
      const { found, row } = await rowOf(tenant, context.req.valid('param'));
      context.get('accesses').evidence(found.id, [row]);
      const query = signalQuery(row);
      if (query === undefined) {
        throw new ApiProblem(422, 'evidence.no_query', 'The row was not found by a query of Docket.', {
          satisfiedBy: 'Ask for a service signal: a row whose dialect is service_signal and that has content.query.',
        });
      }
      const again = await signalRerun.again(tenant, query);
      if (again.kind === 'busy') {
        throw new ApiProblem(
          503,
          'evidence.rerun_busy',
          'Another query is being asked again.',
          {},
          { 'retry-after': '5' },
        );
      }
      if (again.kind === 'unfinished') {
        throw new ApiProblem(422, 'evidence.rerun_unfinished', `The query ${again.reason}.`, {
          satisfiedBy: 'Run content.query yourself where ClickHouse is a server, with more time and memory.',
        });
      }
      const { asOf } = row.facts;
      return context.json({
        evidence: row.id,
        asOf: typeof asOf === 'string' ? asOf : null,
        told: toldBy(row),
        now: [...again.rows],
        more: again.more,
        query,
      });
    });
  }

  app.openapi(unfiledRoute, async (context) => {
    const { tenant } = context.get('caller');
    const page = await readEvidencePage(pageRequest(context.req.valid('query')), (request) =>
      evidence.unfiled(tenant, request),
    );
    context.get('accesses').evidence('', page.items);
    return context.json({ items: page.items.map((row) => evidenceJson(row, null, NO_STANDING)), next: page.next });
  });

  app.openapi(fileRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const { incident, evidence: ids } = context.req.valid('json');
    const found = await record.summary(tenant, incident);
    if (!found) throw unknownIncident();
    const wanted = [...new Set(ids)];
    const who = actor.kind === 'human' ? actor.name : `${actor.kind} ${actor.name}`;
    const filed = await evidence.file(tenant, found.id, wanted, { mode: 'manual', rule: `filed by ${who}`, score: 1 });
    const held = await evidence.existing(tenant, found.id, wanted);
    return context.json({ incident: found.ref, filed, missing: wanted.filter((id) => !held.has(id)) });
  });
}

/** The figures as JSON; as text where a policy has been at them. */
function toldBy(row: EvidenceRow): unknown {
  const data = row.content['data']?.value ?? null;
  if (data === null) return null;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

/** The evidence log's page request for a checked query. */
export function pageRequest(query: EvidenceQuery): EvidencePageRequest {
  const from = query.from === undefined ? undefined : parseUnixNano(query.from);
  const to = query.to === undefined ? undefined : parseUnixNano(query.to);
  return {
    limit: query.limit ?? LIMIT_DEFAULT,
    ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    ...(query.kind === undefined ? {} : { kinds: query.kind }),
    ...(query.actor === undefined ? {} : { actor: query.actor }),
    ...(query.service === undefined ? {} : { service: query.service }),
    ...(query.outcome === undefined ? {} : { outcome: query.outcome }),
    ...(query.q === undefined ? {} : { q: query.q }),
    ...(from === undefined ? {} : { fromUnixNano: from }),
    ...(to === undefined ? {} : { toUnixNano: to }),
  };
}
