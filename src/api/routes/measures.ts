import { createRoute, z } from '@hono/zod-openapi';
import { createMeasureReader, type MeasureWindow } from '../../record/memory/record-measures.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { unknownIncident } from '../problem.ts';

const json = 'application/json';
const text = z.string();
const counted = z.object({ count: z.int(), ids: z.array(text) });
const window = z.object({ from: text.nullable(), to: text.nullable() });
const share = z.object({ share: z.number().nullable(), of: z.int(), count: z.int() });
const graded = z.object({ judged: z.int(), grade: z.number().nullable() });

const query = z.strictObject({
  from: z.iso.datetime({ offset: true }).optional().openapi({ description: 'Incidents that started at or after this' }),
  to: z.iso.datetime({ offset: true }).optional(),
  incident: z.string().min(1).max(200).optional().openapi({ description: 'Only this one, by ref or id' }),
});

const recordMeasuresSchema = z
  .object({
    window,
    measured: z.int(),
    imported: z.int().openapi({ description: 'Imported incidents, which are not measured' }),
    truncated: z.boolean(),
    timeToContext: z.object({
      medianSeconds: z.number().nullable(),
      worstSeconds: z.number().nullable(),
      reached: z.int(),
      notReached: z.int(),
    }),
    handoffQuality: share.extend({ reopenedWithinHour: z.int() }),
    followThrough: share.extend({ overdue: z.int(), repeatedChecks: z.int() }),
    explainedChanges: share.extend({ unapproved: z.int() }),
    incidents: z.array(
      z.object({
        incident: z.object({ id: text, ref: text, title: text, startedAt: text }),
        timeToContext: z.object({ seconds: z.number().nullable(), ids: z.array(text) }),
        handoffs: z.record(text, counted),
        followThrough: z.record(text, counted),
        explainedChanges: z.record(text, counted),
      }),
    ),
  })
  .openapi('RecordMeasures');

const agentMeasuresSchema = z
  .object({
    window,
    truncated: z.boolean(),
    agents: z.array(
      z.object({
        agent: z.looseObject({ kind: text, name: text }),
        claims: z.int(),
        judged: z.int(),
        upheld: z.int(),
        edited: z.int(),
        overturned: z.int(),
        grade: z.number().nullable(),
        byKind: z.object({ hypothesis: graded, draft: graded, evidence: graded }),
        items: z.array(z.looseObject({ incident: text, id: text, kind: text, verdict: text })),
      }),
    ),
  })
  .openapi('AgentMeasures');

const recordRoute = createRoute({
  method: 'get',
  path: '/api/v1/metrics/record',
  tags: ['Memory'],
  summary: 'The four measures: time to context, handoff quality, follow-through, explained changes',
  description: 'Counted from the logs of the incidents in the window; every number comes with the ids behind it.',
  request: { query },
  responses: answers(
    { 200: { description: 'The measures', content: { [json]: { schema: recordMeasuresSchema } } } },
    { 404: 'No such incident' },
  ),
});

const agentsRoute = createRoute({
  method: 'get',
  path: '/api/v1/metrics/agents',
  tags: ['Memory'],
  summary: 'What agents claimed, and what people made of each claim',
  request: { query },
  responses: answers(
    {
      200: {
        description: 'Agents by how much of theirs was judged',
        content: { [json]: { schema: agentMeasuresSchema } },
      },
    },
    { 404: 'No such incident' },
  ),
});

/** How well the record does its work, and the agents theirs. */
export function registerMeasureRoutes(app: ApiApp, options: Pick<ApiOptions, 'record' | 'evidence'>): void {
  const measures = createMeasureReader({ record: options.record, evidenceLog: options.evidence });

  app.openapi(recordRoute, async (context) => {
    const { tenant } = context.get('caller');
    const found = await measures.record(tenant, context.req.valid('query') as MeasureWindow);
    if (found === undefined) throw unknownIncident();
    return context.json(found as unknown as z.input<typeof recordMeasuresSchema>, 200);
  });

  app.openapi(agentsRoute, async (context) => {
    const { tenant } = context.get('caller');
    const found = await measures.agents(tenant, context.req.valid('query') as MeasureWindow);
    if (found === undefined) throw unknownIncident();
    return context.json(found as unknown as z.input<typeof agentMeasuresSchema>, 200);
  });
}
