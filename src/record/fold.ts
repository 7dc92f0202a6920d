import { entryKindOf } from './catalogue.ts';
import type { ParsedEntry } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { applyCited } from './evidence-by-hand.ts';
import { createIncidentState, type IncidentState } from './incident-state.ts';

/** Takes one more entry into the record. Entries must come in seq order. */
export function applyEntry(state: IncidentState, entry: Entry): void {
  applyCited(state, entry);
  const parsed = parsedEntry(entry);
  if (parsed === null) state.unreadable.push(entry.seq);
  else parsed.apply(state, entry);
  state.seqByEntryId.set(entry.entryId, entry.seq);
  state.head = { seq: entry.seq, hash: entry.hash };
  state.updatedAt = entry.recordedAt;
}

// A log is folded again for every look into the past; checking the shape of its entries is most of that work.
const parsedEntries = new WeakMap<Entry, ParsedEntry | null>();

function parsedEntry(entry: Entry): ParsedEntry | null {
  const known = parsedEntries.get(entry);
  if (known !== undefined) return known;
  const { docket: _docket, ...body } = entry.body;
  const result = entryKindOf(entry.type)?.parse(body);
  const parsed = result?.ok === true ? result.parsed : null;
  parsedEntries.set(entry, parsed);
  return parsed;
}

/** The record that `entries` come to: all of one incident's from seq 1, or the first of them for how it stood then. */
export function fold(tenant: string, incidentId: string, entries: readonly Entry[]): IncidentState {
  const state = createIncidentState(tenant, incidentId);
  for (const entry of entries) applyEntry(state, entry);
  return state;
}
