import { builtinRules } from './builtin-rules.ts';
import type { DetectorRule } from './rule.ts';
import type { Scanner } from './scanner.ts';

/** A scan of an example takes microseconds; only a process that was held up in the middle of one runs out of its time. */
const ATTEMPTS_MAX = 5;

/**
 * Ids of rules that do not keep what their examples say, in the scanner that will be used: every `hit` holds a finding (another
 * rule may name it), no `miss` is a finding of the rule's own. Run before anything is taken in: a rule that an engine of regular
 * expressions, an edit of the tables or a broken file made blind would let secrets pass without a sign.
 */
export function brokenRules(scanner: Scanner, rules: readonly DetectorRule[] = builtinRules): readonly string[] {
  return rules.filter((rule) => !keepsExamples(scanner, rule)).map(({ id }) => id);
}

function keepsExamples(scanner: Scanner, { id, examples }: DetectorRule): boolean {
  return (
    examples.hit.every((text) => (findings(scanner, text)?.length ?? 0) > 0) &&
    examples.miss.every((text) => findings(scanner, text)?.every(({ rule }) => rule !== id) ?? false)
  );
}

function findings(scanner: Scanner, text: string): readonly { readonly rule: string }[] | undefined {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const result = scanner.scan(text, { key: '' });
    if (result.status === 'ok') return result.findings;
  }
  return undefined;
}
