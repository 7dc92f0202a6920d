import { contentKey, type ContentKey } from '../otlp/semconv/content-keys.ts';
import type { MessagePlan } from './message-plan.ts';
import { scrubsPlainly, treatmentOf, type PolicyRules } from './policy.ts';

/** What attributes are by their place, where nothing else says it. */
export function otherClass(plan: MessagePlan): string {
  return plan.name === 'SpanLink' ? 'other.link' : plan.name === 'InstrumentationScope' ? 'other.scope' : '';
}

/** Class of attributes that are content only because the policy names them. */
export const NAMED_CLASS = 'attribute';

/** What the body of a log record is, by its event's name. */
export function bodyClass(eventName: string): string {
  if (eventName === '') return 'log.body';
  if (eventName === 'gen_ai.tool.message') return 'tool.result';
  const known = contentKey(eventName);
  if (known !== undefined && known.class.startsWith('messages.')) return known.class;
  if (eventName.startsWith('gen_ai.')) {
    return eventName.startsWith('gen_ai.evaluation') ? 'evaluation.text' : 'messages.event';
  }
  return 'log.body';
}

/** True when a rule of the policy names this key, whatever its class. */
export function hasContentRules(rules: PolicyRules, key: string): boolean {
  return rules.content.some(
    (rule) => rule.classes === undefined && (rule.attributes?.some((test) => test(key)) ?? true),
  );
}

/** True when a rule of the policy says by the key alone that an attribute is content. */
export function isNamedContent(rules: PolicyRules, key: string): boolean {
  return rules.content.some(
    (rule) => rule.classes === undefined && rule.attributes?.some((test) => test(key)) === true,
  );
}

/** True when content of the class is only looked through, as any other text is. */
export function isPlainClass(rules: PolicyRules, content: ContentKey, key: string): boolean {
  if (content.agentOnly || content.class === 'entity.io' || content.class.startsWith('tool.')) return false;
  // Tool calls are looked for in it.
  if (content.class === 'messages.output') return false;
  if (rules.content.some((rule) => rule.tools !== undefined)) return false;
  const treatment = treatmentOf(rules, content.class, key, '');
  return scrubsPlainly(rules, content.class, treatment, Number.POSITIVE_INFINITY);
}
