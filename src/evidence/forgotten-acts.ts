import type { Act } from './act.ts';
import { traceKey } from './act-key.ts';
import { KeyTable } from './key-table.ts';
import { surplus } from './surplus.ts';

const FORGOTTEN_MAX = 200_000;
/** Traces whose stored calls had to make room: as many at least are remembered, twice as many at most. */
const FORGOTTEN_TRACES_MIN = 100_000;
const TRACES_LOOKED_UP_MAX = 50_000;

/** What the window had to let go of and the store still has, and for which traces the store was asked. Bounded: the oldest is forgotten first. */
export class ForgottenActs {
  /** Ids of acts with stored rows; insertion order is age. */
  readonly #ids = new Set<string>();
  /** Traces of their tool calls, the younger generation first. */
  #traces: readonly [KeyTable, KeyTable] = [new KeyTable(), new KeyTable()];
  /** Insertion order is age. */
  readonly #lookedUp = new Set<string>();

  /** The act, whose row is stored, had to make room. */
  add(act: Act): void {
    this.#ids.add(act.id);
    for (const oldest of surplus(this.#ids, FORGOTTEN_MAX)) this.#ids.delete(oldest);
    if (act.kind !== 'tool_call') return;
    for (const { traceId } of act.contributions) {
      if (traceId === '') continue;
      const [young] = this.#traces;
      if (young.size >= FORGOTTEN_TRACES_MIN) this.#traces = [new KeyTable(), young];
      this.#traces[0].set(traceKey(act.tenant, traceId), 1);
      // It may be looked for again.
      this.#lookedUp.delete(`${act.tenant} ${traceId}`);
    }
  }

  has(actId: string): boolean {
    return this.#ids.has(actId);
  }

  /** True when a tool call of the trace is among them. */
  hasTrace(tenant: string, traceId: string): boolean {
    const trace = traceKey(tenant, traceId);
    return this.#traces.some((generation) => generation.get(trace) > 0);
  }

  /** The store was asked for the tool calls of the trace. */
  noteLookedUp(tenant: string, traceId: string): void {
    this.#lookedUp.add(`${tenant} ${traceId}`);
    for (const oldest of surplus(this.#lookedUp, TRACES_LOOKED_UP_MAX)) this.#lookedUp.delete(oldest);
  }

  /** True when the store was asked for the trace, and none of its calls had to make room since. */
  wasLookedUp(tenant: string, traceId: string): boolean {
    return this.#lookedUp.has(`${tenant} ${traceId}`);
  }
}
