import type { EvidenceKind, EvidenceOutcome } from '../../record/evidence.ts';
import type { ExceptionName, OperationName } from '../../record/service-signals.ts';

/** One telling observation about services, before it is a row. */
export interface Signal {
  /** Names the observation within an incident: the same one later replaces its row. */
  readonly key: string;
  readonly kind: Extract<EvidenceKind, 'error' | 'trace' | 'log' | 'metric'>;
  /** Backend, dataset and query shape. */
  readonly sourceFamily: string;
  readonly service: string;
  readonly summary: string;
  readonly outcome: EvidenceOutcome;
  /** Effect size; comparable between shapes, at least 0. */
  readonly score: number;
  /** Before and after, as JSON. */
  readonly figures: Readonly<Record<string, string | number>>;
  /** SQL that gives the figures again. */
  readonly query: string;
  readonly traceIds: readonly string[];
  /** Whose trace is to be looked up once the signal is among those that are told. */
  readonly exemplar?: (OperationName & { readonly which: 'failed' | 'slowest' }) | ExceptionName;
}

/** Rows of one incident that signals may take, and of one refresh. */
export const SIGNALS_MAX = 50;

/**
 * Orders by effect, with a second and third signal of a service behind the first ones of others: the head of the list is
 * for choosing where to look, not for seeing one service from all sides.
 */
export function rankSignals(signals: readonly Signal[], max: number = SIGNALS_MAX): readonly Signal[] {
  const best = new Map<string, Signal>();
  for (const signal of signals) {
    const held = best.get(signal.key);
    if (signal.score > 0 && (held === undefined || held.score < signal.score)) best.set(signal.key, signal);
  }
  const ordered = [...best.values()].sort((a, b) => b.score - a.score || (a.key < b.key ? -1 : 1));
  const seen = new Map<string, number>();
  return ordered
    .map((signal) => {
      const earlier = seen.get(signal.service) ?? 0;
      seen.set(signal.service, earlier + 1);
      return { signal, weight: signal.score / (1 + earlier) };
    })
    .sort((a, b) => b.weight - a.weight || b.signal.score - a.signal.score || (a.signal.key < b.signal.key ? -1 : 1))
    .slice(0, max)
    .map(({ signal }) => signal);
}
