import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import type { DetectorRule } from './detectors/rule.ts';
import {
  DEFAULT_BUDGETS,
  namesOther,
  namesTools,
  presetRules,
  unknownTenantRules,
  type CompiledPolicy,
  type ContentRule,
  type ContentAction,
  type FindingAction,
  type MessageRole,
  type PolicyOverride,
  type PolicyRules,
  type PresetName,
  type Treatment,
  type UrlRules,
} from './policy.ts';
import { parsePseudonymKey } from './pseudonym-key.ts';
import { PolicyError, readYaml, type PolicyProblem } from './policy-source.ts';
import type { PseudonymSettings } from './pseudonym.ts';
import { loadRulePack } from './rule-pack.ts';
import { compileTest, PatternRefusedError } from './text-pattern.ts';

export { PolicyError, type PolicyProblem } from './policy-source.ts';

/** A larger policy file is refused unread. */
const POLICY_BYTES_MAX = 1024 * 1024;
/**
 * Bump when the meaning of presets or of the built-in key classes changes, or what facts may hold: policies then get a new version, and
 * what earlier versions let in can be redacted again.
 */
const ENGINE_VERSION = 3;

/** Raised when rules of the pack begin to find more, less or something else. */
const BUILTIN_PACKS: ReadonlyMap<string, number> = new Map([
  ['builtin/secrets', 3],
  ['builtin/pii-core', 2],
]);
const BUILTIN_NAMES = [...BUILTIN_PACKS].map(([name, version]) => `${name}@${version}`).join(' and ');
const PSEUDONYM_BITS = 96;
/** Compiling a pattern takes up to half a millisecond, in which a running service that loads the file does nothing else. */
const PATTERNS_MAX = 4_096;
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

const policySchema = z.strictObject({
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

type PolicyDocument = z.infer<typeof policySchema>;
type RuleDocument = Pick<PolicyDocument, 'content' | 'keys' | 'actions' | 'allow' | 'urls' | 'sql' | 'unknown_fields'>;

/** Variables of the process, where a policy names one that holds a key. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The policy in force when no file is named: preset `balanced`, id `default`. */
export function defaultPolicy(preset: PresetName = 'balanced'): CompiledPolicy {
  return compile({ version: 1, id: preset === 'balanced' ? 'default' : preset, preset, mode: 'enforce' });
}

/**
 * Loads a policy file, or the built-in policy when `path` is undefined. Throws PolicyError with every problem found: bad YAML,
 * unknown fields, patterns outside the safe subset; a missing file is a problem too, never a reason to go on without it.
 */
export function loadPolicy(path: string | undefined, environment: Environment = process.env): CompiledPolicy {
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
    throw new PolicyError([{ at: path, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` }]);
  }
  return parsePolicy(text, path, environment);
}

/** Reads a policy from YAML. `file` is only for messages. */
export function parsePolicy(text: string, file: string, environment: Environment = process.env): CompiledPolicy {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) {
    throw new PolicyError([{ at: `${file}:1`, message: `a policy has at most ${POLICY_BYTES_MAX} bytes` }]);
  }
  const source = readYaml(text, file, policySchema);
  return compile(source.data, source.problemAt, file, environment);
}

function treatmentFrom(rule: z.infer<typeof contentRule>): Treatment {
  const plain = (action: string): Treatment => ({
    action: (action === 'scan' ? 'scrub' : action) as ContentAction,
    keepLast: rule.keep_last ?? 4,
    bytes: rule.bytes ?? (action === 'truncate' ? 2048 : Number.POSITIVE_INFINITY),
  });
  if (rule.roles === undefined) {
    const treatment = plain(rule.action ?? 'withhold');
    return rule.keep_keys === undefined ? treatment : { ...treatment, keepKeys: new Set(rule.keep_keys) };
  }
  const roles = new Map<MessageRole, Treatment>();
  for (const role of ['system', 'user', 'assistant', 'tool'] as const) {
    const action = rule.roles[role];
    if (action !== undefined) roles.set(role, plain(action));
  }
  return { ...plain(rule.action ?? 'withhold'), roles };
}

/** The rules of the packs that are files; a pack of Docket's own must be the one that this release has. */
function compilePacks(
  packs: readonly string[],
  file: string,
  problems: PolicyProblem[],
  problemAt: (path: (string | number)[], message: string) => PolicyProblem,
): DetectorRule[] {
  const rules: DetectorRule[] = [];
  const refuse = (index: number, message: string): void => {
    problems.push(problemAt(['packs', index], `packs.${index}: ${message}`));
  };
  const named = new Set<string>();
  for (const [index, pack] of packs.entries()) {
    const builtin = /^(builtin\/[a-z-]+)(?:@(\d+))?$/.exec(pack);
    if (builtin !== null) {
      const [, name = '', version] = builtin;
      const present = BUILTIN_PACKS.get(name);
      if (present === undefined) refuse(index, `there is no such pack; this release has ${BUILTIN_NAMES}`);
      else if (version !== undefined && Number(version) !== present)
        refuse(index, `this release has ${name}@${present}`);
      named.add(name);
    } else if (/^\.\/[^\\]{1,256}\.rules\.yaml$/.test(pack) && !pack.includes('..')) {
      try {
        rules.push(...loadRulePack(join(dirname(file), pack), new Set(rules.map((each) => each.id))));
      } catch (error) {
        if (!(error instanceof PolicyError)) throw error;
        problems.push(...error.problems);
      }
    } else {
      refuse(index, 'a pack is builtin/<name>@<version>, or a file ./<name>.rules.yaml beside the policy');
    }
  }
  for (const name of BUILTIN_PACKS.keys()) {
    if (packs.length > 0 && !named.has(name)) {
      const instead = 'actions with do: keep lets single classes and rules through';
      problems.push(problemAt(['packs'], `packs: ${name} cannot be left out; ${instead}`));
    }
  }
  return rules;
}

/** The key that a policy names by its variable. What is wrong with it is said without any of it. */
function readPseudonymKey(
  pseudonyms: PolicyDocument['pseudonyms'],
  environment: Environment,
  problems: PolicyProblem[],
  problemAt: (path: (string | number)[], message: string) => PolicyProblem,
): PseudonymSettings['key'] {
  const name = pseudonyms?.key_env;
  if (name === undefined) return undefined;
  const key = parsePseudonymKey(environment[name] ?? '');
  if (typeof key === 'string') {
    problems.push(problemAt(['pseudonyms', 'key_env'], `pseudonyms.key_env: the variable ${name} ${key}`));
    return undefined;
  }
  return { key: key.key, keyId: pseudonyms?.key_id ?? key.keyId, variable: name };
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
  file = '',
  environment: Environment = {},
): CompiledPolicy {
  const problems: PolicyProblem[] = [];
  const ownRules = compilePacks(document.packs ?? [], file, problems, problemAt);
  let patternsSeen = 0;
  const tests = (
    sources: readonly string[] | undefined,
    path: (string | number)[],
  ): PolicyRules['redactKeys'] | undefined =>
    sources?.flatMap((source, index) => {
      patternsSeen += 1;
      if (patternsSeen === PATTERNS_MAX + 1) {
        problems.push(problemAt([...path, index], `a policy has at most ${PATTERNS_MAX} patterns`));
      }
      if (patternsSeen > PATTERNS_MAX) return [];
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
        treatment: treatmentFrom(each),
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
        stable: action.stable,
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
      treatsTools: namesTools([...content, ...base.content]),
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
  if (document.unknown_tenants !== undefined && document.tenants === undefined) {
    problems.push(
      problemAt(['unknown_tenants'], 'unknown_tenants: goes with tenants; without them the policy holds for all'),
    );
  }
  const pseudonymKey = readPseudonymKey(document.pseudonyms, environment, problems, problemAt);
  if (problems.length > 0) throw new PolicyError(problems);
  const hash = createHash('sha256')
    .update(
      canonicalize({
        engine: ENGINE_VERSION,
        policy: document,
        ...(ownRules.length > 0 && { rules: ownRules }),
        ...(pseudonymKey !== undefined && { pseudonymKey: pseudonymKey.keyId }),
      } as unknown as object) ?? '',
    )
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
    ownRules,
    pseudonyms: {
      bits: document.pseudonyms?.bits ?? PSEUDONYM_BITS,
      stable: document.pseudonyms?.stable ?? 'tenant',
      key: pseudonymKey,
    },
    knownTenants:
      document.tenants === undefined || document.unknown_tenants === 'base'
        ? undefined
        : new Set(Object.keys(document.tenants)),
    unknownTenant: unknownTenantRules(rules),
  };
}
