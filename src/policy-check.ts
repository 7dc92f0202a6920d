import { existsSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import {
  SampleError,
  type PolicySummary,
  type PolicyVerdict,
  type SampleChange,
  type SampleRequest,
} from './cli/policy/tools.ts';
import { OtlpDecodeError, OtlpSizeError } from './otlp/decode-error.ts';
import { transcodeJson } from './otlp/json/transcode.ts';
import { requestSchema } from './otlp/protobuf/schema.ts';
import { CONTENT_EXAMPLES } from './proof/content-example.ts';
import { textsOf, type PlacedText } from './proof/placed-text.ts';
import { builtinRules } from './redaction/detectors/builtin-rules.ts';
import { identityNumbers } from './redaction/detectors/identity-number.ts';
import { personalRuleIds } from './redaction/detectors/personal-number.ts';
import { structuralRuleIds } from './redaction/detectors/scanner.ts';
import { loadPolicy, PolicyError, type PolicyProblem } from './redaction/policy-file.ts';
import {
  treatmentOf,
  type CompiledPolicy,
  type FindingAction,
  type PolicyRules,
  type Treatment,
} from './redaction/policy.ts';
import { createRedactor } from './redaction/redactor.ts';
import { structuredRuleIds } from './redaction/structured-text.ts';
import { createLogger } from './telemetry/logger.ts';
import { createMetrics } from './telemetry/metrics.ts';

const FINDING_CLASSES: ReadonlySet<string> = new Set(['secret', 'pii', 'internal']);

/** The rules Docket ships, by pack. */
const PACKS: readonly { readonly name: string; readonly ids: readonly string[] }[] = [
  {
    name: 'secrets by shape',
    ids: builtinRules.filter((rule) => rule.class.startsWith('secret')).map((rule) => rule.id),
  },
  { name: 'secrets by key and context', ids: structuralRuleIds },
  {
    name: 'personal data',
    ids: [...builtinRules.filter((rule) => rule.class.startsWith('pii')).map((rule) => rule.id), ...personalRuleIds],
  },
  { name: 'national identity numbers', ids: identityNumbers.map((each) => each.id) },
];

/** Reads a policy file as the service does, and names rules that no pack has, which the service would never apply. */
export function checkPolicyFile(file: string | undefined): PolicyVerdict {
  if (file !== undefined && !existsSync(file)) {
    return { kind: 'unreadable', problems: [{ at: file, message: 'there is no such file' }] };
  }
  let policy: CompiledPolicy;
  try {
    policy = loadPolicy(file);
  } catch (error) {
    if (error instanceof PolicyError) return { kind: 'invalid', problems: error.problems };
    throw error;
  }
  const problems = file === undefined ? [] : unknownRules(policy, file);
  return problems.length === 0 ? { kind: 'valid', ...summaryOf(policy) } : { kind: 'invalid', problems };
}

function summaryOf(policy: CompiledPolicy): PolicySummary {
  const { rules } = policy;
  return {
    version: policy.version,
    hash: policy.hash,
    preset: policy.preset,
    mode: policy.mode,
    packs: PACKS.map(({ name, ids }) => ({ name, rules: new Set(ids).size })),
    budgets: policy.budgets,
    classes: Object.entries(CONTENT_EXAMPLES).map(([contentClass, example]) => ({
      class: contentClass,
      example,
      action: treatmentText(treatmentOf(rules, contentClass, example, '')),
    })),
    findings: [...rules.findings].map(([name, action]) => ({ name, action: findingText(action) })),
    allowRules: rules.allow.length,
    overrides: policy.overrides.length,
  };
}

function treatmentText({ action, bytes, keepLast }: Treatment): string {
  if (action === 'truncate' || (action === 'scrub' && Number.isFinite(bytes)))
    return `${action}, cut at ${bytes} bytes`;
  return action === 'mask' ? `mask, last ${keepLast} kept` : action;
}

function findingText(action: FindingAction): string {
  if (action.do === 'mask') return `mask, last ${action.keepLast} kept`;
  return action.do === 'truncate' ? `truncate to /${action.prefixV4} and /${action.prefixV6}` : action.do;
}

/** A rule id that no rule has does nothing: most likely a slip that leaves a value in, or takes one out. */
function unknownRules(policy: CompiledPolicy, file: string): readonly PolicyProblem[] {
  const known = new Set([
    ...PACKS.flatMap((pack) => pack.ids),
    ...builtinRules.map((rule) => rule.class),
    ...identityNumbers.map((each) => each.class),
    ...FINDING_CLASSES,
    ...structuredRuleIds,
    ...policy.ownRules.flatMap((rule) => [rule.id, rule.class]),
  ]);
  const named = (rules: PolicyRules): string[] => [
    ...rules.findings.keys(),
    ...rules.allow.flatMap((each) => [...each.rules]),
  ];
  const unknown = new Set([policy.rules, ...policy.overrides.map((each) => each.rules)].flatMap(named));
  const lines = readFileSync(file, 'utf8').split('\n');
  return [...unknown]
    .filter((id) => !known.has(id))
    .map((id) => ({
      at: `${file}:${
        Math.max(
          0,
          lines.findIndex((line) => line.includes(id)),
        ) + 1
      }`,
      message: `${id}: no rule has this id`,
    }));
}

/** Redacts an OTLP/JSON export request under the policy and says which texts changed. Nothing leaves this process. */
export function previewSample(file: string | undefined, { signal, json }: SampleRequest): readonly SampleChange[] {
  const policy = loadPolicy(file);
  let bytes: Buffer;
  try {
    ({ bytes } = transcodeJson(signal, Buffer.from(json)));
  } catch (error) {
    if (error instanceof OtlpDecodeError || error instanceof OtlpSizeError) throw new SampleError(error.message);
    throw error;
  }
  const metrics = createMetrics();
  const redactor = createRedactor({
    policy,
    fingerprintKey: randomBytes(32),
    fingerprintKeyId: 'k0',
    meter: metrics.meter,
    logger: createLogger('silent'),
  });
  const { name } = requestSchema(signal);
  const before = textsOf(name, bytes);
  const frame = redactor.redact({ tenant: 'default', signal, bytes, items: 1, receivedAtUnixNano: 0n });
  return differences(before, textsOf(name, Buffer.from(frame.bytes)));
}

function differences(before: readonly PlacedText[], after: readonly PlacedText[]): readonly SampleChange[] {
  const remaining = new Map(after.map((each) => [each.path, each.text]));
  const changes: SampleChange[] = [];
  for (const { path, text } of before) {
    const now = remaining.get(path);
    remaining.delete(path);
    if (now !== text) changes.push({ path, before: text, after: now });
  }
  for (const [path, text] of remaining) changes.push({ path, before: undefined, after: text });
  return changes;
}
