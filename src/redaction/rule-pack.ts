import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { builtinRules } from './detectors/builtin-rules.ts';
import { refusedPattern } from './detectors/pattern-gate.ts';
import type { DetectorRule, Validation } from './detectors/rule.ts';
import { createScanner } from './detectors/scanner.ts';
import { isKnownCheck } from './detectors/validators.ts';
import { growthProblem } from './pattern-growth.ts';
import { PolicyError, readYaml, type PolicyProblem } from './policy-source.ts';
import { isSafePattern } from './text-pattern.ts';

const PACK_BYTES_MAX = 1024 * 1024;
const RULES_MAX = 200;
const WINDOW_MAX = 4096;
/** The deployment knows its own formats better than the rules for everyone's do: its rules name the span. */
const PRIORITY = 90;

const example = z.string().min(1).max(4096);

const packSchema = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, 63 at most'),
      version: z.int().min(1).max(1_000_000),
      class: z.enum(['secret', 'pii', 'internal']),
      keywords: z.array(z.string().min(3).max(64)).min(1).max(32),
      window: z
        .strictObject({
          before: z.int().min(0).max(WINDOW_MAX).default(0),
          after: z.int().min(0).max(WINDOW_MAX).default(256),
        })
        .default({ before: 0, after: 256 }),
      pattern: z.string().min(1).max(1024),
      group: z.int().min(0).max(16).optional(),
      validate: z
        .array(
          z.union([
            z.strictObject({ entropy: z.number().min(0).max(8) }),
            z.strictObject({ digits: z.int().min(1).max(512) }),
            z.strictObject({ letters: z.int().min(1).max(512) }),
            z.string().min(1).max(64),
          ]),
        )
        .max(16)
        .optional(),
      not: z.array(z.string().min(1).max(512)).max(64).optional(),
      tests: z.strictObject({ hit: z.array(example).min(1).max(64), miss: z.array(example).max(64).default([]) }),
    }),
  )
  .min(1)
  .max(RULES_MAX);

/**
 * Loads detector rules of the deployment's own. Every rule has to be within the restricted subset, not grow badly, find each of its
 * `hit` texts and none of its `miss` texts. Throws PolicyError with file and line of every problem.
 */
export function loadRulePack(path: string, taken: ReadonlySet<string> = new Set()): readonly DetectorRule[] {
  const { data, problemAt } = readYaml(textOf(path), path, packSchema);
  const problems: PolicyProblem[] = [];
  const known = new Set([...builtinRules.map((rule) => rule.id), ...taken]);
  const rules: DetectorRule[] = [];
  for (const [index, each] of data.entries()) {
    const before = problems.length;
    const refuse = (at: (string | number)[], message: string): void => {
      problems.push(problemAt([index, ...at], `${[each.id, ...at].join('.')}: ${message}`));
    };
    if (known.has(each.id)) refuse(['id'], 'another rule has this id');
    known.add(each.id);
    const refused = refusedPattern(each.pattern) ?? growthProblem(each.pattern, each.keywords);
    if (refused !== undefined) refuse(['pattern'], refused);
    else if (groupsOf(each.pattern) < (each.group ?? 0)) refuse(['group'], 'the pattern has no such group');
    for (const [at, pattern] of (each.not ?? []).entries()) {
      if (!isSafePattern(pattern))
        refuse(['not', at], 'is no pattern with at most one unbounded repeat and no look-around');
    }
    const validate: Validation[] = [];
    for (const [at, check] of (each.validate ?? []).entries()) {
      if (typeof check !== 'string') validate.push(check);
      else if (isKnownCheck(check.replaceAll('_', '-'))) validate.push({ check: check.replaceAll('_', '-') });
      else refuse(['validate', at], 'there is no such check');
    }
    if (problems.length > before) continue;
    const rule: DetectorRule = {
      id: each.id,
      version: each.version,
      class: `${each.class}.own`,
      keywords: each.keywords,
      window: each.window,
      pattern: each.pattern,
      group: each.group,
      validate,
      not: each.not,
      priority: PRIORITY,
      examples: each.tests,
    };
    const scanner = createScanner({ extraRules: [rule] });
    const finds = (text: string): boolean =>
      scanner.scan(text, { key: '' }).findings.some((finding) => finding.rule === rule.id);
    for (const [at, text] of each.tests.hit.entries()) {
      if (!finds(text)) refuse(['tests', 'hit', at], 'the rule does not find this');
    }
    for (const [at, text] of each.tests.miss.entries()) {
      if (finds(text)) refuse(['tests', 'miss', at], 'the rule finds this');
    }
    rules.push(rule);
  }
  if (problems.length > 0) throw new PolicyError(problems);
  return rules;
}

function textOf(path: string): string {
  try {
    const status = statSync(path);
    if (!status.isFile() || status.size > PACK_BYTES_MAX) {
      throw new PolicyError([{ at: `${path}:1`, message: `is no file of at most ${PACK_BYTES_MAX} bytes` }]);
    }
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PolicyError) throw error;
    throw new PolicyError([{ at: path, message: `cannot be read (${(error as NodeJS.ErrnoException).code})` }]);
  }
}

function groupsOf(pattern: string): number {
  return (new RegExp(`${pattern}|`).exec('')?.length ?? 1) - 1;
}
