import type { Contribution } from './contribution.ts';
import { KEY_KIND, kindKey, textKey, type WindowKey } from './window-key.ts';

/** The keys under which the window has an act: by its trace, its record, its span, its call. */

/**
 * The keys made last: one record is looked for, entered and asked about under the same few. Comparing with them costs nothing where the
 * text is the same object.
 */
const last = {
  tenant: '',
  tenantKey: textKey(0, ''),
  traceId: '',
  traceKey: textKey(textKey(0, ''), ''),
  identity: '',
  recordKey: textKey(kindKey(textKey(0, ''), KEY_KIND.record), ''),
};

/** Of a tenant; all others are within it. */
export function tenantKey(tenant: string): WindowKey {
  if (tenant !== last.tenant) {
    last.tenant = tenant;
    last.tenantKey = textKey(0, tenant);
    last.traceKey = textKey(last.tenantKey, last.traceId);
    last.recordKey = textKey(kindKey(last.tenantKey, KEY_KIND.record), last.identity);
  }
  return last.tenantKey;
}

/** Of a trace; those of its spans and acts are within it. */
export function traceKey(tenant: string, traceId: string): WindowKey {
  const scope = tenantKey(tenant);
  if (traceId !== last.traceId) {
    last.traceId = traceId;
    last.traceKey = textKey(scope, traceId);
  }
  return last.traceKey;
}

/** Of a record, by what a contribution of it calls itself. */
export function recordKey(tenant: string, identity: string): WindowKey {
  const scope = tenantKey(tenant);
  if (identity !== last.identity) {
    last.identity = identity;
    last.recordKey = textKey(kindKey(scope, KEY_KIND.record), identity);
  }
  return last.recordKey;
}

/** Of the acts of one kind that a span tells of. */
export function spanOfKindKey(span: WindowKey, kind: string): WindowKey {
  return textKey(kindKey(span, KEY_KIND.kindSpan), kind);
}

/** A call by its id within its trace, or else its conversation or session: the text that its evidence id is made of. */
export function callName({ tenant, tool, traceId, conversationId, sessionId }: Contribution): string | undefined {
  if (tool === null || tool.callId === '') return undefined;
  if (traceId !== '') return `${tenant} call ${traceId} ${tool.callId}`;
  if (conversationId !== '') return `${tenant} untraced call conversation ${conversationId} ${tool.callId}`;
  if (sessionId !== '') return `${tenant} untraced call session ${sessionId} ${tool.callId}`;
  return undefined;
}

/** Keys by which records of one call find each other: its id within its trace, or within its conversation or session. */
export function callKeys(contribution: Contribution, traced = contribution.traceId !== ''): readonly WindowKey[] {
  const { tenant, tool, traceId, conversationId, sessionId } = contribution;
  if (tool === null || tool.callId === '') return [];
  const keys: WindowKey[] = [];
  if (traceId !== '') keys.push(textKey(kindKey(traceKey(tenant, traceId), KEY_KIND.call), tool.callId));
  const side = kindKey(tenantKey(tenant), traced ? KEY_KIND.tracedCall : KEY_KIND.untracedCall);
  if (conversationId !== '') {
    keys.push(textKey(textKey(kindKey(side, KEY_KIND.conversation), conversationId), tool.callId));
  }
  if (sessionId !== '') keys.push(textKey(textKey(kindKey(side, KEY_KIND.session), sessionId), tool.callId));
  return keys;
}

/**
 * Where to look for the act of a call: call ids may repeat across the traces of a conversation, so records with a trace
 * meet within it, and a conversation or session joins only those without one to the others.
 */
export function lookupKeys(contribution: Contribution): readonly WindowKey[] {
  if (contribution.traceId === '') return [...callKeys(contribution), ...callKeys(contribution, true)];
  return callKeys(contribution, false);
}

/** Key of calls of one trace that say the same: tool and arguments. */
export function sameCallKey({ tenant, tool, traceId, facts, content }: Contribution): WindowKey | undefined {
  if (tool === null || traceId === '' || tool.role !== 'execute') return undefined;
  const args = content['arguments'];
  const said = facts?.argumentsDigest ?? args?.digest ?? args?.value ?? '';
  return textKey(textKey(kindKey(traceKey(tenant, traceId), KEY_KIND.sameCall), tool.name), said);
}
