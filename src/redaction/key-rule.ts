import type { Scanner } from './detectors/scanner.ts';
import type { PolicyRules } from './policy.ts';

/** The rule by which a value goes because of what its key is called. */
export interface KeyRule {
  readonly rule: string;
  readonly ruleVersion: number;
  readonly class: string;
}

const REMEMBERED_KEYS = 4096;
const REMEMBERED_KEY_MAX = 64;
const NAME_MEMBER = /^(?:name|key|field|header|variable|var|id|param(?:eter)?|label|k)$/i;
const VALUE_MEMBER = /^(?:value|val|content|data|v|default)$/i;

/** What the name of a JSON member says, under one set of rules. */
export interface MemberName {
  /** Its value is the name of the `value` beside it. */
  readonly isName: boolean;
  readonly isValue: boolean;
  readonly rule: KeyRule | undefined;
  /** The name itself holds nothing. */
  readonly clean: boolean;
  /** Its value is scanned whatever it looks like. */
  readonly telling: boolean;
}

/** What names say under a set of rules. */
export interface KeyRules {
  /** The rule that a name alone triggers, the policy's own first. */
  of(name: string, rules: PolicyRules): KeyRule | undefined;
  /** What a JSON member's name says, remembered: the same few names come in every record. */
  member(name: string, rules: PolicyRules): MemberName;
}

/** @param isClean whether a text without structure of its own holds nothing */
export function createKeyRules(scanner: Scanner, isClean: (text: string) => boolean): KeyRules {
  const memberNames = new WeakMap<PolicyRules, Map<string, MemberName>>();
  const nameRule = (name: string, rules: PolicyRules): KeyRule | undefined => {
    if (name === '' || rules.ignoreKeys.some((test) => test(name))) return undefined;
    if (rules.redactKeys.some((test) => test(name))) return { rule: 'policy.key', ruleVersion: 1, class: 'secret.key' };
    return scanner.sensitiveKey(name);
  };
  return {
    of: nameRule,
    member(name, rules) {
      let known = memberNames.get(rules);
      if (known === undefined) {
        known = new Map();
        memberNames.set(rules, known);
      }
      let member = known.get(name);
      if (member === undefined) {
        member = {
          isName: NAME_MEMBER.test(name),
          isValue: VALUE_MEMBER.test(name),
          rule: nameRule(name, rules),
          clean: isClean(name),
          telling: scanner.isTellingKey(name),
        };
        if (known.size >= REMEMBERED_KEYS) known.clear();
        if (name.length <= REMEMBERED_KEY_MAX) known.set(name, member);
      }
      return member;
    },
  };
}
