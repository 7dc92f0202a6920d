import { contentKey, type ContentKey } from '../otlp/semconv/content-keys.ts';
import { hasContentRules, isNamedContent, isPlainClass } from './content-class.ts';
import type { Engine } from './engine.ts';
import { treatmentOf, type PolicyRules } from './policy.ts';
import { isToolKey } from './record-context.ts';
import { contextWith, type TextContext } from './text-context.ts';
import type { KeyRule } from './key-rule.ts';

/** What the key of an attribute says, before its value is looked at. */
export interface KeyInfo {
  readonly text: string;
  /** The key as it may leave: the same, or with what a detector found in it replaced. */
  readonly cleanText: string;
  readonly content: ContentKey | undefined;
  /** A rule of the policy names it as content. */
  readonly named: boolean;
  readonly sensitive: KeyRule | undefined;
  readonly ignored: boolean;
  /** Nothing but its value's text decides about it, so a clean pair of bytes stays clean. */
  readonly ordinary: boolean;
}

const KEY_TEXT_MAX = 256;
/** Names as schemas give them: words and short numbers between dots, underscores, dashes, slashes, colons; no long mix of both. */
const PLAIN_KEY = /^(?!.*[a-zA-Z]\d+[a-zA-Z]+\d+[a-zA-Z]*\d)(?!.*[^._/:-]{33})[A-Za-z_$@][\w.$@/:-]{0,199}$/;
const RESERVED_KEY = 'docket.redaction.';

/** Reads a key under one set of rules. `context` only says under which tenant and budgets; its receipts are not used. */
export function readKey(engine: Engine, rules: PolicyRules, text: string, context: TextContext): KeyInfo {
  const { scanner, markers } = engine;
  const ignored = rules.ignoreKeys.some((test) => test(text));
  const byPolicy = rules.redactKeys.some((test) => test(text));
  const sensitive: KeyRule | undefined = byPolicy
    ? { rule: 'policy.key', ruleVersion: 1, class: 'secret.key' }
    : scanner.sensitiveKey(text);
  const content = contentKey(text);
  let cleanText = markers.escapeForged(text);
  if (text.startsWith(RESERVED_KEY)) cleanText = `sender.${cleanText}`;
  if (!engine.text.isClean(cleanText, '', rules, engine.policy.budgets)) {
    cleanText = engine.text.scrub(cleanText, contextWith(context, { receive: () => {} }));
  }
  if (rules.withholdsOther && !PLAIN_KEY.test(text)) cleanText = '';
  const ordinary =
    sensitive === undefined &&
    cleanText === text &&
    !isToolKey(text) &&
    !hasContentRules(rules, text) &&
    (content === undefined || isPlainClass(rules, content, text));
  const named = isNamedContent(rules, text);
  return { text, cleanText, content, named, sensitive: ignored ? undefined : sensitive, ignored, ordinary };
}

/** The key as it leaves, with receipts for what was found in it. */
export function cleanKey(engine: Engine, rules: PolicyRules, text: string, context: TextContext): string {
  const escaped = engine.markers.escapeForged(text);
  if (rules.withholdsOther && !PLAIN_KEY.test(text)) {
    return engine.text.treat(text, 'other.key', treatmentOf(rules, 'other.key', '', ''), context) ?? '';
  }
  return engine.text.scrub(text.startsWith(RESERVED_KEY) ? `sender.${escaped}` : escaped, context);
}

/** A key as it may stand in a path: never one whose name was itself redacted. */
export function pathKey(info: KeyInfo): string {
  return info.cleanText.length <= KEY_TEXT_MAX ? info.cleanText : `${info.cleanText.slice(0, KEY_TEXT_MAX)}…`;
}
