import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import canonicalize from 'canonicalize';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import {
  DEFAULT_BUDGETS,
  namesOther,
  presetRules,
  type CompiledPolicy,
  type ContentRule,
  type FindingAction,
  type PolicyOverride,
  type PolicyRules,
  type PresetName,
  type UrlRules,
} from './policy.ts';
import { compileTest, PatternRefusedError } from './text-pattern.ts';

/** A larger policy file is refused unread. */
const POLICY_BYTES_MAX = 1024 * 1024;
/** Bump when the meaning of presets or of the built-in key classes changes: policies then get a new version. */
const ENGINE_VERSION = 2;

const pattern = z.string().min(1).max(512);
const patterns = z.array(pattern).min(1).max(256);

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

const contentRule = z
  .strictObject({
    match: z
      .strictObject(contentTarget)
      .refine(namesTarget, { message: 'name what the rule is about: class, attr or tool' })
      .optional(),
    ...contentTarget,
    action: z.enum(['keep', 'scan', 'scrub', 'withhold', 'mask', 'pseudonym', 'truncate', 'drop']),
    keep_last: z.int().min(0).max(16).optional(),
    bytes: z.int().min(0).max(1_048_576).optional(),
  })
  .refine((rule) => rule.match !== undefined || namesTarget(rule), {
    message: 'name what the rule is about: match, or class, attr or tool',
  })
  .refine((rule) => rule.match === undefined || !namesTarget(rule), {
    message: 'class, attr and tool stand under match or beside it, not both',
  });

const findingAction = z.strictObject({
  do: z.enum(['replace', 'redact', 'mask', 'pseudonym', 'truncate', 'keep']),
  keep_last: z.int().min(0).max(16).optional(),
  prefix: z.strictObject({ v4: z.int().min(0).max(32).optional(), v6: z.int().min(0).max(128).optional() }).optional(),
  stable: z
    .literal('tenant', {
      error: 'only tenant: telemetry is redacted before it is known which incident it belongs to',
    })
    .optional(),
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

const policySchema = z.strictObject({
  version: z.literal(1),
  id: policyName,
  preset: z.enum(['balanced', 'strict', 'open']).default('balanced'),
  mode: z.enum(['enforce', 'observe']).default('enforce'),
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
  tenants: z
    .record(
      z.string().min(1).max(128),
      z.strictObject({ extends: z.string().min(1).max(128).optional(), ...ruleFields }),
    )
    .optional(),
});

type PolicyDocument = z.infer<typeof policySchema>;
type RuleDocument = Pick<PolicyDocument, 'content' | 'keys' | 'actions' | 'allow' | 'urls' | 'sql' | 'unknown_fields'>;

export interface PolicyProblem {
  /** `file:line`. */
  readonly at: string;
  readonly message: string;
}

/** A policy file that cannot be used; lists every problem with file and line. */
export class PolicyError extends Error {
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[]) {
    super(problems.map((each) => `${each.at}: ${each.message}`).join('\n'));
    this.name = 'PolicyError';
    this.problems = problems;
  }
}

/** The policy in force when no file is named: preset `balanced`, id `default`. */
export function defaultPolicy(preset: PresetName = 'balanced'): CompiledPolicy {
  return compile({ version: 1, id: preset === 'balanced' ? 'default' : preset, preset, mode: 'enforce' });
}

/**
 * Loads a policy file, or the built-in policy when `path` is undefined. Throws PolicyError with every problem found: bad YAML,
 * unknown fields, patterns outside the safe subset; a missing file is a problem too, never a reason to go on without it.
 */
export function loadPolicy(path: string | undefined): CompiledPolicy {
  if (path === undefined) return defaultPolicy();
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > POLICY_BYTES_MAX) {
      throw new PolicyError([
        { at: `${path}:1`, message: `is ${size} bytes; a policy has at most ${POLICY_BYTES_MAX}` },
      ]);
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError([{ at: `${path}:1`, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` }]);
  }
  return parsePolicy(text, path);
}

/** Reads a policy from YAML. `file` is only for messages. */
export function parsePolicy(text: string, file: string): CompiledPolicy {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw new PolicyError([{ at: `${file}:1`, message: `a policy has at most ${POLICY_BYTES_MAX} bytes` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const syntax = [...document.errors, ...document.warnings].map((each) => ({
    at: `${file}:${lines.linePos(each.pos[0]).line}`,
    message: each.message.split('\n')[0] ?? 'is not YAML',
  }));
  if (syntax.length > 0) throw new PolicyError(syntax);
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new PolicyError([{ at: `${file}:1`, message: 'aliases are not allowed' }]);
  }
  const checked = policySchema.safeParse(plain);
  if (!checked.success) {
    throw new PolicyError(
      checked.error.issues.flatMap((issue): PolicyProblem[] => {
        const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
        if (issue.code === 'unrecognized_keys') {
          return issue.keys.map((key) => ({
            at: `${file}:${lineOf(document, lines, [...path, key])}`,
            message: `${[...path, key].join('.')}: there is no such field`,
          }));
        }
        return [
          {
            at: `${file}:${lineOf(document, lines, path)}`,
            message: `${path.join('.') || 'policy'}: ${issue.message}`,
          },
        ];
      }),
    );
  }
  return compile(checked.data, (path, message) => ({ at: `${file}:${lineOf(document, lines, path)}`, message }));
}

function lineOf(document: Document.Parsed, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    // A key's own position when there is one, else its value's, else the nearest parent's.
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    const key = path[length - 1];
    if (isNode(parent) && 'items' in parent) {
      for (const item of parent.items as unknown[]) {
        if (
          typeof item === 'object' &&
          item !== null &&
          'key' in item &&
          isNode(item.key) &&
          String(item.key) === key
        ) {
          return lines.linePos(item.key.range?.[0] ?? 0).line;
        }
      }
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node)) return lines.linePos(node.range?.[0] ?? 0).line;
  }
  return 1;
}

function urlRules(from: RuleDocument['urls'], base: UrlRules | undefined): UrlRules | undefined {
  if (from === undefined) return base;
  const allowed = from.query === undefined ? base?.allowedParameters : new Set(from.query.allow);
  const userinfo = from.userinfo === undefined ? base?.userinfo === true : from.userinfo === 'redact';
  return userinfo || allowed !== undefined ? { userinfo, allowedParameters: allowed } : undefined;
}

function compile(
  document: PolicyDocument,
  problemAt: (path: (string | number)[], message: string) => PolicyProblem = (path, message) => ({
    at: path.join('.'),
    message,
  }),
): CompiledPolicy {
  const problems: PolicyProblem[] = [];
  const tests = (
    sources: readonly string[] | undefined,
    path: (string | number)[],
  ): PolicyRules['redactKeys'] | undefined =>
    sources?.flatMap((source, index) => {
      try {
        return [compileTest(source)];
      } catch (error) {
        if (!(error instanceof PatternRefusedError)) throw error;
        problems.push(problemAt([...path, index], `${[...path, index].join('.')}: ${error.message}`));
        return [];
      }
    });
  const rulesOf = (from: RuleDocument, base: PolicyRules, path: (string | number)[]): PolicyRules => {
    const content = (from.content ?? []).map((each, index): ContentRule => {
      const at = [...path, 'content', index];
      const target = each.match ?? each;
      const targetAt = each.match === undefined ? at : [...at, 'match'];
      return {
        classes: target.class,
        attributes: tests(target.attr, [...targetAt, 'attr']),
        tools: tests(target.tool, [...targetAt, 'tool']),
        treatment: {
          action: each.action === 'scan' ? 'scrub' : each.action,
          keepLast: each.keep_last ?? 4,
          bytes: each.bytes ?? (each.action === 'truncate' ? 2048 : Number.POSITIVE_INFINITY),
        },
      };
    });
    const findings = new Map(base.findings);
    const add = (name: string, action: z.infer<typeof findingAction> | undefined): void => {
      if (action === undefined) return;
      const compiled: FindingAction = {
        do: action.do === 'replace' ? 'redact' : action.do,
        keepLast: action.keep_last ?? 4,
        prefixV4: action.prefix?.v4 ?? 24,
        prefixV6: action.prefix?.v6 ?? 48,
      };
      findings.set(name, compiled);
    };
    add('secret', from.actions?.secret);
    add('pii', from.actions?.pii);
    add('internal', from.actions?.internal);
    for (const [name, action] of Object.entries(from.actions?.rules ?? {})) add(name, action);
    const allow = (from.allow ?? []).flatMap((each, index) =>
      (tests([each.value], [...path, 'allow', index, 'value']) ?? []).map((value) => ({
        rules: new Set(each.rules),
        value,
      })),
    );
    return {
      content: [...content, ...base.content],
      redactKeys: [...base.redactKeys, ...(tests(from.keys?.redact, [...path, 'keys', 'redact']) ?? [])],
      ignoreKeys: [...base.ignoreKeys, ...(tests(from.keys?.ignore, [...path, 'keys', 'ignore']) ?? [])],
      findings,
      allow: [...base.allow, ...allow],
      keepsPrivateAddresses:
        from.actions?.private_addresses === undefined
          ? base.keepsPrivateAddresses
          : from.actions.private_addresses === 'keep',
      urls: urlRules(from.urls, base.urls),
      redactsSqlLiterals: from.sql === undefined ? base.redactsSqlLiterals : from.sql.literals === 'redact',
      unknownFields: from.unknown_fields ?? base.unknownFields,
      withholdsOther: namesOther([...content, ...base.content]),
    };
  };
  const rules = rulesOf(document, presetRules(document.preset), []);
  const overrides = (document.overrides ?? []).map((each, index): PolicyOverride => ({
    tenants: tests(each.match.tenant, ['overrides', index, 'match', 'tenant']),
    services: tests(each.match.service, ['overrides', index, 'match', 'service']),
    rules: rulesOf(each, rules, ['overrides', index]),
  }));
  if (document.tenants !== undefined && overrides.length > 0) {
    problems.push(
      problemAt(['tenants'], 'tenants: use either tenants or overrides, as one record could fall under both'),
    );
  }
  const tenantRules = new Map<string, PolicyRules>();
  const rulesOfTenant = (
    name: string,
    from: RuleDocument & { extends?: string | undefined },
    chain: string[],
  ): PolicyRules => {
    const known = tenantRules.get(name);
    if (known !== undefined) return known;
    let base = rules;
    if (from.extends !== undefined && from.extends !== document.id) {
      const parents = document.tenants ?? {};
      const parent = Object.hasOwn(parents, from.extends) ? parents[from.extends] : undefined;
      const at = ['tenants', name, 'extends'];
      if (parent === undefined) {
        problems.push(problemAt(at, `${at.join('.')}: neither this policy's id nor a tenant in it`));
      } else if (chain.includes(from.extends)) {
        problems.push(problemAt(at, `${at.join('.')}: a tenant cannot extend itself`));
      } else {
        base = rulesOfTenant(from.extends, parent, [...chain, from.extends]);
      }
    }
    const own = rulesOf(from, base, ['tenants', name]);
    tenantRules.set(name, own);
    return own;
  };
  for (const [name, from] of Object.entries(document.tenants ?? {})) {
    overrides.push({
      tenants: [(tenant) => tenant === name],
      services: undefined,
      rules: rulesOfTenant(name, from, [name]),
    });
  }
  if (problems.length > 0) throw new PolicyError(problems);
  const hash = createHash('sha256')
    .update(canonicalize({ engine: ENGINE_VERSION, policy: document }) ?? '')
    .digest('hex');
  return {
    id: document.id,
    preset: document.preset,
    hash,
    version: `${document.id}@${hash.slice(0, 12)}`,
    mode: document.mode,
    budgets: {
      valueBytes: document.budgets?.value_bytes ?? DEFAULT_BUDGETS.valueBytes,
      decodeDepth: document.budgets?.decode_depth ?? DEFAULT_BUDGETS.decodeDepth,
      recordMs: document.budgets?.record_ms ?? DEFAULT_BUDGETS.recordMs,
      requestMs: document.budgets?.request_ms ?? DEFAULT_BUDGETS.requestMs,
    },
    rules,
    overrides,
  };
}
