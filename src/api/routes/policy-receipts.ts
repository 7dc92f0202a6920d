import { createRoute, z } from '@hono/zod-openapi';
import type { StoredReceipt } from '../../record/receipt-reader.ts';
import { answers, type ApiApp, type ApiOptions } from '../api-context.ts';
import { ApiProblem } from '../problem.ts';

const RECEIPTS_DEFAULT = 500;
const RECEIPTS_MAX = 1_000;
const json = 'application/json';

const receiptSchema = z
  .object({
    receivedAt: z.string(),
    signal: z.string(),
    traceId: z.string(),
    spanId: z.string(),
    frame: z.string(),
    item: z.int(),
    policyVersion: z.string(),
    path: z.string(),
    class: z.string(),
    rule: z.string(),
    ruleVersion: z.int(),
    action: z.string(),
    encodings: z.array(z.string()),
    originalBytes: z.number(),
    fingerprint: z.string(),
  })
  .openapi('RedactionReceipt');

const receiptsSchema = z
  .object({
    items: z.array(receiptSchema),
    /** True when there are more than were asked for. */
    truncated: z.boolean(),
  })
  .openapi('RedactionReceipts');

const hex = (length: number, name: string) =>
  z
    .string()
    .toLowerCase()
    .regex(new RegExp(`^[0-9a-f]{${length}}$`), `must be ${length} hex digits`)
    .openapi({ param: { name, in: 'query' } });

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/receipts',
  tags: ['Redaction'],
  summary: 'What redaction did to the records of a trace or span: places, rules, sizes and fingerprints, never values',
  request: {
    query: z.strictObject({
      traceId: hex(32, 'traceId'),
      spanId: hex(16, 'spanId').optional(),
      limit: z.coerce.number().int().min(1).max(RECEIPTS_MAX).optional(),
    }),
  },
  responses: answers({
    200: { description: 'Receipts, oldest first', content: { [json]: { schema: receiptsSchema } } },
  }),
});

const evidenceRoute = createRoute({
  method: 'get',
  path: '/api/v1/receipts/evidence/{id}',
  tags: ['Redaction'],
  summary: 'What redaction did to the telemetry an evidence row was made from',
  request: {
    params: z.object({
      id: z
        .string()
        .min(1)
        .max(200)
        .openapi({ param: { name: 'id', in: 'path' } }),
    }),
  },
  responses: answers(
    {
      200: {
        description: 'The receipts; those on the row itself when it came from no trace',
        content: {
          [json]: {
            schema: receiptsSchema.extend({
              evidence: z.object({
                id: z.string(),
                kind: z.string(),
                summary: z.string(),
                traceId: z.string(),
                policyVersion: z.string(),
              }),
            }),
          },
        },
      },
    },
    { 404: 'No such evidence' },
  ),
});

/** Reading redaction receipts back. */
export function registerReceiptRoutes(app: ApiApp, options: ApiOptions): void {
  const { receipts } = options;
  if (receipts === undefined) return;

  app.openapi(listRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { traceId, spanId, limit = RECEIPTS_DEFAULT } = context.req.valid('query');
    const items = await receipts.ofTrace(tenant, traceId, spanId === undefined ? [] : [spanId], limit);
    return context.json({ items: items.map(copied), truncated: items.length === limit });
  });

  app.openapi(evidenceRoute, async (context) => {
    const { tenant } = context.get('caller');
    const origin = await receipts.evidenceOrigin(tenant, context.req.valid('param').id);
    if (!origin) throw new ApiProblem(404, 'evidence.unknown', 'There is no such evidence.');
    const { evidenceId: id, kind, summary, traceId, spanIds, policyVersion } = origin;
    const items =
      traceId === '' ? ownReceipts(origin.redactions) : await receipts.ofTrace(tenant, traceId, spanIds, RECEIPTS_MAX);
    return context.json({
      evidence: { id, kind, summary, traceId, policyVersion },
      items: items.map((each) => ({ ...copied(each), policyVersion: each.policyVersion || policyVersion })),
      truncated: items.length === RECEIPTS_MAX,
    });
  });
}

function copied(receipt: StoredReceipt) {
  return { ...receipt, encodings: [...receipt.encodings] };
}

/** A row that came from no trace, such as a lone log record, keeps its receipts with it. */
function ownReceipts(redactions: string): readonly StoredReceipt[] {
  const parsed: unknown = redactions === '' ? [] : JSON.parse(redactions);
  if (!Array.isArray(parsed)) return [];
  return (
    parsed as Pick<
      StoredReceipt,
      'path' | 'class' | 'rule' | 'ruleVersion' | 'action' | 'encodings' | 'originalBytes' | 'fingerprint'
    >[]
  ).map((each) => ({
    receivedAt: '',
    signal: '',
    traceId: '',
    spanId: '',
    frame: '',
    item: 0,
    policyVersion: '',
    path: each.path,
    class: each.class,
    rule: each.rule,
    ruleVersion: each.ruleVersion,
    action: each.action,
    encodings: each.encodings,
    originalBytes: each.originalBytes,
    fingerprint: each.fingerprint,
  }));
}
