import { mayJoin, overlaps, sameTool, type Act } from './act.ts';
import { ActIndex } from './act-index.ts';
import { callKeys, lookupKeys, recordKey, sameCallKey, spanOfKindKey, traceKey } from './act-key.ts';
import type { Contribution } from './contribution.ts';
import type { SpanTree } from './span-tree.ts';
import { KEY_KIND, kindKey, textKey, type WindowKey } from './window-key.ts';

/** Ancestors under whose id an act can be found by a span that arrives later. */
const AWAITED_ANCESTORS_MAX = 8;

/**
 * Which act of the window a record belongs to: an act is entered under every key by which such a record may ask, and found by its record,
 * its span, its call id, its place in the span tree, or by its tool and time where emitters leave ids out.
 */
export class ActFinder {
  readonly #index = new ActIndex();
  readonly #spans: SpanTree;

  constructor(spans: SpanTree) {
    this.#spans = spans;
  }

  /** Acts the contribution belongs to. Several when it is what shows that they are one. */
  find(contribution: Contribution): readonly Act[] {
    const { tenant, kind, traceId, spanId, tool } = contribution;
    const own = this.#index
      .of(tenant, recordKey(tenant, contribution.identity))
      .find((act) => act.kind === kind || contribution.joinsSpan);
    if (own !== undefined) return [own];
    const span = textKey(traceKey(tenant, traceId), spanId);
    if (contribution.joinsSpan) {
      return this.#index.of(tenant, kindKey(span, KEY_KIND.ofSpan)).slice(0, 1);
    }
    if (contribution.signal === 'traces' && tool?.role !== 'request') {
      const waiting = this.#index
        .of(tenant, kindKey(span, KEY_KIND.ofSpan))
        .find((act) => act.contributions.every((each) => each.joinsSpan));
      if (waiting !== undefined) return [waiting];
    }
    if (tool === null || kind !== 'tool_call') {
      // Two signals about one span: its log records join the row of the span, and the other way round.
      if (spanId === '' || kind === 'error' || kind === 'log') return [];
      const act = this.#index
        .of(tenant, spanOfKindKey(span, kind))
        .find((each) => contribution.signal === 'logs' || each.contributions.every((other) => other.signal === 'logs'));
      return act === undefined ? [] : [act];
    }
    const found = new Set<Act>();
    for (const key of lookupKeys(contribution)) {
      const act = this.#index.of(tenant, key).find((each) => mayJoin(each, contribution, 'call_id'));
      if (act !== undefined) found.add(act);
    }
    if (traceId !== '' && spanId !== '') {
      for (const act of this.#findByTree(contribution)) found.add(act);
      if (found.size === 0) {
        const act = this.#findByName(contribution);
        if (act !== undefined) found.add(act);
      }
    }
    return [...found];
  }

  /** Enters the act into the index under everything by which a record that belongs to it may ask. */
  enter(act: Act, contribution: Contribution): void {
    const { tenant, kind, traceId, spanId, parentSpanId, identity, tool, signal } = contribution;
    const index = this.#index;
    index.add(recordKey(tenant, identity), act);
    const trace = traceKey(tenant, traceId);
    const span = textKey(trace, spanId);
    if (traceId !== '') index.add(kindKey(trace, KEY_KIND.trace), act);
    if (contribution.joinsSpan || (signal === 'traces' && tool?.role !== 'request')) {
      index.add(kindKey(span, KEY_KIND.ofSpan), act);
    }
    if (contribution.joinsSpan) return;
    if (kind === 'error' || kind === 'log') {
      index.add(kindKey(trace, KEY_KIND.failures), act);
      return;
    }
    if (tool === null || kind !== 'tool_call') {
      if (spanId !== '') index.add(spanOfKindKey(span, kind), act);
      return;
    }
    for (const key of callKeys(contribution)) index.add(key, act);
    if (traceId === '') return;
    index.add(kindKey(trace, KEY_KIND.tools), act);
    const same = sameCallKey(contribution);
    if (same !== undefined) index.add(same, act);
    if (signal !== 'traces' || tool.role === 'request') return;
    index.add(kindKey(span, KEY_KIND.toolSpan), act);
    const above = this.#spans.upwards(parentKey(trace, parentSpanId), span);
    for (let at = 0; at < above.length && at < AWAITED_ANCESTORS_MAX; at += 1) {
      index.add(kindKey(above[at] as WindowKey, KEY_KIND.awaits), act);
    }
  }

  /** Acts of a trace, in the sense of `kind`, in the order they came. */
  ofTrace({ tenant, traceId }: Pick<Contribution, 'tenant' | 'traceId'>, kind: number): readonly Act[] {
    return this.#index.of(tenant, kindKey(traceKey(tenant, traceId), kind));
  }

  /** Acts of the contribution's trace that say the same as it: tool and arguments; in the order they came. */
  sameCalls(contribution: Contribution): readonly Act[] {
    const key = sameCallKey(contribution);
    return key === undefined ? [] : this.#index.of(contribution.tenant, key);
  }

  /** True when nothing was said yet about a call of this id; false for a contribution without one. */
  isFirstOfCall(contribution: Contribution): boolean {
    const [key] = callKeys(contribution);
    return key !== undefined && this.#index.of(contribution.tenant, key).length === 0;
  }

  /** Enters an act read back from the store under a further span that it was seen as. */
  enterSpan(act: Act, traceId: string, spanId: string): void {
    const { tenant } = act;
    this.#index.add(recordKey(tenant, `span ${traceId} ${spanId}`), act);
    this.#index.add(kindKey(textKey(traceKey(tenant, traceId), spanId), KEY_KIND.toolSpan), act);
  }

  remove(act: Act): void {
    this.#index.remove(act);
  }

  #findByTree(contribution: Contribution): readonly Act[] {
    const { tenant, traceId, spanId, parentSpanId, tool } = contribution;
    // A model's request shares its span with the model call and has no place of its own in the tree.
    if (tool?.role === 'request') return [];
    const found: Act[] = [];
    const trace = traceKey(tenant, traceId);
    const own = textKey(trace, spanId);
    const start = contribution.signal === 'logs' ? undefined : parentKey(trace, parentSpanId);
    for (const above of this.#spans.upwards(start, own)) {
      const act = this.#index.of(tenant, kindKey(above, KEY_KIND.toolSpan))[0];
      if (act !== undefined) {
        if (mayJoin(act, contribution, 'tree')) found.push(act);
        break;
      }
      // Under another agent's span it is another act.
      if ((this.#spans.context(above)?.agentName ?? '') !== '') break;
    }
    for (const act of this.#index.of(tenant, kindKey(own, KEY_KIND.awaits))) {
      if (mayJoin(act, contribution, 'tree')) found.push(act);
    }
    return found;
  }

  /**
   * Emitters that leave call ids out: a model's request is answered by the next run of that tool without an id, and an MCP
   * span belongs to the run (or the MCP client's span) of that tool it overlaps, though the HTTP spans between them are not
   * known.
   */
  #findByName(contribution: Contribution): Act | undefined {
    const { tool } = contribution;
    if (tool === null || tool.name === '') return undefined;
    return this.ofTrace(contribution, KEY_KIND.tools).find((act) => {
      const others = act.contributions;
      for (const other of others) {
        if (other.tool === null || !sameTool(other.tool.name, tool.name)) return false;
        if (other.tool.callId !== '' && tool.callId !== '' && other.tool.callId !== tool.callId) return false;
        if (other.tool.role === tool.role) return false;
      }
      return others.some((other) => answers(other, contribution) || answers(contribution, other));
    });
  }
}

/** The key of the span above; undefined at the root. */
function parentKey(trace: WindowKey, parentSpanId: string): WindowKey | undefined {
  return parentSpanId === '' ? undefined : textKey(trace, parentSpanId);
}

/** `later` is the run that a request without usable id asked for, or the MCP side of a run. */
function answers(earlier: Contribution, later: Contribution): boolean {
  if (earlier.tool === null || later.tool === null) return false;
  if (earlier.tool.role === 'request') {
    return (
      later.tool.role !== 'request' &&
      (earlier.tool.callId === '' || later.tool.callId === '') &&
      later.startUnixNano >= earlier.startUnixNano
    );
  }
  const runs = earlier.tool.role === 'execute' && later.tool.role === 'mcp_client';
  const serves = earlier.tool.role !== 'event' && later.tool.role === 'mcp_server';
  return (runs || serves) && overlaps(earlier, later);
}
