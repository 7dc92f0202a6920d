import {
  addContribution,
  createAct,
  fold,
  mayJoin,
  NOTHING_INHERITED,
  noteFiled,
  overlaps,
  recountContent,
  releaseContent,
  sameTool,
  takeBackContent,
  type Act,
  type Inherited,
} from './act.ts';
import { ActIndex } from './act-index.ts';
import { storedContribution, type Contents, type Contribution } from './contribution.ts';
import { evidenceId } from './evidence-id.ts';
import { KeyTable } from './key-table.ts';
import { SpanTree, type SpanContext } from './span-tree.ts';
import { callKeys, callName, lookupKeys, recordKey, sameCallKey, spanOfKindKey, traceKey } from './act-key.ts';
import { KEY_KIND, kindKey, textKey, type WindowKey } from './window-key.ts';
import type { EvidenceRow } from '../record/evidence.ts';

/**
 * Recent acts in memory, so that what is said about one act in several records, requests and signals ends in one row.
 * Bounded: the acts and spans heard of longest ago are forgotten first. Content is kept for the latest acts only; that of older ones
 * is in the store, and comes back when more is said about them.
 */

const ACTS_MAX = 25_000;
/** Characters of content that acts may hold until their rows are stored: fifty thousand calls of the largest contents would be gigabytes. */
export const CONTENT_LENGTH_TOTAL_MAX = 128 * 1024 * 1024;
/** Characters of content kept of acts whose rows are stored. */
const CONTENT_LENGTH_KEPT = 8 * 1024 * 1024;
const TRACES_MAX = 50_000;
const FORGOTTEN_MAX = 200_000;
/** Traces whose stored calls had to make room: as many at least are remembered, twice as many at most. */
const FORGOTTEN_TRACES_MIN = 100_000;
/** Ancestors under whose id an act can be found by a span that arrives later. */
const AWAITED_ANCESTORS_MAX = 8;
/** Identical calls of one trace that get a row each; further ones are counted into the last of them. */
export const IDENTICAL_CALLS_MAX = 100;
const FOLDED_MAX = 10_000;
/** Failures of one trace that get a row each. */
export const FAILURES_PER_TRACE_MAX = 20;

export interface ActWindow {
  /** The act this contribution belongs to, made when there is none. Undefined when a bound refuses it (`refused` counts). */
  add(contribution: Contribution): Act | undefined;
  /** Remembers a span of a trace with agent work; acts under it may change by it and are returned. `''` is no parent. */
  addSpan(tenant: string, traceId: string, spanId: string, parentSpanId: string, context: SpanContext): readonly Act[];
  /** Remembers who the parents of a trace's ordinary spans are: by span id, the parent's. */
  addParents(tenant: string, traceId: string, parents: ReadonlyMap<string, string>): void;
  /** True when tool calls of the trace are in the window, or were looked for (`addStoredTrace`). */
  knowsTrace(tenant: string, traceId: string): boolean;
  /** Takes in the stored tool calls of a trace that the window knows nothing of, so that later records join them. */
  addStoredTrace(tenant: string, traceId: string, rows: readonly EvidenceRow[]): void;
  /** True when the window held, and forgot, an act of this id whose row was stored. */
  hasForgotten(actId: string): boolean;
  /** True when the window held, and forgot, a tool call of this trace whose row was stored. */
  hasForgottenTrace(tenant: string, traceId: string): boolean;
  /** Adds what a stored row said about an act. */
  addStored(act: Act, contribution: Contribution): void;
  /** What holds for an act by the spans it ran under, nearest first. */
  inherited(act: Act): Inherited;
  /** Lets go of content beyond what is kept, of acts whose rows are stored as things stand, the oldest first. */
  release(): void;
  /** Gives an act, and those it absorbed, their released content back: by act id, what the store has. */
  takeBack(act: Act, stored: ReadonlyMap<string, Contents>): void;
  readonly refused: number;
  readonly folded: number;
  readonly size: number;
}

export interface ActWindowOptions {
  /** 25,000 by default. */
  readonly actsMax?: number;
  /** Characters of content kept of acts whose rows are stored; 8 Mi by default. */
  readonly contentLengthKept?: number;
}

export function createActWindow(options: ActWindowOptions = {}): ActWindow {
  return new BoundedActWindow(options.actsMax ?? ACTS_MAX, options.contentLengthKept ?? CONTENT_LENGTH_KEPT);
}

class BoundedActWindow implements ActWindow {
  /** Insertion order is age. */
  readonly #acts = new Set<Act>();
  readonly #index = new ActIndex();
  readonly #spans = new SpanTree();
  /** Acts whose content is here, those it came to last at the end. */
  readonly #holding = new Set<Act>();
  /** Traces whose stored calls were looked for; insertion order is age. */
  readonly #lookedUp = new Set<string>();
  /** Ids of acts with stored rows that had to make room; insertion order is age. */
  readonly #forgotten = new Set<string>();
  /** The younger generation first. */
  #forgottenTraces: readonly [KeyTable, KeyTable] = [new KeyTable(), new KeyTable()];
  readonly #actsMax: number;
  readonly #contentLengthKept: number;
  #contentLength = 0;
  refused = 0;
  folded = 0;

  constructor(actsMax: number, contentLengthKept: number) {
    this.#actsMax = actsMax;
    this.#contentLengthKept = contentLengthKept;
  }

  get size(): number {
    return this.#acts.size;
  }

  addSpan(tenant: string, traceId: string, spanId: string, parentSpanId: string, context: SpanContext): readonly Act[] {
    const trace = traceKey(tenant, traceId);
    const parent = parentSpanId === '' ? undefined : textKey(trace, parentSpanId);
    this.#spans.add(textKey(trace, spanId), parent, context);
    const says = context.agentName + context.agentId + context.conversationId + context.sessionId !== '';
    return says || context.refs.length + context.resourceRefs.length > 0
      ? this.#index.of(tenant, kindKey(trace, KEY_KIND.trace))
      : [];
  }

  addParents(tenant: string, traceId: string, parents: ReadonlyMap<string, string>): void {
    const trace = traceKey(tenant, traceId);
    for (const [spanId, parent] of parents) this.#spans.addParent(textKey(trace, spanId), textKey(trace, parent));
  }

  inherited(act: Act): Inherited {
    let { agentName, agentId, conversationId, sessionId, refs, resourceRefs } = NOTHING_INHERITED;
    let says = false;
    for (const each of act.contributions) {
      if (each.traceId === '') continue;
      // A log record's span, or a requesting model call, is itself above what it tells of.
      const from = each.signal === 'logs' ? each.spanId : each.parentSpanId;
      if (from === '') continue;
      // A span further up is about more than what runs here.
      let nearest = NOTHING_INHERITED.refs;
      let nearestResource = NOTHING_INHERITED.resourceRefs;
      for (const span of this.#spans.upwards(textKey(traceKey(act.tenant, each.traceId), from))) {
        const context = this.#spans.context(span);
        if (context === undefined) continue;
        if (agentName === '') ({ agentName, agentId } = context);
        conversationId ||= context.conversationId;
        sessionId ||= context.sessionId;
        if (nearest.length === 0) nearest = context.refs;
        if (nearestResource.length === 0) nearestResource = context.resourceRefs;
        says = true;
      }
      refs = union(refs, nearest);
      resourceRefs = union(resourceRefs, nearestResource);
    }
    return says ? { agentName, agentId, conversationId, sessionId, refs, resourceRefs } : NOTHING_INHERITED;
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
      const failures = this.#ofTrace(contribution, KEY_KIND.failures);
      if (contribution.traceId !== '' && failures.length >= FAILURES_PER_TRACE_MAX) {
        this.refused += 1;
        return undefined;
      }
    }
    const act = createAct(this.#newId(contribution), contribution);
    this.#take(act);
    this.#enter(act, contribution);
    this.#evict();
    return act;
  }

  knowsTrace(tenant: string, traceId: string): boolean {
    if (this.#lookedUp.has(`${tenant} ${traceId}`)) return true;
    return this.#index.of(tenant, kindKey(traceKey(tenant, traceId), KEY_KIND.tools)).length > 0;
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
        this.#enter(act, contribution);
        // The same spans delivered again are this act's own, also those that only added to it.
        for (const spanId of [row.source.spanId, ...row.source.alsoSeenAs]) {
          if (spanId === '') continue;
          if (row.source.signal !== 'traces') continue;
          this.#index.add(recordKey(tenant, `span ${traceId} ${spanId}`), act);
          this.#index.add(kindKey(textKey(traceKey(tenant, traceId), spanId), KEY_KIND.toolSpan), act);
        }
        this.#evict();
      }
      noteFiled(act, row.incident, row.link);
    }
  }

  addStored(act: Act, contribution: Contribution): void {
    this.#addTo(act, contribution);
  }

  release(): void {
    if (this.#contentLength <= this.#contentLengthKept) return;
    // A quarter at once: to find the first of a set, V8 walks past all that was deleted from it.
    const wanted = this.#contentLengthKept - this.#contentLengthKept / 4;
    for (const act of this.#holding) {
      if (this.#contentLength <= wanted) break;
      if (act.changed || act.filed.size === 0) continue;
      this.#contentLength -= act.contentLength;
      releaseContent(act);
      this.#holding.delete(act);
    }
  }

  takeBack(act: Act, stored: ReadonlyMap<string, Contents>): void {
    const before = act.contentLength;
    for (const each of [...act.absorbed, act]) if (each.released) takeBackContent(each, stored.get(each.id));
    recountContent(act);
    this.#recount(act, before);
  }

  #take(act: Act): void {
    this.#acts.add(act);
    this.#recount(act, 0);
  }

  #addTo(act: Act, contribution: Contribution): void {
    const before = act.contentLength;
    addContribution(act, contribution);
    this.#recount(act, before);
    this.#enter(act, contribution);
  }

  /** An act that had to make room is still written, but counts no more. */
  #recount(act: Act, before: number): void {
    if (!this.#acts.has(act)) return;
    this.#contentLength += act.contentLength - before;
    if (act.contentLength > 0) this.#holding.add(act);
  }

  #newId(contribution: Contribution): string {
    const { tenant, tool, traceId, spanId, identity } = contribution;
    // The first attempt of a call is named by the call, so that whoever reports it first gives it the same id.
    const name = callName(contribution);
    if (name !== undefined) {
      const [key] = callKeys(contribution);
      if (key !== undefined && this.#index.of(tenant, key).length === 0) return evidenceId(tenant, 'tool call', name);
    }
    return contribution.signal === 'traces' && spanId !== ''
      ? evidenceId(tenant, contribution.kind, traceId, spanId, tool?.role === 'request' ? identity : '')
      : evidenceId(tenant, contribution.kind, identity);
  }

  /** Acts the contribution belongs to. Several when it is what shows that they are one. */
  #find(contribution: Contribution): readonly Act[] {
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

  #findByTree(contribution: Contribution): readonly Act[] {
    const { tenant, traceId, spanId, parentSpanId, tool } = contribution;
    // A model's request shares its span with the model call and has no place of its own in the tree.
    if (tool?.role === 'request') return [];
    const found: Act[] = [];
    const trace = traceKey(tenant, traceId);
    const own = textKey(trace, spanId);
    const start = contribution.signal === 'logs' ? undefined : this.#parentKey(trace, parentSpanId);
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
    return this.#ofTrace(contribution, KEY_KIND.tools).find((act) => {
      const others = act.contributions;
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
    for (const contribution of other.contributions) this.#addTo(act, contribution);
    for (const identity of other.folded ?? []) fold(act, identity);
    this.#forget(other);
    act.absorbed = [...act.absorbed, other];
  }

  #flooded(contribution: Contribution): Act | undefined {
    // Most traces have too few calls for a flood: nothing to compare then.
    const calls = this.#ofTrace(contribution, KEY_KIND.tools);
    if (calls.length < IDENTICAL_CALLS_MAX) return undefined;
    const key = sameCallKey(contribution);
    const same = key === undefined ? [] : this.#index.of(contribution.tenant, key);
    if (same.length < IDENTICAL_CALLS_MAX) return undefined;
    const act = same.at(-1);
    if (act !== undefined && (act.folded?.size ?? 0) < FOLDED_MAX && act.folded?.has(contribution.identity) !== true) {
      fold(act, contribution.identity);
      this.folded += 1;
    }
    return act;
  }

  /** Enters the act into the index under everything by which a record that belongs to it may ask. */
  #enter(act: Act, contribution: Contribution): void {
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
    const above = this.#spans.upwards(this.#parentKey(trace, parentSpanId), span);
    for (let at = 0; at < above.length && at < AWAITED_ANCESTORS_MAX; at += 1) {
      index.add(kindKey(above[at] as WindowKey, KEY_KIND.awaits), act);
    }
  }

  #ofTrace({ tenant, traceId }: Contribution, kind: number): readonly Act[] {
    return this.#index.of(tenant, kindKey(traceKey(tenant, traceId), kind));
  }

  #parentKey(trace: WindowKey, parentSpanId: string): WindowKey | undefined {
    return parentSpanId === '' ? undefined : textKey(trace, parentSpanId);
  }

  #evict(): void {
    for (const oldest of surplus(this.#acts, this.#actsMax)) this.#makeRoom(oldest);
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
    if (act.filed.size === 0) return;
    this.#forgotten.add(act.id);
    if (act.kind === 'tool_call') this.#forgetTraces(act);
  }

  #forgetTraces(act: Act): void {
    for (const { traceId } of act.contributions) {
      if (traceId === '') continue;
      const [young] = this.#forgottenTraces;
      if (young.size >= FORGOTTEN_TRACES_MIN) this.#forgottenTraces = [new KeyTable(), young];
      this.#forgottenTraces[0].set(traceKey(act.tenant, traceId), 1);
      // It may be looked for again.
      this.#lookedUp.delete(`${act.tenant} ${traceId}`);
    }
  }

  hasForgotten(actId: string): boolean {
    return this.#forgotten.has(actId);
  }

  hasForgottenTrace(tenant: string, traceId: string): boolean {
    const trace = traceKey(tenant, traceId);
    return this.#forgottenTraces.some((generation) => generation.get(trace) > 0);
  }

  #forget(act: Act): void {
    if (this.#acts.delete(act)) this.#contentLength -= act.contentLength;
    this.#holding.delete(act);
    this.#index.remove(act);
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

/** Two acts that a record ties together are one unless something in them says otherwise. */
function mayMerge(act: Act, other: Act): boolean {
  return other.contributions.every((contribution) => mayJoin(act, contribution, 'call_id'));
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0) return a;
  return a.length === 0 ? b : [...new Set([...a, ...b])];
}
