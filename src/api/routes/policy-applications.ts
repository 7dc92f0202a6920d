import { createRoute, z } from '@hono/zod-openapi';
import type { PolicyApplicationStatus, PolicyApplications } from '../../record/policy-application.ts';
import { answers, type ApiApp } from '../api-context.ts';
import { ApiProblem } from '../problem.ts';

const json = 'application/json';

const statusSchema = z
  .object({
    id: z.string(),
    policyVersion: z.string(),
    since: z.string(),
    until: z.string(),
    startedAt: z.string(),
    endedAt: z.string().nullable(),
    state: z.enum(['running', 'done', 'failed', 'superseded']),
    step: z.string(),
    tables: z.array(z.object({ table: z.string(), rows: z.int(), changed: z.int() })),
    redactions: z.array(z.object({ rule: z.string(), count: z.int() })),
    entries: z.object({ looked: z.int(), kept: z.int(), named: z.array(z.string()) }),
    remaining: z.int(),
    problem: z.string().nullable(),
  })
  .openapi('PolicyApplication');

const beginRoute = createRoute({
  method: 'post',
  path: '/api/v1/policy/applications',
  tags: ['Redaction'],
  summary: 'Redacts again, under the policy in force, what older policies let into the store',
  request: {
    body: { content: { [json]: { schema: z.strictObject({ since: z.iso.datetime() }) } }, required: true },
  },
  responses: answers(
    { 202: { description: 'It has begun', content: { [json]: { schema: statusSchema } } } },
    {
      403: 'Agents may not change what is stored',
      409: 'One is under way, or the policy in force observes only',
      422: 'The body is not valid',
    },
  ),
});

const statusRoute = createRoute({
  method: 'get',
  path: '/api/v1/policy/applications/latest',
  tags: ['Redaction'],
  summary: 'Where the latest application of the policy to what is stored stands: counts, never values',
  responses: answers(
    { 200: { description: 'Its counts', content: { [json]: { schema: statusSchema } } } },
    { 404: 'There was none' },
  ),
});

/** Applying the policy to what is stored. */
export function registerPolicyApplicationRoutes(app: ApiApp, applications: PolicyApplications): void {
  app.openapi(beginRoute, (context) => {
    const { tenant, actor } = context.get('caller');
    if (actor.kind !== 'human' && actor.kind !== 'service') {
      throw new ApiProblem(403, 'policy.not_allowed', 'A human or a service applies the policy to what is stored.');
    }
    const start = applications.begin(tenant, new Date(context.req.valid('json').since));
    if (start.kind === 'observing') {
      throw new ApiProblem(409, 'policy.observes', 'The policy in force observes only: it would change nothing.');
    }
    if (start.kind === 'busy') {
      throw new ApiProblem(409, 'policy.busy', 'The policy is being applied to what is stored already.');
    }
    return context.json(copied(start.status), 202);
  });

  app.openapi(statusRoute, (context) => {
    const status = applications.status(context.get('caller').tenant);
    if (status === undefined) {
      throw new ApiProblem(404, 'policy.never_applied', 'The policy was never applied to what is stored.');
    }
    return context.json(copied(status), 200);
  });
}

function copied(status: PolicyApplicationStatus) {
  const { tables, redactions, entries } = status;
  return {
    ...status,
    tables: [...tables],
    redactions: [...redactions],
    entries: { ...entries, named: [...entries.named] },
  };
}
