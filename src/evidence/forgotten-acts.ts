import type { Act } from './act.ts';
import { traceKey } from './act-key.ts';
import { KeyTable } from './key-table.ts';
import { textKey, type WindowKey } from './window-key.ts';

/** As many at least are remembered, twice as many at most. */
const FORGOTTEN_MIN = 100_000;
const TRACES_LOOKED_UP_MIN = 25_000;

/** What the window had to let go of and the store still has, and for which traces the store was asked. Bounded: the oldest is forgotten first. */
export class ForgottenActs {
  /** Acts with stored rows. */
  readonly #acts = new LatestMarks(FORGOTTEN_MIN);
  /** Traces of their tool calls. */
  readonly #traces = new LatestMarks(FORGOTTEN_MIN);
  readonly #lookedUp = new LatestMarks(TRACES_LOOKED_UP_MIN);

  /** The act, whose row is stored, had to make room. */
  add(act: Act): void {
    this.#acts.set(textKey(0, act.id), true);
    if (act.kind !== 'tool_call') return;
    for (const { traceId } of act.contributions) {
      if (traceId === '') continue;
      const trace = traceKey(act.tenant, traceId);
      this.#traces.set(trace, true);
      // It may be looked for again.
      if (this.#lookedUp.has(trace)) this.#lookedUp.set(trace, false);
    }
  }

  has(actId: string): boolean {
    return this.#acts.has(textKey(0, actId));
  }

  /** True when a tool call of the trace is among them. */
  hasTrace(tenant: string, traceId: string): boolean {
    return this.#traces.has(traceKey(tenant, traceId));
  }

  /** The store was asked for the tool calls of the trace. */
  noteLookedUp(tenant: string, traceId: string): void {
    this.#lookedUp.set(traceKey(tenant, traceId), true);
  }

  /** True when the store was asked for the trace, and none of its calls had to make room since. */
  wasLookedUp(tenant: string, traceId: string): boolean {
    return this.#lookedUp.has(traceKey(tenant, traceId));
  }
}

/** Marks by key, outside V8's heap: those set longest ago are forgotten, a generation at once. */
class LatestMarks {
  readonly #min: number;
  #young = new KeyTable();
  #old = new KeyTable();

  constructor(min: number) {
    this.#min = min;
  }

  has(key: WindowKey): boolean {
    const mark = this.#young.get(key);
    return mark >= 0 ? mark === 1 : this.#old.get(key) === 1;
  }

  set(key: WindowKey, mark: boolean): void {
    if (this.#young.size >= this.#min) {
      this.#old = this.#young;
      this.#young = new KeyTable();
    }
    this.#young.set(key, mark ? 1 : 0);
  }
}
