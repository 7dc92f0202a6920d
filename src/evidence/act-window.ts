import {
  addContribution,
  createAct,
  fold,
  FOLDED_MAX,
  mayJoin,
  NOTHING_INHERITED,
  noteFiled,
  recountContent,
  releaseContent,
  takeBackContent,
  type Act,
  type Inherited,
} from './act.ts';
import { ActFinder } from './act-finder.ts';
import { callName, traceKey } from './act-key.ts';
import { storedContribution, type Contents, type Contribution } from './contribution.ts';
import { evidenceId } from './evidence-id.ts';
import { ForgottenActs } from './forgotten-acts.ts';
import { SpanTree, type SpanContext } from './span-tree.ts';
import { surplus } from './surplus.ts';
import { KEY_KIND, textKey, type WindowKey } from './window-key.ts';
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
/** Identical calls of one trace that get a row each; further ones are counted into the last of them. */
export const IDENTICAL_CALLS_MAX = 100;
/** Failures of one trace that get a row each. */
export const FAILURES_PER_TRACE_MAX = 20;

export interface ActWindow {
  /** The act this contribution belongs to, made when there is none. Undefined when a bound refuses it (`refused` counts). */
  add(contribution: Contribution): Act | undefined;
  /** Remembers a span of a trace with agent work; acts under it may change by it and are returned. `''` is no parent. */
  addSpan(tenant: string, traceId: string, spanId: string, parentSpanId: string, context: SpanContext): readonly Act[];
  /** Remembers who the parents of ordinary spans are: a span's key, then its parent's, and so on (./span-parents.ts). */
  addParents(parents: readonly WindowKey[]): void;
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
  /** The tenant's acts, the oldest first. */
  ofTenant(tenant: string): readonly Act[];
  /** Puts what `change` makes of each thing that was said about an act in its place. */
  changeContributions(act: Act, change: (contribution: Contribution) => Contribution): void;
  /** The same of what spans of the tenant say that holds for what runs under them. */
  changeContexts(tenant: string, change: (context: SpanContext) => SpanContext): void;
  readonly refused: number;
  readonly folded: number;
  /** Records left out of an act that keeps as many as it may. */
  readonly crowded: number;
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
  readonly #spans = new SpanTree();
  readonly #finder = new ActFinder(this.#spans);
  /** Acts whose content is here, those it came to last at the end. */
  readonly #holding = new Set<Act>();
  readonly #forgotten = new ForgottenActs();
  readonly #actsMax: number;
  readonly #contentLengthKept: number;
  #contentLength = 0;
  refused = 0;
  folded = 0;
  crowded = 0;

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
      ? this.#finder.ofTrace({ tenant, traceId }, KEY_KIND.trace)
      : [];
  }

  addParents(parents: readonly WindowKey[]): void {
    for (let at = 1; at < parents.length; at += 2) {
      this.#spans.addParent(parents[at - 1] as WindowKey, parents[at] as WindowKey);
    }
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
    const [known, ...alsoKnown] = this.#finder.find(contribution);
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
      const failures = this.#finder.ofTrace(contribution, KEY_KIND.failures);
      if (contribution.traceId !== '' && failures.length >= FAILURES_PER_TRACE_MAX) {
        this.refused += 1;
        return undefined;
      }
    }
    const act = createAct(this.#newId(contribution), contribution);
    this.#take(act);
    this.#finder.enter(act, contribution);
    this.#evict();
    return act;
  }

  knowsTrace(tenant: string, traceId: string): boolean {
    return (
      this.#forgotten.wasLookedUp(tenant, traceId) ||
      this.#finder.ofTrace({ tenant, traceId }, KEY_KIND.tools).length > 0
    );
  }

  addStoredTrace(tenant: string, traceId: string, rows: readonly EvidenceRow[]): void {
    this.#forgotten.noteLookedUp(tenant, traceId);
    const byId = new Map<string, Act>();
    for (const row of rows) {
      let act = byId.get(row.id);
      if (act === undefined) {
        const contribution = storedContribution(row);
        act = createAct(row.id, contribution);
        byId.set(row.id, act);
        this.#take(act);
        this.#finder.enter(act, contribution);
        // The same spans delivered again are this act's own, also those that only added to it.
        for (const spanId of [row.source.spanId, ...row.source.alsoSeenAs]) {
          if (spanId !== '' && row.source.signal === 'traces') this.#finder.enterSpan(act, traceId, spanId);
        }
        this.#evict();
      }
      noteFiled(act, row.incident, row.link);
    }
  }

  hasForgotten(actId: string): boolean {
    return this.#forgotten.has(actId);
  }

  hasForgottenTrace(tenant: string, traceId: string): boolean {
    return this.#forgotten.hasTrace(tenant, traceId);
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

  ofTenant(tenant: string): readonly Act[] {
    return [...this.#acts].filter((act) => act.tenant === tenant);
  }

  changeContributions(act: Act, change: (contribution: Contribution) => Contribution): void {
    const before = act.contentLength;
    for (const [at, contribution] of act.contributions.entries()) act.contributions[at] = change(contribution);
    recountContent(act);
    this.#recount(act, before);
  }

  changeContexts(tenant: string, change: (context: SpanContext) => SpanContext): void {
    this.#spans.changeContexts(tenant, change);
  }

  #take(act: Act): void {
    this.#acts.add(act);
    this.#recount(act, 0);
  }

  #addTo(act: Act, contribution: Contribution): void {
    const before = act.contentLength;
    if (!addContribution(act, contribution)) this.crowded += 1;
    this.#recount(act, before);
    this.#finder.enter(act, contribution);
  }

  /** An act that had to make room is still written, but counts no more. */
  #recount(act: Act, before: number): void {
    if (!this.#acts.has(act)) return;
    this.#contentLength += act.contentLength - before;
    if (act.contentLength > 0) this.#holding.add(act);
  }

  #newId(contribution: Contribution): string {
    const { tenant, tool, traceId, spanId, identity } = contribution;
    // The first attempt of a call is named by the call, so that whoever reports it first gives it the same id. An approval of it is
    // no attempt, though it mostly comes first.
    const name = contribution.kind === 'tool_call' ? callName(contribution) : undefined;
    if (name !== undefined && this.#finder.isFirstOfCall(contribution)) return evidenceId(tenant, 'tool call', name);
    return contribution.signal === 'traces' && spanId !== ''
      ? evidenceId(tenant, contribution.kind, traceId, spanId, tool?.role === 'request' ? identity : '')
      : evidenceId(tenant, contribution.kind, identity);
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
    const calls = this.#finder.ofTrace(contribution, KEY_KIND.tools);
    if (calls.length < IDENTICAL_CALLS_MAX) return undefined;
    const same = this.#finder.sameCalls(contribution);
    if (same.length < IDENTICAL_CALLS_MAX) return undefined;
    const act = same.at(-1);
    if (act !== undefined && act.folded?.has(contribution.identity) !== true) {
      // Beyond the bound the row says "or more", and the metric goes on.
      if ((act.folded?.size ?? 0) < FOLDED_MAX) fold(act, contribution.identity);
      this.folded += 1;
    }
    return act;
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
  }

  #makeRoom(act: Act): void {
    this.#forget(act);
    if (act.filed.size > 0) this.#forgotten.add(act);
  }

  #forget(act: Act): void {
    if (this.#acts.delete(act)) this.#contentLength -= act.contentLength;
    this.#holding.delete(act);
    this.#finder.remove(act);
  }
}

/** Two acts that a record ties together are one unless something in them says otherwise. */
function mayMerge(act: Act, other: Act): boolean {
  return other.contributions.every((contribution) => mayJoin(act, contribution, 'call_id'));
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0) return a;
  return a.length === 0 ? b : [...new Set([...a, ...b])];
}
