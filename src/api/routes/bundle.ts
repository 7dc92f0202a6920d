import { createRoute, z } from '@hono/zod-openapi';
import type { BundleExporter } from '../../record/bundle-exporter.ts';
import { answers, type ApiApp } from '../api-context.ts';
import { unknownIncident } from '../problem.ts';
import { incidentParameter } from '../schema.ts';

const BUNDLE_TYPE = 'application/vnd.in-toto+json';

const keySchema = z
  .object({
    keyId: z.string(),
    algorithm: z.literal('Ed25519'),
    publicKey: z.string().openapi({ description: 'SPKI in PEM' }),
  })
  .openapi('PublicKey');

const bundleRoute = createRoute({
  method: 'get',
  path: '/api/v1/incidents/{id}/bundle',
  tags: ['Incidents'],
  summary: 'The whole log, signed, as one file that can be verified without Docket',
  description:
    'An in-toto Statement in canonical JSON with a signature of its own: the subject digests are the head of the log and the ' +
    'rows of evidence, the predicate holds the entries, the digests of evidence (never its content), the signed checkpoints ' +
    'and the public key. `docket verify` checks it.',
  request: { params: incidentParameter },
  responses: answers(
    { 200: { description: 'The bundle', content: { [BUNDLE_TYPE]: { schema: z.string() } } } },
    { 404: 'No such incident' },
  ),
});

const keysRoute = createRoute({
  method: 'get',
  path: '/api/v1/keys',
  tags: ['Service'],
  summary: 'The public key that checkpoints and bundles are signed with',
  responses: answers({
    200: {
      description: 'The keys',
      content: { 'application/json': { schema: z.object({ keys: z.array(keySchema) }) } },
    },
  }),
});

/** Bundles and the key they are signed with. */
export function registerBundleRoutes(app: ApiApp, bundles: BundleExporter): void {
  app.openapi(bundleRoute, async (context) => {
    const { tenant, actor } = context.get('caller');
    const bundle = await bundles.export(tenant, context.req.valid('param').id, actor);
    if (!bundle) throw unknownIncident();
    return context.body(bundle.text, 200, {
      'content-type': BUNDLE_TYPE,
      'content-disposition': `attachment; filename="${bundle.name}"`,
      'cache-control': 'no-store',
    });
  });

  app.openapi(keysRoute, (context) => context.json({ keys: [bundles.publicKey] }));
}
