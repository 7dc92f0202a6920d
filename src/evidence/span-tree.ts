import { sameRefs } from './act.ts';
import { KeyTable } from './key-table.ts';
import type { WindowKey } from './window-key.ts';

/** What a recognised span says that holds for what runs under it. */
export interface SpanContext {
  readonly tenant: string;
  readonly agentName: string;
  readonly agentId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly refs: readonly string[];
  readonly resourceRefs: readonly string[];
}

/** As many spans at least are remembered; twice as many at most. */
const SPANS_MIN = 200_000;
/** Steps up the tree; a cycle ends here too. */
const ANCESTORS_MAX = 64;
const NO_PARENT = 0;

/** Contexts said of late that a span's is compared with: the spans of a request mostly say the same. */
const COMPARED_MAX = 4;

interface Generation {
  /** A span's parent; NO_PARENT when it has none. */
  readonly parents: KeyTable;
  /** Where in `said` a span's context is. Spans that say the same share one: as an object each they were a tenth of what a collection walks. */
  readonly contexts: KeyTable;
  readonly said: SpanContext[];
}

/** Who runs under whom, in traces with agent work. Spans heard of longest ago are forgotten, a generation at once. */
export class SpanTree {
  #young: Generation = generation();
  #old: Generation = generation();

  /** Remembers a recognised span; what was known of it before is replaced. */
  add(span: WindowKey, parent: WindowKey | undefined, context: SpanContext): void {
    this.#remember(span, parent);
    this.#young.contexts.set(span, placeOf(this.#young.said, context));
  }

  /** Remembers only who the parent of an ordinary span is. */
  addParent(span: WindowKey, parent: WindowKey): void {
    if (!this.knows(span)) this.#remember(span, parent);
  }

  knows(span: WindowKey): boolean {
    return this.#young.parents.get(span) >= 0 || this.#old.parents.get(span) >= 0;
  }

  context(span: WindowKey): SpanContext | undefined {
    return contextIn(this.#young, span) ?? contextIn(this.#old, span);
  }

  /** Gives every context of the tenant as `change` has it. */
  changeContexts(tenant: string, change: (context: SpanContext) => SpanContext): void {
    for (const { said } of [this.#young, this.#old]) {
      for (const [place, context] of said.entries()) if (context.tenant === tenant) said[place] = change(context);
    }
  }

  /** `first` and the spans above it as far as they are known, nearest first; up to `below`, in case of a cycle. */
  upwards(first: WindowKey | undefined, below?: WindowKey): readonly WindowKey[] {
    const spans: WindowKey[] = [];
    for (let at = first ?? NO_PARENT; at !== NO_PARENT && at !== below && spans.length < ANCESTORS_MAX;) {
      spans.push(at);
      at = this.#parent(at);
    }
    return spans;
  }

  #parent(span: WindowKey): WindowKey {
    const parent = this.#young.parents.get(span);
    return parent >= 0 ? parent : Math.max(NO_PARENT, this.#old.parents.get(span));
  }

  #remember(span: WindowKey, parent: WindowKey | undefined): void {
    if (this.#young.parents.size >= SPANS_MIN) {
      this.#old = this.#young;
      this.#young = generation();
    }
    this.#young.parents.set(span, parent ?? NO_PARENT);
  }
}

function generation(): Generation {
  return { parents: new KeyTable(), contexts: new KeyTable(), said: [] };
}

function contextIn({ contexts, said }: Generation, span: WindowKey): SpanContext | undefined {
  const place = contexts.get(span);
  return place < 0 ? undefined : said[place];
}

/** Where `context`, or one that says the same, is in `said`, to which it is added when it is not among the last. */
function placeOf(said: SpanContext[], context: SpanContext): number {
  for (let place = said.length - 1; place >= 0 && place >= said.length - COMPARED_MAX; place -= 1) {
    const other = said[place];
    if (other !== undefined && saysTheSame(other, context)) return place;
  }
  return said.push(context) - 1;
}

function saysTheSame(a: SpanContext, b: SpanContext): boolean {
  return (
    a.tenant === b.tenant &&
    a.agentName === b.agentName &&
    a.agentId === b.agentId &&
    a.conversationId === b.conversationId &&
    a.sessionId === b.sessionId &&
    sameRefs(a.refs, b.refs) &&
    sameRefs(a.resourceRefs, b.resourceRefs)
  );
}
