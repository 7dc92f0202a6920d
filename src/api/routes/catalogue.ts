import { createRoute, z } from '@hono/zod-openapi';
import type { CatalogueIntake } from '../../record/service-catalogue.ts';
import { answers, type ApiApp } from '../api-context.ts';
import { ApiProblem } from '../problem.ts';

const json = 'application/json';
const TEXT_MAX = 1_000_000;

const sourceName = z
  .string()
  .regex(/^[\w.:@-]{1,200}$/)
  .openapi({ example: 'checkout-repository', description: 'A name of the caller; the same one replaces' });

const entrySchema = z
  .object({
    name: z.string(),
    owners: z.array(z.string()),
    onCall: z.string(),
    dependsOn: z.array(z.string()),
    runbooks: z.array(z.object({ title: z.string(), url: z.string() })),
    description: z.string(),
    origin: z.string(),
  })
  .openapi('CatalogueService');

const putRoute = createRoute({
  method: 'post',
  path: '/api/v1/catalogue',
  tags: ['Catalogue'],
  summary: 'Takes a Backstage catalog-info.yaml, a CODEOWNERS file, or services in plain YAML',
  request: {
    body: {
      required: true,
      content: {
        [json]: {
          schema: z.strictObject({
            source: sourceName,
            fileName: z.string().min(1).max(200).openapi({ example: 'catalog-info.yaml' }),
            text: z.string().min(1).max(TEXT_MAX).openapi({ example: 'services:\n  checkout:\n    owner: shop\n' }),
          }),
        },
      },
    },
  },
  responses: answers(
    {
      200: {
        description: 'What it says holds from now on, in the place of what this source said before',
        content: { [json]: { schema: z.object({ services: z.array(z.string()), unreadable: z.int() }) } },
      },
    },
    { 403: 'Agents do not say who owns a service', 422: 'It names no service' },
  ),
});

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/catalogue',
  tags: ['Catalogue'],
  summary: 'Services with their owners and runbooks, from files and from what was given here',
  responses: answers({
    200: {
      description: 'The catalogue',
      content: {
        [json]: {
          schema: z.object({
            sources: z.array(
              z.object({
                source: z.string(),
                fileName: z.string(),
                services: z.int(),
                putAt: z.string(),
                putBy: z.string(),
              }),
            ),
            services: z.array(entrySchema),
          }),
        },
      },
    },
  }),
});

const removeRoute = createRoute({
  method: 'delete',
  path: '/api/v1/catalogue/{source}',
  tags: ['Catalogue'],
  summary: 'Forgets what a source said',
  request: { params: z.object({ source: sourceName.openapi({ param: { name: 'source', in: 'path' } }) }) },
  responses: answers(
    { 204: { description: 'Forgotten' } },
    { 403: 'Agents do not say who owns a service', 404: 'No such source' },
  ),
});

/** Who owns services and what to do when they fail, as delivery systems know it. */
export function registerCatalogueRoutes(app: ApiApp, catalogue: CatalogueIntake): void {
  app.openapi(putRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    refuseAgents(actor.kind);
    const { source, fileName, text } = context.req.valid('json');
    const taken = await catalogue.put(tenant, actor, source, { fileName, text });
    if (taken.kind === 'invalid') {
      throw new ApiProblem(422, 'catalogue.invalid', 'The document cannot be taken.', { errors: taken.fields });
    }
    return context.json({ services: [...taken.services], unreadable: taken.unreadable }, 200);
  });

  app.openapi(listRoute, (context) => {
    const { tenant } = context.get('caller');
    const sources = catalogue.sources(tenant).map(({ source, fileName, entries, putAt, putBy }) => ({
      source,
      fileName,
      services: entries.length,
      putAt: putAt.toISOString(),
      putBy: putBy.name,
    }));
    const services = catalogue.services(tenant).map((entry) => ({
      ...entry,
      owners: [...entry.owners],
      dependsOn: [...entry.dependsOn],
      runbooks: entry.runbooks.map((link) => ({ ...link })),
    }));
    return context.json({ sources, services }, 200);
  });

  app.openapi(removeRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    refuseAgents(actor.kind);
    if (!(await catalogue.remove(tenant, context.req.valid('param').source))) {
      throw new ApiProblem(404, 'catalogue.unknown_source', 'The catalogue has no source of this name.');
    }
    return context.body(null, 204);
  });
}

function refuseAgents(kind: string): void {
  if (kind === 'agent') {
    throw new ApiProblem(403, 'catalogue.not_allowed', 'A human or a service says who owns a service, not an agent.');
  }
}
