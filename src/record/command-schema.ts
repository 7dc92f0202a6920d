import { z } from 'zod';
import { bindingSchema } from './binding.ts';
import { instant, line, lines, MAX_ITEMS, references } from './body-field.ts';
import { refSchema, UUID_PATTERN } from './incident.ts';
import { SEVERITIES } from './incident-record.ts';
import { triggerSchema } from './trigger.ts';

const uuid = z
  .string()
  .regex(UUID_PATTERN, 'must be a UUID')
  .transform((value) => value.toLowerCase());

// Checked and not copied: a copy would lose `__proto__`, which the type's schema must see to refuse.
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What surrounds the body of every command. */
export const commandSchema = z.strictObject({
  type: z.string().min(1).max(100),
  body: z.custom<object>(isObject, 'must be an object').default({}),
  entryId: uuid.optional(),
  expectedSeq: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  basis: references().default([]),
  occurredAt: instant().optional(),
  policyDecision: line(200).optional(),
  traceId: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits')
    .optional(),
  spanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits')
    .optional(),
});

/** The body of `POST /incidents`. */
export const openIncidentSchema = z.strictObject({
  title: line(300),
  severity: z.enum(SEVERITIES).default('unknown'),
  ref: refSchema.optional(),
  trigger: triggerSchema.optional(),
  services: lines(200).default([]),
  environments: lines(200).default([]),
  startedAt: instant().optional(),
  bind: z.union([z.array(bindingSchema).max(MAX_ITEMS), bindingSchema.transform((one) => [one])]).default([]),
  entryId: uuid.optional(),
});
