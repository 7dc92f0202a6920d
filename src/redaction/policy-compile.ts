import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
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
  type Treatment,
  type UrlRules,
} from './policy.ts';
import { compilePacks } from './policy-packs.ts';
import type { ContentRuleDocument, FindingActionDocument, PolicyDocument, RuleDocument } from './policy-schema.ts';
import { PolicyError, type PolicyProblem } from './policy-source.ts';
import { parsePseudonymKey } from './pseudonym-key.ts';
import type { PseudonymSettings } from './pseudonym.ts';
import { compileTest, PatternRefusedError } from './text-pattern.ts';

/**
 * Bump when the meaning of presets or of the built-in key classes changes, or what facts may hold: policies then get a new version, and
 * what earlier versions let in can be redacted again.
 */
const ENGINE_VERSION = 3;

const PSEUDONYM_BITS = 96;
/** Compiling a pattern takes up to half a millisecond, in which a running service that loads the file does nothing else. */
const PATTERNS_MAX = 4_096;

/** Variables of the process, where a policy names one that holds a key. */
export type Environment = Readonly<Record<string, string | undefined>>;

function treatmentFrom(rule: ContentRuleDocument): Treatment {
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

/**
 * What a policy's document says, ready for use. Throws PolicyError with every problem found.
 * @param file for the packs beside it
 * @param environment holds the key of pseudonyms where the policy names its variable
 */
export function compilePolicy(
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
    const add = (name: string, action: FindingActionDocument | undefined): void => {
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
