import type { DetectorRule } from './detectors/rule.ts';
import type { PseudonymReach, PseudonymSettings } from './pseudonym.ts';

/**
 * What a redaction policy says, after loading: plain data and two lookups. `policy-file.ts` reads it from YAML; the
 * presets are here.
 */
export type ContentAction = 'keep' | 'scrub' | 'withhold' | 'mask' | 'pseudonym' | 'truncate' | 'drop';
export type FindingDo = 'redact' | 'mask' | 'pseudonym' | 'truncate' | 'keep';
export type MessageRole = 'system' | 'user' | 'assistant' | 'tool';
export type PolicyMode = 'enforce' | 'observe';
export type PresetName = 'balanced' | 'strict' | 'open';

/** Tests a whole key, tool name or captured value. Linear in its input. */
export type TextTest = (text: string) => boolean;

export interface Treatment {
  readonly action: ContentAction;
  /** For `mask`: characters kept at the end. */
  readonly keepLast: number;
  /** For `truncate`, and for `scrub` with a bound: UTF-8 bytes kept. Infinity = all. */
  readonly bytes: number;
  /** Content of a message of a role named here; `action` is then for what stands under no such role. */
  readonly roles?: ReadonlyMap<MessageRole, Treatment> | undefined;
  /** For `scrub`: values of members of these names in JSON stay as they are. */
  readonly keepKeys?: ReadonlySet<string> | undefined;
}

export interface ContentRule {
  /** `messages.input`, or `messages.*` for a whole branch; undefined = any. */
  readonly classes: readonly string[] | undefined;
  readonly attributes: readonly TextTest[] | undefined;
  readonly tools: readonly TextTest[] | undefined;
  readonly treatment: Treatment;
}

export interface FindingAction {
  readonly do: FindingDo;
  readonly keepLast: number;
  readonly prefixV4: number;
  readonly prefixV6: number;
  /** For `pseudonym`: the policy's own reach when undefined. */
  readonly stable?: PseudonymReach | undefined;
}

export interface AllowRule {
  readonly rules: ReadonlySet<string>;
  /** Tested against the captured value only, never against the text around it. */
  readonly value: TextTest;
}

export interface UrlRules {
  /** User and password before the host go. */
  readonly userinfo: boolean;
  /** Values of all other parameters go; undefined = all stay. */
  readonly allowedParameters: ReadonlySet<string> | undefined;
}

export interface PolicyBudgets {
  /** UTF-8 bytes of one value that are looked into; a longer one is withheld (a result that is cut anyway is cut first). */
  readonly valueBytes: number;
  /** Layers of JSON in strings that are opened. */
  readonly decodeDepth: number;
  /** Milliseconds of work that one record and one request may take; what is left then is withheld. */
  readonly recordMs: number;
  readonly requestMs: number;
}

/** Rules that hold for one tenant and service. */
export interface PolicyRules {
  /** First match wins. */
  readonly content: readonly ContentRule[];
  readonly redactKeys: readonly TextTest[];
  readonly ignoreKeys: readonly TextTest[];
  /** By rule id, by class, and by a class's first part (`secret`, `pii`), in this order. */
  readonly findings: ReadonlyMap<string, FindingAction>;
  readonly allow: readonly AllowRule[];
  /** Findings of rule `ip-address` that are not globally routable stay. */
  readonly keepsPrivateAddresses: boolean;
  /** What goes out of URLs besides what detectors find; undefined = nothing. */
  readonly urls: UrlRules | undefined;
  /** Texts, numbers and comments in SQL are replaced. */
  readonly redactsSqlLiterals: boolean;
  readonly unknownFields: 'scrub' | 'drop';
  /** Some rule names a class under `other`: text in places where no key says what it is. */
  readonly withholdsOther: boolean;
  /** Some rule may treat tool calls within messages otherwise than the text around them. */
  readonly treatsTools: boolean;
  /** The reason that stands in place of a class where content is withheld; undefined = the policy says so. */
  readonly withheldAs?: string | undefined;
}

export interface PolicyOverride {
  readonly tenants: readonly TextTest[] | undefined;
  readonly services: readonly TextTest[] | undefined;
  readonly rules: PolicyRules;
}

export interface CompiledPolicy {
  readonly id: string;
  readonly preset: PresetName;
  /** SHA-256 hex over the policy's content. */
  readonly hash: string;
  /** `<id>@<first 12 hex of the hash>`. */
  readonly version: string;
  readonly mode: PolicyMode;
  readonly budgets: PolicyBudgets;
  readonly rules: PolicyRules;
  /** The last match wins; its rules already include what it inherits. */
  readonly overrides: readonly PolicyOverride[];
  /** Detector rules of the deployment's own, besides those Docket ships. */
  readonly ownRules: readonly DetectorRule[];
  readonly pseudonyms: PseudonymSettings;
  /** The only tenants that the policy has rules for; undefined = it holds for every tenant. */
  readonly knownTenants: ReadonlySet<string> | undefined;
  /** For every other tenant. */
  readonly unknownTenant: PolicyRules;
}

/** UTF-8 bytes kept of a tool's result under the `balanced` preset. */
export const RESULT_EXCERPT_BYTES = 2048;

export const DEFAULT_BUDGETS: PolicyBudgets = { valueBytes: 262_144, decodeDepth: 3, recordMs: 250, requestMs: 2000 };

const SCRUB: Treatment = { action: 'scrub', keepLast: 0, bytes: Number.POSITIVE_INFINITY };
const WITHHOLD: Treatment = { action: 'withhold', keepLast: 0, bytes: 0 };
const REDACT: FindingAction = { do: 'redact', keepLast: 0, prefixV4: 24, prefixV6: 48 };

const rule = (classes: readonly string[], treatment: Treatment): ContentRule => ({
  classes,
  attributes: undefined,
  tools: undefined,
  treatment,
});

/** Prompts, completions and what was retrieved or remembered for them. */
const CONVERSATION = [
  'messages.*',
  'system_prompt',
  'prompt.template',
  'retrieval.*',
  'memory',
  'entity.io',
  'agent.io',
  'guardrail.io',
  'vector.content',
  'embedding.*',
] as const;

const PRESET_CONTENT: Readonly<Record<PresetName, readonly ContentRule[]>> = {
  balanced: [
    rule([...CONVERSATION, 'pii'], WITHHOLD),
    rule(['tool.result'], { action: 'scrub', keepLast: 0, bytes: RESULT_EXCERPT_BYTES }),
  ],
  strict: [
    rule(
      [
        ...CONVERSATION,
        'pii',
        'pii.*',
        'tool.*',
        'evaluation.text',
        'error.text',
        'log.*',
        'user.metadata',
        'params',
        'headers',
        'url',
        'http.body',
        'graphql',
        'db.*',
        'process',
        'messaging',
        'mcp',
        'workflow.definition',
        'feature_flag',
        'stop_sequences',
        'vcs.text',
        'other.*',
      ],
      WITHHOLD,
    ),
  ],
  open: [],
};

export function presetRules(preset: PresetName): PolicyRules {
  return {
    content: PRESET_CONTENT[preset],
    redactKeys: [],
    ignoreKeys: [],
    findings: new Map(),
    allow: [],
    keepsPrivateAddresses: preset !== 'strict',
    urls: undefined,
    redactsSqlLiterals: false,
    unknownFields: preset === 'strict' ? 'drop' : 'scrub',
    withholdsOther: namesOther(PRESET_CONTENT[preset]),
    treatsTools: namesTools(PRESET_CONTENT[preset]),
  };
}

export function namesOther(content: readonly ContentRule[]): boolean {
  return content.some((each) => each.classes?.some((pattern) => pattern.startsWith('other.')) === true);
}

/** The keys by which rules that name attributes find the tool calls within messages. */
export const TOOL_PART_KEYS = {
  'tool.arguments': 'gen_ai.tool.call.arguments',
  'tool.result': 'gen_ai.tool.call.result',
} as const;

/** True when some rule may be about tool calls within messages. */
export function namesTools(content: readonly ContentRule[]): boolean {
  const classes = Object.keys(TOOL_PART_KEYS);
  const keys = Object.values(TOOL_PART_KEYS);
  return content.some(
    (each) =>
      (each.classes === undefined ||
        each.classes.some((pattern) => classes.some((name) => classMatches(pattern, name)))) &&
      (each.attributes === undefined || each.attributes.some((test) => keys.some((key) => test(key)))),
  );
}

/** The role that all content of a class has. */
function roleOfClass(contentClass: string): MessageRole | undefined {
  if (contentClass === 'system_prompt') return 'system';
  if (contentClass === 'messages.output') return 'assistant';
  return contentClass.startsWith('tool.') ? 'tool' : undefined;
}

/** True when the content is looked through like any other text, whole and without regard to what is in it. */
export function scrubsPlainly(rules: PolicyRules, contentClass: string, treatment: Treatment, length: number): boolean {
  return (
    treatment.action === 'scrub' &&
    length <= treatment.bytes &&
    treatment.roles === undefined &&
    treatment.keepKeys === undefined &&
    !(rules.treatsTools && contentClass.startsWith('messages.'))
  );
}

/** Why content of a tenant is withheld that the policy has no rules for: stands in markers and receipts. */
export const UNKNOWN_TENANT = 'unknown_tenant';

/** What the policy says for all, and beyond that no content at all: nobody has said what of this tenant may stay. */
export function unknownTenantRules(rules: PolicyRules): PolicyRules {
  const strict = presetRules('strict');
  const { redactKeys, urls, redactsSqlLiterals } = rules;
  return { ...strict, redactKeys, urls, redactsSqlLiterals, withheldAs: UNKNOWN_TENANT };
}

/** False for a tenant that the policy says nothing about. */
export function knowsTenant(policy: CompiledPolicy, tenant: string): boolean {
  return policy.knownTenants?.has(tenant) !== false;
}

/**
 * The rules for a tenant and a service; those of the preset `strict` for a tenant that the policy does not know. Returns
 * the same object for the same set of matching overrides.
 */
export function rulesFor(policy: CompiledPolicy, tenant: string, service: string): PolicyRules {
  if (!knowsTenant(policy, tenant)) return policy.unknownTenant;
  const match = policy.overrides.findLast(
    (each) =>
      (each.tenants === undefined || each.tenants.some((test) => test(tenant))) &&
      (each.services === undefined || each.services.some((test) => test(service))),
  );
  return match?.rules ?? policy.rules;
}

function classMatches(pattern: string, contentClass: string): boolean {
  return pattern.endsWith('.*') ? contentClass.startsWith(pattern.slice(0, -1)) : pattern === contentClass;
}

/** How content of a class under a key is treated. Whatever no rule names is scrubbed. */
export function treatmentOf(rules: PolicyRules, contentClass: string, key: string, tool: string): Treatment {
  for (const each of rules.content) {
    if (each.classes !== undefined && !each.classes.some((pattern) => classMatches(pattern, contentClass))) continue;
    if (each.attributes !== undefined && !each.attributes.some((test) => test(key))) continue;
    if (each.tools !== undefined && !each.tools.some((test) => test(tool))) continue;
    const { roles } = each.treatment;
    const role = roles === undefined ? undefined : roleOfClass(contentClass);
    const ofRole = role === undefined ? undefined : roles?.get(role);
    return ofRole === undefined ? each.treatment : { ...ofRole, roles };
  }
  return SCRUB;
}

/** What is done with something a detector found. Whatever no rule names is replaced. */
export function findingActionOf(rules: PolicyRules, ruleId: string, findingClass: string): FindingAction {
  return (
    rules.findings.get(ruleId) ??
    rules.findings.get(findingClass) ??
    rules.findings.get(findingClass.slice(0, findingClass.indexOf('.'))) ??
    REDACT
  );
}
