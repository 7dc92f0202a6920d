import { z } from '@hono/zod-openapi';
import { EVIDENCE_KINDS, EVIDENCE_OUTCOMES } from '../record/evidence.ts';
import { INCIDENT_STATUSES, SEVERITIES } from '../record/incident-record.ts';
import { parseUnixNano } from './unix-nano.ts';

/** Shapes of what the API answers, for the OpenAPI document. */
const text = z.string();
const time = z.string().openapi({ format: 'date-time', example: '2026-11-22T20:31:00.123456789Z' });
const headSchema = z.object({ seq: z.int(), hash: text }).openapi('RecordHead');

export const actorSchema = z
  .object({
    kind: z.enum(['human', 'agent', 'service', 'import']),
    name: text,
    id: text.nullable(),
    onBehalfOf: text.optional(),
  })
  .openapi('Actor');

export const problemSchema = z
  .object({
    type: text,
    title: text,
    status: z.int(),
    code: text.openapi({ description: 'Stable; made for programs' }),
    detail: text,
    instance: text.optional(),
    errors: z.array(z.object({ path: text, message: text })).optional(),
    rule: text.optional(),
    satisfiedBy: text.optional(),
    head: headSchema.optional(),
    changed: z.array(z.unknown()).optional(),
    existing: z.unknown().optional(),
  })
  .openapi('Problem');

export const summarySchema = z
  .object({
    id: text,
    ref: text.openapi({ example: 'INC-42' }),
    title: text,
    status: z.enum(INCIDENT_STATUSES),
    severity: z.enum(SEVERITIES),
    head: headSchema,
    services: z.array(text),
    environments: z.array(text),
    startedAt: time,
    detectedAt: time,
    mitigatedAt: time.nullable(),
    resolvedAt: time.nullable(),
    updatedAt: time,
  })
  .openapi('IncidentSummary');

export const openedSchema = summarySchema
  .extend({ filed: z.int().openapi({ description: 'Evidence rows that had arrived before and belong to it now' }) })
  .openapi('OpenedIncident');

const items = z.array(z.looseObject({ id: text, label: text }));

export const briefSchema = z
  .object({
    id: text,
    ref: text,
    title: text,
    head: headSchema,
    since: z.int().nullable(),
    asOf: time,
    sections: z.array(
      z.object({
        key: text,
        title: text,
        lines: z.array(z.object({ text, ids: z.array(text) })),
        omitted: z.int(),
        noticed: z.literal(true).optional(),
      }),
    ),
  })
  .openapi('Brief');

export const recordSchema = z
  .object({
    id: text,
    ref: text,
    title: text,
    status: z.enum(INCIDENT_STATUSES),
    severity: z.enum(SEVERITIES),
    head: headSchema,
    brief: briefSchema,
    triggers: items,
    impact: z.looseObject({}).nullable(),
    services: z.array(text),
    environments: z.array(text),
    startedAt: time,
    detectedAt: time,
    mitigatedAt: time.nullable(),
    resolvedAt: time.nullable(),
    responsibilities: items,
    handoffs: items,
    participants: z.array(z.looseObject({ actor: actorSchema })),
    hypotheses: items,
    checks: items,
    gaps: items,
    contentions: items,
    decisions: items,
    actions: items,
    approvals: items,
    statusUpdates: items,
    messages: items,
    followUps: items,
    evidence: z.looseObject({ total: z.int(), counts: z.record(text, z.int()), agents: z.array(text) }),
    relations: items,
    fixation: z.looseObject({}),
    integrity: z.looseObject({ verified: z.boolean() }),
    policyVersion: text.nullable(),
  })
  .openapi('IncidentRecord');

export const entrySchema = z
  .object({
    tenant: text,
    incident: text,
    seq: z.int(),
    entryId: text,
    type: text,
    actor: actorSchema,
    occurredAt: time,
    recordedAt: time,
    body: z.record(text, z.unknown()),
    basis: z.array(text),
    prevHash: text,
    hash: text,
    policyDecision: text.optional(),
    traceId: text.optional(),
    spanId: text.optional(),
  })
  .openapi('Entry');

export const appendedSchema = z
  .object({ seq: z.int(), hash: text, entryId: text, incidentId: text, head: headSchema })
  .openapi('Appended');

export const boundSchema = appendedSchema.extend({ filed: z.int() }).openapi('Bound');

const contentSchema = z.object({
  captured: z.boolean(),
  value: text.nullable().optional(),
  bytes: z.int().nullable().optional(),
  digest: text.nullable().optional(),
});

export const evidenceSchema = z
  .object({
    id: text,
    kind: z.enum(EVIDENCE_KINDS),
    incident: text.nullable(),
    state: z.enum(['unfiled', 'linked', 'disputed', 'withdrawn']),
    occurredAt: time,
    endedAt: time.nullable(),
    receivedAt: time,
    outcome: z.enum(EVIDENCE_OUTCOMES),
    actor: actorSchema,
    service: text,
    environment: text,
    summary: text,
    tool: z
      .object({
        name: text,
        callId: text.nullable(),
        type: text.nullable(),
        mcpServer: text.nullable(),
        tier: z.enum(['read', 'write_record', 'mutate', 'unknown']),
        tierRule: text.nullable(),
      })
      .nullable(),
    model: z.object({ name: text, provider: text.nullable() }).nullable(),
    tokens: z.object({ input: z.number().nullable(), output: z.number().nullable() }).nullable(),
    conversationId: text.nullable(),
    sessionId: text.nullable(),
    content: z.record(text, contentSchema),
    redactions: z.array(
      z.object({
        path: text,
        class: text,
        rule: text,
        ruleVersion: z.number(),
        action: text,
        encodings: z.array(text),
        originalBytes: z.number(),
        fingerprint: text,
      }),
    ),
    link: z
      .object({ mode: z.enum(['explicit', 'bound', 'inferred', 'manual']), rule: text, score: z.number() })
      .nullable(),
    verdict: z
      .object({
        verdict: z.enum(['confirmed', 'disputed', 'withdrawn']),
        by: actorSchema,
        at: time,
        reason: text.nullable(),
      })
      .nullable(),
    source: z.object({
      traceId: text,
      spanId: text,
      signal: z.enum(['traces', 'logs', 'metrics', 'record', 'webhook', 'query']),
      alsoSeenAs: z.array(text),
    }),
    sourceFamily: text,
    trust: z.enum(['observed', 'self_reported', 'imported', 'untrusted_text']),
    dialect: text,
    namedRefs: z.array(text),
    facts: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
    policyVersion: text,
    digest: text,
  })
  .openapi('Evidence');

const attributes = z.record(text, text);

export const traceSchema = z
  .object({
    traceId: text,
    spans: z.array(
      z.object({
        traceId: text,
        spanId: text,
        parentSpanId: text,
        name: text,
        kind: text,
        service: text,
        startedAt: time,
        durationNano: text,
        statusCode: text,
        statusMessage: text,
        attributes,
        resourceAttributes: attributes,
        events: z.array(z.object({ at: time, name: text, attributes })),
      }),
    ),
    logs: z.array(
      z.object({
        at: time,
        traceId: text,
        spanId: text,
        severity: text,
        service: text,
        body: text,
        eventName: text,
        attributes,
      }),
    ),
    truncated: z.boolean(),
  })
  .openapi('Trace');

export const healthSchema = z
  .object({
    ready: z.boolean(),
    version: text,
    dataDir: text.optional(),
    components: z.array(
      z.object({
        name: text,
        ok: z.boolean(),
        note: z.boolean().optional(),
        detail: text,
        measures: z.record(text, z.number()).optional(),
      }),
    ),
  })
  .openapi('Health');

/** A page of items with the cursor of the next, null on the last page. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), next: text.nullable() });
}

/** Parts of requests. */

/** A whole number in a query, within bounds. */
export function wholeNumber(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be between ${minimum} and ${maximum}`)
    .openapi({ type: 'integer', minimum, maximum });
}

/** One or several of a closed set: repeated, or separated by commas. */
export function oneOrMore<const T extends readonly [string, ...string[]]>(values: T) {
  return z
    .union([z.string(), z.array(z.string())])
    .transform((value) => (typeof value === 'string' ? [value] : value).flatMap((each) => each.split(',')))
    .pipe(z.array(z.enum(values)).min(1).max(values.length))
    .openapi({ type: 'array', items: { type: 'string', enum: [...values] } });
}

export const timeText = z
  .string()
  .refine((value) => parseUnixNano(value) !== undefined, 'must be an RFC 3339 time, for example 2026-11-22T20:31:00Z')
  .openapi({ format: 'date-time' });

export const cursorText = z.string().min(1).max(1_024);

export const incidentParameter = z.object({
  id: z
    .string()
    .min(1)
    .max(200)
    .openapi({ param: { name: 'id', in: 'path' }, description: 'Id or ref', example: 'INC-42' }),
});

const actorText = z.string().min(1).max(200);

const customersAffected = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('count'), count: z.number() }),
  z.strictObject({ kind: z.literal('range'), from: z.number(), to: z.number() }),
  z.strictObject({ kind: z.literal('unknown') }),
]);

/** Exactly one key: the record says so in its own words, hence only described here. */
export const bindingSchema = z.record(z.string(), z.unknown()).openapi('Binding', {
  description:
    'Exactly one of traceId, conversationId, sessionId, agent (with from, to), service (with environment, from, to)',
  type: 'object',
  properties: {
    traceId: { type: 'string' },
    conversationId: { type: 'string' },
    sessionId: { type: 'string' },
    agent: { type: 'string' },
    service: { type: 'string' },
    environment: { type: 'string' },
    from: { type: 'string', format: 'date-time' },
    to: { type: 'string', format: 'date-time' },
  },
});

export const openSchema = z
  .strictObject({
    title: z.string(),
    severity: z.enum(SEVERITIES).optional(),
    ref: z.string().optional(),
    trigger: z
      .strictObject({
        source: z.enum(['alert', 'human', 'agent', 'slo', 'import']),
        title: z.string().optional(),
        rule: z.string().optional(),
        service: z.string().optional(),
        severity: z.enum(SEVERITIES).optional(),
        firedAt: timeText.optional(),
        customersAffected: customersAffected.optional(),
        deployTime: timeText.optional(),
        suspectedBlastArea: z.array(z.string()).optional(),
        fingerprint: z.string().optional(),
        externalRef: z.string().optional(),
      })
      .optional(),
    services: z.array(z.string()).optional(),
    environments: z.array(z.string()).optional(),
    startedAt: timeText.optional(),
    bind: z.union([bindingSchema, z.array(bindingSchema)]).optional(),
    entryId: z.string().optional(),
  })
  .openapi('OpenIncident');

export const commandSchema = z
  .strictObject({
    type: z.string().min(1).max(100).openapi({ example: 'hypothesis.propose' }),
    body: z.record(z.string(), z.unknown()),
    entryId: z.string().min(1).max(100).optional().openapi({ description: 'UUID; sending the same again is a no-op' }),
    expectedSeq: z.int().min(0).optional().openapi({ description: 'The head the sender decided on' }),
    basis: z.array(z.string().min(1).max(200)).max(1_000).optional(),
    occurredAt: timeText.optional(),
    policyDecision: z.string().max(200).optional(),
    traceId: z.string().max(64).optional(),
    spanId: z.string().max(64).optional(),
  })
  .openapi('Command');

/** The query of evidence lists. */
export const evidenceQuery = z.strictObject({
  kind: oneOrMore(EVIDENCE_KINDS).optional(),
  actor: actorText.optional(),
  service: actorText.optional(),
  outcome: z.enum(EVIDENCE_OUTCOMES).optional(),
  q: z.string().max(500).optional(),
  from: timeText.optional(),
  to: timeText.optional(),
  limit: wholeNumber(1, 500).optional(),
  cursor: cursorText.optional(),
});

export type EvidenceQuery = z.output<typeof evidenceQuery>;

export const incidentQuery = z.strictObject({
  status: oneOrMore(INCIDENT_STATUSES).optional(),
  service: actorText.optional(),
  severity: oneOrMore(SEVERITIES).optional(),
  q: z.string().max(500).optional(),
  from: timeText.optional(),
  to: timeText.optional(),
  limit: wholeNumber(1, 200).optional(),
  cursor: cursorText.optional(),
});
