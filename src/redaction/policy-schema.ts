import { z } from 'zod';

const TENANTS_MAX = 1_024;

const pattern = z.string().min(1).max(512);
const patterns = z.array(pattern).min(1).max(256);

const reach = z.enum(['tenant', 'incident']).optional();

const contentTarget = {
  class: z
    .array(z.string().regex(/^[a-z_]+(?:\.[a-z_]+)*(?:\.\*)?$/))
    .min(1)
    .max(64)
    .optional(),
  attr: patterns.optional(),
  tool: patterns.optional(),
};

const namesTarget = (target: { class?: unknown; attr?: unknown; tool?: unknown }): boolean =>
  target.class !== undefined || target.attr !== undefined || target.tool !== undefined;

const roleAction = z.enum(['scan', 'scrub', 'withhold', 'mask', 'pseudonym', 'truncate', 'drop'], {
  error: 'one of scan, withhold, mask, pseudonym, truncate, drop',
});

const contentRule = z
  .strictObject({
    match: z
      .strictObject(contentTarget)
      .refine(namesTarget, { message: 'name what the rule is about: class, attr or tool' })
      .optional(),
    ...contentTarget,
    action: z.enum(['keep', 'scan', 'scrub', 'withhold', 'mask', 'pseudonym', 'truncate', 'drop']).optional(),
    roles: z
      .strictObject({
        system: roleAction.optional(),
        user: roleAction.optional(),
        assistant: roleAction.optional(),
        tool: roleAction.optional(),
      })
      .optional(),
    keep_keys: z.array(z.string().min(1).max(128)).min(1).max(256).optional(),
    keep_last: z.int().min(0).max(16).optional(),
    bytes: z.int().min(0).max(1_048_576).optional(),
  })
  .refine((rule) => rule.match !== undefined || namesTarget(rule), {
    message: 'name what the rule is about: match, or class, attr or tool',
  })
  .refine((rule) => rule.match === undefined || !namesTarget(rule), {
    message: 'class, attr and tool stand under match or beside it, not both',
  })
  .refine((rule) => rule.action !== undefined || rule.roles !== undefined, { message: 'give an action, or roles' })
  .refine((rule) => rule.roles === undefined || rule.action !== 'keep', {
    message: 'action beside roles is for content of no role named: it cannot be keep',
  })
  .refine((rule) => rule.keep_keys === undefined || rule.action === 'scan' || rule.action === 'scrub', {
    message: 'keep_keys goes with action scan: any other action takes the whole text',
  })
  .refine((rule) => rule.keep_keys === undefined || rule.roles === undefined, {
    message: 'keep_keys goes without roles: write a rule for the tool',
  });

const findingAction = z.strictObject({
  do: z.enum(['replace', 'redact', 'mask', 'pseudonym', 'truncate', 'keep']),
  keep_last: z.int().min(0).max(16).optional(),
  prefix: z.strictObject({ v4: z.int().min(0).max(32).optional(), v6: z.int().min(0).max(128).optional() }).optional(),
  stable: reach,
});

const ruleFields = {
  content: z.array(contentRule).max(256).optional(),
  keys: z.strictObject({ redact: patterns.optional(), ignore: patterns.optional() }).optional(),
  actions: z
    .strictObject({
      secret: findingAction.optional(),
      pii: findingAction.optional(),
      internal: findingAction.optional(),
      rules: z.record(z.string().min(1).max(128), findingAction).optional(),
      private_addresses: z.enum(['keep', 'redact']).optional(),
    })
    .optional(),
  allow: z
    .array(z.strictObject({ value: pattern, rules: z.array(z.string().min(1).max(128)).min(1).max(64) }))
    .max(256)
    .optional(),
  urls: z
    .strictObject({
      userinfo: z.enum(['redact', 'scan']).optional(),
      query: z.strictObject({ allow: z.array(z.string().min(1).max(128)).max(256) }).optional(),
    })
    .optional(),
  sql: z.strictObject({ literals: z.enum(['redact', 'scan']) }).optional(),
  unknown_fields: z.enum(['scrub', 'drop']).optional(),
};

const policyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'lower-case letters, digits, dots and dashes, 63 at most');

/** A policy file as it is written. */
export const policySchema = z.strictObject({
  version: z.literal(1),
  id: policyName,
  preset: z.enum(['balanced', 'strict', 'open']).default('balanced'),
  mode: z.enum(['enforce', 'observe']).default('enforce'),
  packs: z.array(z.string().min(1).max(512)).min(1).max(32).optional(),
  pseudonyms: z
    .strictObject({
      key_env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'the name of an environment variable')
        .optional(),
      key_id: z
        .string()
        .regex(/^[a-z0-9]{1,16}$/, 'lower-case letters and digits, 16 at most')
        .optional(),
      bits: z.int().min(48).max(96).multipleOf(8).optional(),
      stable: reach,
    })
    .refine((each) => each.key_id === undefined || each.key_env !== undefined, {
      message: 'key_id names the key in the variable of key_env: give that too',
    })
    .optional(),
  on_error: z
    .literal('redact_all', { error: 'only redact_all: what cannot be looked into is always withheld' })
    .optional(),
  budgets: z
    .strictObject({
      value_bytes: z.int().min(1024).max(4_194_304).optional(),
      decode_depth: z.int().min(0).max(8).optional(),
      record_ms: z.int().min(1).max(10_000).optional(),
      request_ms: z.int().min(1).max(60_000).optional(),
    })
    .optional(),
  ...ruleFields,
  overrides: z
    .array(
      z.strictObject({
        match: z
          .strictObject({ tenant: patterns.optional(), service: patterns.optional() })
          .refine((match) => match.tenant !== undefined || match.service !== undefined, {
            message: 'name a tenant or a service',
          }),
        ...ruleFields,
      }),
    )
    .max(256)
    .optional(),
  unknown_tenants: z.enum(['withhold', 'base']).optional(),
  tenants: z
    .record(
      z.string().min(1).max(128),
      z.strictObject({ extends: z.string().min(1).max(128).optional(), ...ruleFields }),
    )
    .refine((each) => Object.keys(each).length <= TENANTS_MAX, { message: `at most ${TENANTS_MAX} tenants` })
    .optional(),
});

export type PolicyDocument = z.infer<typeof policySchema>;
/** What holds for all, for a tenant or for an override. */
export type RuleDocument = Pick<
  PolicyDocument,
  'content' | 'keys' | 'actions' | 'allow' | 'urls' | 'sql' | 'unknown_fields'
>;
export type ContentRuleDocument = z.infer<typeof contentRule>;
export type FindingActionDocument = z.infer<typeof findingAction>;
