import { z } from 'zod';
import { instant, line } from './body-field.ts';
import { actOf, ANYONE, entryKind } from './entry-kind.ts';
import { instantOf, unixNano } from './evidence-by-hand.ts';
import type { BindingSelector } from './evidence-log.ts';

const window = { from: instant().optional(), to: instant().optional() };

function inOrder(body: { readonly from?: string | undefined; readonly to?: string | undefined }): boolean {
  return body.from === undefined || body.to === undefined || unixNano(body.from) <= unixNano(body.to);
}

/** Exactly one of trace, conversation, session, agent and service; a window for the last two. */
export const bindingSchema = z.union([
  z.strictObject({
    traceId: z.string().regex(/^(?!0{32})[0-9a-f]{32}$/, 'must be 32 lower-case hex digits, not all zero'),
  }),
  z.strictObject({ conversationId: line(500) }),
  z.strictObject({ sessionId: line(500) }),
  z.strictObject({ agent: line(200), ...window }).refine(inOrder, 'from must not come after to'),
  z
    .strictObject({ service: line(200), environment: line(200).optional(), ...window })
    .refine(inOrder, 'from must not come after to'),
]);

export const bindingAdd = entryKind({
  type: 'binding.add',
  summary:
    'Keys telemetry to the incident: a trace, a conversation, a session, or an agent or service within a window.',
  allowed: ANYONE,
  schema: bindingSchema,
  apply(state, body, entry) {
    const selector = selectorOf(body);
    const rule = bindingRule(selector);
    if (state.bindings.all().some((each) => each.rule === rule)) return;
    state.bindings.add({
      id: entry.entryId,
      label: state.bindings.nextLabel(),
      ...actOf(entry),
      selector,
      rule,
    });
  },
});

export function selectorOf(body: z.infer<typeof bindingSchema>): BindingSelector {
  if ('traceId' in body) return { kind: 'trace', traceId: body.traceId };
  if ('conversationId' in body) return { kind: 'conversation', conversationId: body.conversationId };
  if ('sessionId' in body) return { kind: 'session', sessionId: body.sessionId };
  const fromUnixNano = body.from === undefined ? null : unixNano(body.from);
  const toUnixNano = body.to === undefined ? null : unixNano(body.to);
  return 'agent' in body
    ? { kind: 'agent', agent: body.agent, fromUnixNano, toUnixNano }
    : { kind: 'service', service: body.service, environment: body.environment ?? null, fromUnixNano, toUnixNano };
}

/** The binding in words; what a link made by it gives as its rule. */
export function bindingRule(selector: BindingSelector): string {
  switch (selector.kind) {
    case 'trace':
      return `binding trace ${selector.traceId}`;
    case 'conversation':
      return `binding conversation ${selector.conversationId}`;
    case 'session':
      return `binding session ${selector.sessionId}`;
    case 'agent':
      return `binding agent ${selector.agent}${windowRule(selector)}`;
    case 'service': {
      const environment = selector.environment === null ? '' : ` in ${selector.environment}`;
      return `binding service ${selector.service}${environment}${windowRule(selector)}`;
    }
    default:
      return 'attribute incident.id';
  }
}

function windowRule(window: { readonly fromUnixNano: bigint | null; readonly toUnixNano: bigint | null }): string {
  const from = window.fromUnixNano === null ? '' : ` from ${instantOf(window.fromUnixNano)}`;
  const to = window.toUnixNano === null ? '' : ` to ${instantOf(window.toUnixNano)}`;
  return `${from}${to}`;
}
