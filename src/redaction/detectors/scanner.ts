import type { DetectorRule } from './rule.ts';

/** One span of text that must be replaced. */
export interface Finding {
  /** UTF-16 offsets in the given text, end exclusive; for an encoded carrier the span of the carrier that must be replaced. */
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly ruleVersion: number;
  /** `secret.<kind>` or `pii.<kind>`. */
  readonly class: string;
  /** Encodings the value was found through, outermost first; empty for plain text. */
  readonly encodings: readonly string[];
}

export interface ScanContext {
  /** Key that holds the text: attribute key or innermost JSON key; '' if none. */
  readonly key: string;
}

export interface ScanResult {
  /** Sorted by start, disjoint. */
  readonly findings: readonly Finding[];
  /** `budget`: time ran out before everything was looked at, so the caller must treat the whole text as unsafe. */
  readonly status: 'ok' | 'budget';
}

export interface Scanner {
  /** False only when nothing in these UTF-8 bytes can match any rule: a cheap negative for hot paths. */
  mayMatch(bytes: Buffer, start: number, end: number): boolean;
  scan(text: string, context: ScanContext): ScanResult;
  /**
   * The rule a key's name alone triggers (password, authorization, cookie, api_key, secret …), whatever its value; undefined
   * if none. Counts of tokens (`max_tokens`, `gen_ai.usage.*_tokens`) and names of things are no secrets.
   */
  sensitiveKey(key: string): { readonly rule: string; readonly ruleVersion: number; readonly class: string } | undefined;
}

export interface ScannerOptions {
  /** Rule ids that never fire. */
  readonly disabledRules?: ReadonlySet<string>;
  readonly extraRules?: readonly DetectorRule[];
  /** Wall-clock bound of one `scan`, in milliseconds. */
  readonly budgetMs?: number;
  /** How many layers of encoding are opened. */
  readonly decodeDepth?: number;
}

/** The rules given, run over every text in whole. */
export function createScanner(options: ScannerOptions = {}): Scanner {
  const rules = (options.extraRules ?? []).filter((rule) => !options.disabledRules?.has(rule.id));
  return {
    mayMatch: (_bytes, start, end) => rules.length > 0 && end > start,
    scan(text) {
      const findings: Finding[] = [];
      for (const rule of rules) {
        for (const match of text.matchAll(new RegExp(rule.pattern, `dg${rule.flags ?? ''}`))) {
          const [start, end] = match.indices?.[rule.group ?? 0] ?? [match.index, match.index + match[0].length];
          findings.push({ start, end, rule: rule.id, ruleVersion: rule.version, class: rule.class, encodings: [] });
        }
      }
      findings.sort((a, b) => a.start - b.start || b.end - a.end);
      let end = -1;
      return { findings: findings.filter((each) => each.start >= end && ((end = each.end), true)), status: 'ok' };
    },
    sensitiveKey: () => undefined,
  };
}
