import { createRoute, z } from '@hono/zod-openapi';
import { ALERT_SOURCES, type InvalidWebhook, type WebhookIntake } from '../../record/webhook-intake.ts';
import { answers, type ApiApp } from '../api-context.ts';
import { ApiProblem } from '../problem.ts';

const json = 'application/json';
const anyJson = z.unknown().openapi({ type: 'object', description: 'As the sender makes it' });

const alertsRoute = createRoute({
  method: 'post',
  path: '/api/v1/alerts/{source}',
  tags: ['Webhooks'],
  summary: 'Alerts that open or feed incidents, deduplicated by fingerprint',
  request: {
    params: z.object({
      source: z.enum(ALERT_SOURCES).openapi({ param: { name: 'source', in: 'path' } }),
    }),
    body: { required: true, content: { [json]: { schema: anyJson } } },
  },
  responses: answers(
    {
      200: {
        description: 'What became of each alert, in the order of the payload',
        content: {
          [json]: {
            schema: z.object({
              alerts: z.array(
                z.object({
                  fingerprint: z.string(),
                  status: z.enum(['firing', 'resolved']),
                  evidence: z.string(),
                  incident: z.string().nullable().openapi({ description: 'Ref; null while it is unfiled' }),
                  effect: z.enum(['opened', 'fed', 'updated', 'unfiled']),
                }),
              ),
            }),
          },
        },
      },
    },
    { 422: 'The payload is not what this source sends; every wrong field is named' },
  ),
});

const changesRoute = createRoute({
  method: 'post',
  path: '/api/v1/changes',
  tags: ['Webhooks'],
  summary: 'A deploy, configuration change, flag flip or other change',
  request: {
    body: {
      required: true,
      content: {
        [json]: {
          schema: anyJson.openapi({
            example: {
              title: 'Deploy checkout 1.4.2',
              kind: 'deploy',
              service: 'checkout',
              environment: 'prod',
              before: '1.4.1',
              after: '1.4.2',
              at: '2026-11-22T20:31:00Z',
              by: 'release-bot',
              url: 'https://ci.example/runs/7',
              id: 'run-7',
            },
          }),
        },
      },
    },
  },
  responses: answers(
    {
      201: {
        description: 'Kept; filed under the incidents whose services and window it fits',
        content: { [json]: { schema: z.object({ evidence: z.string(), incidents: z.array(z.string()) }) } },
      },
    },
    { 422: 'A field is wrong' },
  ),
});

/** Webhooks of monitoring and delivery systems. */
export function registerAlertRoutes(app: ApiApp, intake: WebhookIntake): void {
  app.openapi(alertsRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const { source } = context.req.valid('param');
    const result = await intake.alerts(tenant, actor, source, context.req.valid('json'));
    if (result.kind === 'invalid') throw invalid(result);
    return context.json({ alerts: [...result.alerts] }, 200);
  });

  app.openapi(changesRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const result = await intake.change(tenant, actor, context.req.valid('json'));
    if (result.kind === 'invalid') throw invalid(result);
    return context.json({ evidence: result.evidence, incidents: [...result.incidents] }, 201);
  });
}

function invalid({ fields }: InvalidWebhook): ApiProblem {
  return new ApiProblem(
    422,
    'webhook.invalid',
    `The payload cannot be taken: ${fields.length === 1 ? 'one field is' : `${fields.length} fields are`} wrong.`,
    { errors: fields },
  );
}
