import type { Entry } from './entry.ts';
import { applyEntry } from './fold.ts';
import { copyState, createIncidentState, type IncidentState } from './incident-state.ts';

/** Entries between two states that are kept to fold on from. */
const STRIDE = 256;
/** States kept of one incident; the one used least recently goes first. */
const KEPT_MAX = 16;

/** A record as it stood after any entry of its log. */
export interface RecordHistory {
  /** `entries` are the whole log so far; `seq` is one of it. */
  at(entries: readonly Entry[], seq: number): IncidentState;
}

/** Folds no more of the log than it must: from the nearest state that was made before. What it hands out is not changed again. */
export function createRecordHistory(tenant: string, incidentId: string): RecordHistory {
  // In order of last use, oldest first.
  const kept = new Map<number, IncidentState>();

  function keep(seq: number, state: IncidentState): void {
    kept.delete(seq);
    kept.set(seq, state);
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MAX) return;
      kept.delete(oldest);
    }
  }

  function nearest(seq: number): number {
    let found = 0;
    for (const each of kept.keys()) if (each <= seq && each > found) found = each;
    return found;
  }

  return {
    at(entries, seq) {
      const from = nearest(seq);
      const start = kept.get(from);
      if (start !== undefined) keep(from, start);
      if (start !== undefined && from === seq) return start;
      const state = start === undefined ? createIncidentState(tenant, incidentId) : copyState(start);
      for (const entry of entries.slice(from, seq)) {
        applyEntry(state, entry);
        if (entry.seq % STRIDE === 0 && entry.seq < seq) keep(entry.seq, copyState(state));
      }
      keep(seq, state);
      return state;
    },
  };
}
