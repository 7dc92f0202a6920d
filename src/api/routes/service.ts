import { createRoute, z } from '@hono/zod-openapi';
import { html } from 'hono/html';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { docsPage } from '../docs-page.tsx';
import { healthSchema } from '../schema.ts';

const json = 'application/json';

const aliveRoute = createRoute({
  method: 'get',
  path: '/healthz',
  tags: ['Service'],
  summary: 'The process is alive',
  responses: {
    200: {
      description: 'Alive',
      content: { [json]: { schema: z.object({ status: z.literal('ok'), version: z.string() }) } },
    },
  },
});

const readyRoute = createRoute({
  method: 'get',
  path: '/readyz',
  tags: ['Service'],
  summary: 'The service can take work',
  responses: {
    200: { description: 'Ready', content: { [json]: { schema: healthSchema } } },
    503: { description: 'Not ready, and why', content: { [json]: { schema: healthSchema } } },
  },
});

const metricsRoute = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['Service'],
  summary: "Docket's own metrics, in the Prometheus text format",
  responses: answers({ 200: { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } } }),
});

/** Health, metrics, and the API's own description. */
export function registerServiceRoutes(app: ApiApp, options: ApiOptions): void {
  const { version } = options;

  app.openapi(aliveRoute, (context) => context.json({ status: 'ok' as const, version }));

  app.openapi(readyRoute, async (context) => {
    const { ready, components, dataDir } = await options.health();
    // Probes come without a token; a path of the machine is not for everybody.
    const isKnown = dataDir !== undefined && options.identify(context.req.raw) !== undefined;
    const body = { ready, version, ...(isKnown ? { dataDir } : {}), components: [...components] };
    return context.json(body, ready ? 200 : 503);
  });

  app.openapi(metricsRoute, async (context) =>
    context.body(await options.metricsText(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );

  const description = {
    openapi: '3.1.0',
    info: {
      title: 'Docket',
      version,
      description: 'The incident record: evidence from telemetry, and what people and agents decided on it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { token: [] }],
  };
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  let document: ReturnType<ApiApp['getOpenAPI31Document']> | undefined;
  const openapi = (): ReturnType<ApiApp['getOpenAPI31Document']> =>
    (document ??= app.getOpenAPI31Document(description));
  app.get('/openapi.json', (context) => context.json(openapi()));
  app.get('/docs', (context) => context.html(html`<!doctype html>${docsPage(openapi())}`));
}
