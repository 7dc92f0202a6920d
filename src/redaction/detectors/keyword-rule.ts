import type { Keyword } from './keyword-search.ts';
import { refusedPattern } from './pattern-gate.ts';
import type { DetectorRule } from './rule.ts';
import { startsWord, tokenFollows } from './text-unit.ts';
import { passes } from './validators.ts';

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** A rule with its expressions compiled, and what can be said of it without running them. */
export interface CompiledRule {
  readonly rule: DetectorRule;
  readonly pattern: RegExp;
  readonly anchored: boolean;
  readonly boundary: boolean;
  readonly not: readonly RegExp[];
  readonly group: number;
  /** Characters of a token that must follow the keyword at once. */
  readonly tailMin: number;
  /** The keyword must end a word. */
  readonly endsWord: boolean;
}

/** `(?:sk_|rk_)[A-Za-z0-9]{24,120}`: a prefix, then a token of some length. */
const prefixedShape = /^\(\?:[^()]*\)\[[A-Za-z0-9_+/=.~%-]+\]\{(\d{1,3})(?:,\d{0,3})?\}/;
const wordShape = /^\(\?:[^()]*\)\(\?!\[a-z\]\)/;

/** What can be said of a keyword hit without running the rule's pattern; most hits in prose end here. */
export function couldMatch(
  compiled: CompiledRule,
  units: Uint16Array,
  length: number,
  start: number,
  end: number,
): boolean {
  if (!tokenFollows(units, end, length, compiled.tailMin)) return false;
  if (compiled.endsWord && end < length) {
    const folded = (units[end] as number) | 0x20;
    if (folded >= 0x61 && folded <= 0x7a) return false;
  }
  return !compiled.anchored || !compiled.boundary || startsWord(units, start);
}

function tailLength(pattern: string): number {
  return Number(prefixedShape.exec(pattern)?.[1] ?? 0);
}

/** Whether a keyword reaches to the end of each alternative of the prefix it stands in. */
function endsPrefix(pattern: string, keyword: string): boolean {
  const prefixes = /^\(\?:([^()]*)\)/.exec(pattern)?.[1]?.replaceAll(/\\(.)/g, '$1').toLowerCase().split('|') ?? [];
  const folded = keyword.toLowerCase();
  return prefixes.filter((prefix) => prefix.includes(folded)).every((prefix) => prefix.endsWith(folded));
}

/** Throws a RangeError that names the rule when it is not acceptable. */
export function compileRule(rule: DetectorRule): CompiledRule {
  const refused = refusedPattern(rule.pattern);
  if (refused !== undefined) throw new RangeError(`rule ${rule.id}: ${refused}`);
  if (rule.keywords.length === 0) throw new RangeError(`rule ${rule.id}: at least one keyword is required`);
  const anchored = rule.window.before === 0 && rule.subject !== 'token';
  const group = rule.group ?? 0;
  const source = rule.subject === 'token' ? `^(?:${rule.pattern})$` : rule.pattern;
  return {
    rule,
    pattern: new RegExp(source, `${anchored ? 'y' : 'g'}${group > 0 ? 'd' : ''}${rule.flags ?? ''}`),
    anchored,
    boundary: rule.keywords.every((keyword) => isAlphanumeric(keyword.charCodeAt(0))),
    not: (rule.not ?? []).map((pattern) => new RegExp(pattern)),
    group,
    // A keyword may be a part of the prefix only (`(?:SSWS 00|00)`): what follows it is then the rest of the prefix or the token.
    tailMin:
      anchored && rule.keywords.every((keyword) => endsPrefix(rule.pattern, keyword)) ? tailLength(rule.pattern) : 0,
    endsWord: anchored && rule.flags === 'i' && wordShape.test(rule.pattern),
  };
}

/** What must hold at a keyword so that any of its rules can match there. */
export function conditionsOf(word: string, rules: readonly CompiledRule[]): Keyword {
  const spelled = new Set(rules.map((each) => spellingOf(each, word)));
  const [spelling] = spelled.size === 1 ? spelled : [];
  return {
    word,
    spelling,
    startsWord: rules.every((each) => each.anchored && each.boundary),
    tokenAfter: Math.min(...rules.map((each) => each.tailMin)),
  };
}

const literalPrefix = /^(?:\(\?:((?:[^()[\]{}.*+?|\\]|\\\W|\|)+)\)(?![*+?{])|((?:[^()[\]{}.*+?|\\]|\\\W)+)(?![*+?{|]))/;

/** How a rule's pattern spells a keyword at its start; undefined when it may be spelled in more than one way. */
function spellingOf({ rule, anchored }: CompiledRule, word: string): string | undefined {
  if (!anchored || rule.flags === 'i' || rule.pattern.includes('|', rule.pattern.indexOf(')'))) return undefined;
  const literal = literalPrefix.exec(rule.pattern);
  const prefixes = (literal?.[1]?.split('|') ?? (literal?.[2] === undefined ? [] : [literal[2]])).map((each) =>
    each.replaceAll(/\\(.)/g, '$1'),
  );
  const fitting = prefixes.filter((each) => word.startsWith(each.toLowerCase()) || each.toLowerCase().startsWith(word));
  const spelled = new Set(fitting.map((each) => (each.length < word.length ? undefined : each.slice(0, word.length))));
  return spelled.size === 1 ? [...spelled][0] : undefined;
}

/** Whether what the rule captured passes its checks. */
export function allows(compiled: CompiledRule, value: string): boolean {
  for (const validation of compiled.rule.validate ?? []) if (!passes(value, validation)) return false;
  for (const pattern of compiled.not) if (pattern.test(value)) return false;
  return true;
}
