import { assemble, type AssembleOptions } from './assemble.ts';
import type { Entry } from './entry.ts';
import type { IncidentRecord } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';
import { createRecordHistory, type RecordHistory } from './record-history.ts';

/** One incident as it lives in memory: its log, what that folds to, and what was derived from it last. */
export interface LiveIncident {
  readonly state: IncidentState;
  readonly entries: Entry[];
  verified: boolean;
  readonly history: RecordHistory;
  /** The record as it was last assembled, and from what: many look within the same second. */
  assembled: { readonly seq: number; readonly from: AssembleOptions; readonly record: IncidentRecord } | null;
}

export function liveIncidentOf(state: IncidentState, entries: Entry[], verified: boolean): LiveIncident {
  return {
    state,
    entries,
    verified,
    history: createRecordHistory(state.tenant, state.id),
    assembled: null,
  };
}

/** The record as it is now, assembled once for all who look from the same. */
export function assembledNow(live: LiveIncident, from: AssembleOptions): IncidentRecord {
  const { state, assembled } = live;
  if (assembled !== null && assembled.seq === state.head.seq && sameOptions(assembled.from, from)) {
    return assembled.record;
  }
  const record = assemble(state, from);
  live.assembled = { seq: state.head.seq, from, record };
  return record;
}

function sameOptions(one: AssembleOptions, other: AssembleOptions): boolean {
  return (
    one.now.getTime() === other.now.getTime() &&
    one.evidence === other.evidence &&
    one.aim === other.aim &&
    one.checkpoint === other.checkpoint &&
    one.verified === other.verified
  );
}

/** Freshness is told in seconds at most, so all who look within one see the same record. */
export function second(now: Date): Date {
  return new Date(Math.floor(now.getTime() / 1_000) * 1_000);
}

/** The record as it stood after entry `seq`. */
export function stateAt({ state, entries, history }: LiveIncident, seq: number): IncidentState {
  return seq >= entries.length ? state : history.at(entries, seq);
}
