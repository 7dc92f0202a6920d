import { createRoute, z } from '@hono/zod-openapi';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { ApiProblem } from '../problem.ts';
import { traceSchema } from '../schema.ts';

export const TRACE_ID = /^[0-9a-f]{32}$/;

const readRoute = createRoute({
  method: 'get',
  path: '/api/v1/traces/{traceId}',
  tags: ['Telemetry'],
  summary: 'The stored spans and logs of a trace, redacted',
  request: {
    params: z.object({
      traceId: z
        .string()
        .toLowerCase()
        .regex(TRACE_ID, 'must be 32 hex digits')
        .openapi({ param: { name: 'traceId', in: 'path' }, example: '4bf92f3577b34da6a3ce929d0e0e4736' }),
    }),
  },
  responses: answers(
    { 200: { description: 'The trace', content: { 'application/json': { schema: traceSchema } } } },
    { 404: 'Nothing of the trace is stored' },
  ),
});

/** Reading stored telemetry. */
export function registerTraceRoutes(app: ApiApp, options: ApiOptions): void {
  app.openapi(readRoute, async (context) => {
    const { tenant } = context.get('caller');
    const trace = await options.telemetry.trace(tenant, context.req.valid('param').traceId);
    if (!trace) throw new ApiProblem(404, 'trace.unknown', 'Nothing of this trace is stored.');
    context.get('accesses').trace(context.req.valid('param').traceId);
    return context.json(trace);
  });
}
