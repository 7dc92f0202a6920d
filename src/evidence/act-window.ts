import { hash } from 'node:crypto';
import { addContribution, createAct, fold, mayJoin, overlaps, sameTool, type Act } from './act.ts';
import { storedContribution, type Contribution } from './contribution.ts';
import { evidenceId } from './evidence-id.ts';
import type { Inherited } from './evidence-row.ts';
import type { EvidenceRow } from '../record/evidence.ts';

/**
 * Recent acts in memory, so that what is said about one act in several records, requests and signals ends in one row.
 * Bounded: the acts and spans heard of longest ago are forgotten first.
 */

const ACTS_MAX = 50_000;
/** Characters of content over all acts: fifty thousand calls of the largest contents would be gigabytes. */
export const CONTENT_LENGTH_TOTAL_MAX = 128 * 1024 * 1024;
const SPANS_MAX = 200_000;
const TRACES_MAX = 50_000;
const FORGOTTEN_MAX = 200_000;
/** Steps up a span tree; a cycle ends here too. */
const ANCESTORS_MAX = 64;
/** Ancestors under whose id an act can be found by a span that arrives later. */
const AWAITED_ANCESTORS_MAX = 8;
/** Identical calls of one trace that get a row each; further ones are counted into the last of them. */
export const IDENTICAL_CALLS_MAX = 100;
const FOLDED_MAX = 10_000;
/** Failures of one trace that get a row each. */
export const FAILURES_PER_TRACE_MAX = 20;

/** What a recognised span says that holds for what runs under it. */
export interface SpanContext {
  readonly parentSpanId: string;
  readonly agentName: string;
  readonly agentId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly refs: readonly string[];
}

export interface ActWindow {
  /** The act this contribution belongs to, made when there is none. Undefined when a bound refuses it (`refused` counts). */
  add(contribution: Contribution): Act | undefined;
  /** Remembers a span of a trace with agent work; acts under it may change by it and are returned. */
  addSpan(tenant: string, traceId: string, spanId: string, context: SpanContext): readonly Act[];
  /** Remembers only who the parent of an ordinary span is. */
  addParent(tenant: string, traceId: string, spanId: string, parentSpanId: string): void;
  /** True when tool calls of the trace are in the window, or were looked for (`addStoredTrace`). */
  knowsTrace(tenant: string, traceId: string): boolean;
  /** Takes in the stored tool calls of a trace that the window knows nothing of, so that later records join them. */
  addStoredTrace(tenant: string, traceId: string, rows: readonly EvidenceRow[]): void;
  /** True when the window held, and forgot, an act of this id whose row was stored. */
  hasForgotten(actId: string): boolean;
  /** Adds what a stored row said about an act. */
  addStored(act: Act, contribution: Contribution): void;
  /** What holds for an act by the spans it ran under, nearest first. */
  inherited(act: Act): Inherited;
  readonly refused: number;
  readonly folded: number;
  readonly size: number;
}

/** What an ordinary span says: only its parent is remembered, as the text alone, since most spans of a trace are ordinary. */
const NO_CONTEXT = { agentName: '', agentId: '', conversationId: '', sessionId: '', refs: [] } as const;

export function createActWindow(): ActWindow {
  return new BoundedActWindow();
}

class BoundedActWindow implements ActWindow {
  /** Insertion order is age. */
  readonly #acts = new Set<Act>();
  /** An act alone stands without a list: most keys have one, and an act has a dozen keys. */
  readonly #byKey = new Map<string, Act | Act[]>();
  /** A span's context, or the parent span id of an ordinary one. */
  readonly #spans = new Map<string, SpanContext | string>();
  /** Traces whose stored calls were looked for; insertion order is age. */
  readonly #lookedUp = new Set<string>();
  /** Ids of acts with stored rows that had to make room; insertion order is age. */
  readonly #forgotten = new Set<string>();
  #contentLength = 0;
  refused = 0;
  folded = 0;

  get size(): number {
    return this.#acts.size;
  }

  addSpan(tenant: string, traceId: string, spanId: string, context: SpanContext): readonly Act[] {
    this.#remember(`${tenant} ${traceId} ${spanId}`, context);
    const says = context.agentName + context.agentId + context.conversationId + context.sessionId !== '';
    return says || context.refs.length > 0 ? this.#actsOf(`${tenant} trace ${traceId}`) : [];
  }

  addParent(tenant: string, traceId: string, spanId: string, parentSpanId: string): void {
    const key = `${tenant} ${traceId} ${spanId}`;
    if (!this.#spans.has(key)) this.#remember(key, parentSpanId);
  }

  #remember(key: string, context: SpanContext | string): void {
    this.#spans.delete(key);
    this.#spans.set(key, context);
    for (const oldest of surplus(this.#spans, SPANS_MAX)) this.#spans.delete(oldest);
  }

  /** Span ids above a span, nearest first, as far as they are known. */
  #ancestors(tenant: string, traceId: string, spanId: string, parentSpanId: string): readonly string[] {
    const above: string[] = [];
    const seen = new Set([spanId]);
    let at = parentSpanId;
    while (at !== '' && !seen.has(at) && above.length < ANCESTORS_MAX) {
      seen.add(at);
      above.push(at);
      const span = this.#spans.get(`${tenant} ${traceId} ${at}`);
      at = typeof span === 'string' ? span : (span?.parentSpanId ?? '');
    }
    return above;
  }

  inherited(act: Act): Inherited {
    let { agentName, agentId, conversationId, sessionId }: Omit<Inherited, 'refs'> = NO_CONTEXT;
    const refs = new Set<string>();
    for (const each of act.contributions.values()) {
      if (each.traceId === '') continue;
      // A log record's span, or a requesting model call, is itself above what it tells of.
      const from = each.signal === 'logs' ? each.spanId : each.parentSpanId;
      for (const spanId of this.#ancestors(act.tenant, each.traceId, '', from)) {
        const span = this.#spans.get(`${act.tenant} ${each.traceId} ${spanId}`);
        if (span === undefined) break;
        const context = typeof span === 'string' ? NO_CONTEXT : span;
        if (agentName === '') ({ agentName, agentId } = context);
        conversationId ||= context.conversationId;
        sessionId ||= context.sessionId;
        for (const ref of context.refs) refs.add(ref);
      }
    }
    return { agentName, agentId, conversationId, sessionId, refs: [...refs] };
  }

  add(contribution: Contribution): Act | undefined {
    const [known, ...alsoKnown] = this.#find(contribution);
    if (known !== undefined) {
      this.#addTo(known, contribution);
      for (const other of alsoKnown) if (mayMerge(known, other)) this.#absorb(known, other);
      this.#evict();
      return known;
    }
    if (contribution.kind === 'tool_call') {
      const flooded = this.#flooded(contribution);
      if (flooded !== undefined) return flooded;
    } else if (contribution.kind === 'error' || contribution.kind === 'log') {
      const failures = this.#actsOf(`${contribution.tenant} failures ${contribution.traceId}`);
      if (contribution.traceId !== '' && failures.length >= FAILURES_PER_TRACE_MAX) {
        this.refused += 1;
        return undefined;
      }
    }
    const act = createAct(this.#newId(contribution), contribution);
    this.#take(act);
    this.#index(act, contribution);
    this.#evict();
    return act;
  }

  knowsTrace(tenant: string, traceId: string): boolean {
    return this.#lookedUp.has(`${tenant} ${traceId}`) || this.#byKey.has(`${tenant} tools ${traceId}`);
  }

  addStoredTrace(tenant: string, traceId: string, rows: readonly EvidenceRow[]): void {
    this.#lookedUp.add(`${tenant} ${traceId}`);
    for (const oldest of surplus(this.#lookedUp, TRACES_MAX)) this.#lookedUp.delete(oldest);
    const byId = new Map<string, Act>();
    for (const row of rows) {
      let act = byId.get(row.id);
      if (act === undefined) {
        const contribution = storedContribution(row);
        act = createAct(row.id, contribution);
        byId.set(row.id, act);
        this.#take(act);
        this.#index(act, contribution);
        // The same spans delivered again are this act's own, also those that only added to it.
        for (const spanId of [row.source.spanId, ...row.source.alsoSeenAs]) {
          if (spanId === '') continue;
          if (row.source.signal === 'traces') this.#key(act, `${tenant} record span ${traceId} ${spanId}`);
          if (row.source.signal === 'traces') this.#key(act, `${tenant} tool span ${traceId} ${spanId}`);
        }
        this.#evict();
      }
      act.filed.set(row.incident, row.link);
    }
  }

  addStored(act: Act, contribution: Contribution): void {
    this.#addTo(act, contribution);
  }

  #take(act: Act): void {
    this.#acts.add(act);
    this.#contentLength += act.contentLength;
  }

  #addTo(act: Act, contribution: Contribution): void {
    const before = act.contentLength;
    addContribution(act, contribution);
    // An act that had to make room is still written, but counts no more.
    if (this.#acts.has(act)) this.#contentLength += act.contentLength - before;
    this.#index(act, contribution);
  }

  #newId(contribution: Contribution): string {
    const { tenant, tool, traceId, spanId, identity } = contribution;
    // The first attempt of a call is named by the call, so that whoever reports it first gives it the same id.
    for (const key of tool === null ? [] : callKeys(contribution)) {
      if (this.#actsOf(key).length === 0) return evidenceId(tenant, 'tool call', key);
      break;
    }
    return contribution.signal === 'traces' && spanId !== ''
      ? evidenceId(tenant, contribution.kind, traceId, spanId, tool?.role === 'request' ? identity : '')
      : evidenceId(tenant, contribution.kind, identity);
  }

  /** Acts the contribution belongs to. Several when it is what shows that they are one. */
  #find(contribution: Contribution): readonly Act[] {
    const { tenant, kind, traceId, spanId, tool } = contribution;
    const own = this.#actsOf(`${tenant} record ${contribution.identity}`).find(
      (act) => act.kind === kind || contribution.joinsSpan,
    );
    if (own !== undefined) return [own];
    if (contribution.joinsSpan) {
      return this.#actsOf(`${tenant} of span ${traceId} ${spanId}`).slice(0, 1);
    }
    if (contribution.signal === 'traces' && tool?.role !== 'request') {
      const waiting = this.#actsOf(`${tenant} of span ${traceId} ${spanId}`).find((act) =>
        all(act).every((each) => each.joinsSpan),
      );
      if (waiting !== undefined) return [waiting];
    }
    if (tool === null || kind !== 'tool_call') {
      // Two signals about one span: its log records join the row of the span, and the other way round.
      if (spanId === '' || kind === 'error' || kind === 'log') return [];
      const act = this.#actsOf(`${tenant} ${kind} span ${traceId} ${spanId}`).find(
        (each) => contribution.signal === 'logs' || all(each).every((other) => other.signal === 'logs'),
      );
      return act === undefined ? [] : [act];
    }
    const found = new Set<Act>();
    for (const key of lookupKeys(contribution)) {
      const act = this.#actsOf(key).find((each) => mayJoin(each, contribution, 'call_id'));
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

  #findByTree(contribution: Contribution): readonly Act[] {
    const { tenant, traceId, spanId, parentSpanId, tool } = contribution;
    // A model's request shares its span with the model call and has no place of its own in the tree.
    if (tool?.role === 'request') return [];
    const found: Act[] = [];
    const start = contribution.signal === 'logs' ? spanId : parentSpanId;
    for (const above of this.#ancestors(tenant, traceId, spanId, start)) {
      const act = this.#actsOf(`${tenant} tool span ${traceId} ${above}`)[0];
      if (act !== undefined) {
        if (mayJoin(act, contribution, 'tree')) found.push(act);
        break;
      }
      // Under another agent's span it is another act.
      const span = this.#spans.get(`${tenant} ${traceId} ${above}`);
      if (typeof span === 'object' && span.agentName !== '') break;
    }
    for (const act of this.#actsOf(`${tenant} awaits ${traceId} ${spanId}`)) {
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
    const { tenant, traceId, tool } = contribution;
    if (tool === null || tool.name === '') return undefined;
    return this.#actsOf(`${tenant} tools ${traceId}`).find((act) => {
      const others = all(act);
      for (const other of others) {
        if (other.tool === null || !sameTool(other.tool.name, tool.name)) return false;
        if (other.tool.callId !== '' && tool.callId !== '' && other.tool.callId !== tool.callId) return false;
        if (other.tool.role === tool.role) return false;
      }
      return others.some((other) => answers(other, contribution) || answers(contribution, other));
    });
  }

  /** Moves everything said about `other` to `act`. */
  #absorb(act: Act, other: Act): void {
    for (const contribution of other.contributions.values()) this.#addTo(act, contribution);
    for (const identity of other.folded ?? []) fold(act, identity);
    this.#forget(other);
    act.absorbed.push(other);
  }

  #flooded(contribution: Contribution): Act | undefined {
    // Most traces have too few calls for a flood: nothing to compare then.
    const calls = this.#actsOf(`${contribution.tenant} tools ${contribution.traceId}`);
    if (calls.length < IDENTICAL_CALLS_MAX) return undefined;
    const key = sameCallKey(contribution);
    const same = key === undefined ? [] : this.#actsOf(key);
    if (same.length < IDENTICAL_CALLS_MAX) return undefined;
    const act = same.at(-1);
    if (act !== undefined && (act.folded?.size ?? 0) < FOLDED_MAX && act.folded?.has(contribution.identity) !== true) {
      fold(act, contribution.identity);
      this.folded += 1;
    }
    return act;
  }

  #index(act: Act, contribution: Contribution): void {
    const { tenant, kind, traceId, spanId, parentSpanId, identity, tool, signal } = contribution;
    this.#key(act, `${tenant} record ${identity}`);
    if (traceId !== '') this.#key(act, `${tenant} trace ${traceId}`);
    if (contribution.joinsSpan || (signal === 'traces' && tool?.role !== 'request')) {
      this.#key(act, `${tenant} of span ${traceId} ${spanId}`);
    }
    if (contribution.joinsSpan) return;
    if (kind === 'error' || kind === 'log') {
      this.#key(act, `${tenant} failures ${traceId}`);
      return;
    }
    if (tool === null || kind !== 'tool_call') {
      if (spanId !== '') this.#key(act, `${tenant} ${kind} span ${traceId} ${spanId}`);
      return;
    }
    for (const key of callKeys(contribution)) this.#key(act, key);
    if (traceId === '') return;
    this.#key(act, `${tenant} tools ${traceId}`);
    const same = sameCallKey(contribution);
    if (same !== undefined) this.#key(act, same);
    if (signal !== 'traces' || tool.role === 'request') return;
    this.#key(act, `${tenant} tool span ${traceId} ${spanId}`);
    const above = this.#ancestors(tenant, traceId, spanId, parentSpanId);
    for (const ancestor of above.slice(0, AWAITED_ANCESTORS_MAX)) {
      this.#key(act, `${tenant} awaits ${traceId} ${ancestor}`);
    }
  }

  #actsOf(key: string): readonly Act[] {
    const found = this.#byKey.get(key);
    if (found === undefined) return [];
    return Array.isArray(found) ? found : [found];
  }

  #key(act: Act, key: string): void {
    const found = this.#byKey.get(key);
    if (found === undefined) this.#byKey.set(key, act);
    else if (!Array.isArray(found)) {
      if (found === act) return;
      this.#byKey.set(key, [found, act]);
    } else if (found.at(-1) === act || found.includes(act)) return;
    else found.push(act);
    act.keys.push(key);
  }

  #evict(): void {
    for (const oldest of surplus(this.#acts, ACTS_MAX)) this.#makeRoom(oldest);
    if (this.#contentLength > CONTENT_LENGTH_TOTAL_MAX) {
      for (const oldest of this.#acts) {
        if (this.#contentLength <= CONTENT_LENGTH_TOTAL_MAX - CONTENT_LENGTH_TOTAL_MAX / 16 || this.#acts.size === 1)
          break;
        this.#makeRoom(oldest);
      }
    }
    for (const oldest of surplus(this.#forgotten, FORGOTTEN_MAX)) this.#forgotten.delete(oldest);
  }

  #makeRoom(act: Act): void {
    this.#forget(act);
    if (act.filed.size > 0) this.#forgotten.add(act.id);
  }

  hasForgotten(actId: string): boolean {
    return this.#forgotten.has(actId);
  }

  #forget(act: Act): void {
    if (this.#acts.delete(act)) this.#contentLength -= act.contentLength;
    for (const key of act.keys) {
      const found = this.#byKey.get(key);
      if (Array.isArray(found) && found.length > 1) {
        const at = found.indexOf(act);
        if (at >= 0) found.splice(at, 1);
      } else if (found === act || (Array.isArray(found) && found[0] === act)) this.#byKey.delete(key);
    }
    act.keys.length = 0;
  }
}

/**
 * What is oldest in a set or map that outgrew its bound, a sixteenth of it at once: to find the oldest, V8 walks past every
 * entry deleted since it last rebuilt the table.
 */
function surplus<Key>(all: { readonly size: number; keys(): Iterable<Key> }, max: number): readonly Key[] {
  if (all.size <= max) return [];
  const oldest: Key[] = [];
  for (const key of all.keys()) {
    if (oldest.length >= all.size - max + max / 16) break;
    oldest.push(key);
  }
  return oldest;
}

/** Keys by which records of one call find each other: its id within its trace, or within its conversation or session. */
function callKeys({ tenant, tool, traceId, conversationId, sessionId }: Contribution): readonly string[] {
  if (tool === null || tool.callId === '') return [];
  const keys: string[] = [];
  if (traceId !== '') keys.push(`${tenant} call ${traceId} ${tool.callId}`);
  const traced = traceId === '' ? 'untraced' : 'traced';
  if (conversationId !== '') keys.push(`${tenant} ${traced} call conversation ${conversationId} ${tool.callId}`);
  if (sessionId !== '') keys.push(`${tenant} ${traced} call session ${sessionId} ${tool.callId}`);
  return keys;
}

/**
 * Where to look for the act of a call: call ids may repeat across the traces of a conversation, so records with a trace
 * meet within it, and a conversation or session joins only those without one to the others.
 */
function lookupKeys(contribution: Contribution): readonly string[] {
  const own = callKeys(contribution);
  if (contribution.traceId === '')
    return [...own, ...own.map((key) => key.replace(' untraced call ', ' traced call '))];
  return own.map((key) => key.replace(' traced call ', ' untraced call '));
}

/** Key of calls of one trace that say the same: tool and arguments. */
function sameCallKey({ tenant, tool, traceId, facts, content }: Contribution): string | undefined {
  if (tool === null || traceId === '' || tool.role !== 'execute') return undefined;
  const args = content.get('arguments');
  const said = facts?.argumentsDigest ?? args?.digest ?? args?.value ?? '';
  return `${tenant} same ${traceId} ${hash('sha256', `${tool.name} ${said}`, 'base64')}`;
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

function all(act: Act): readonly Contribution[] {
  return [...act.contributions.values()];
}

/** Two acts that a record ties together are one unless something in them says otherwise. */
function mayMerge(act: Act, other: Act): boolean {
  return all(other).every((contribution) => mayJoin(act, contribution, 'call_id'));
}
