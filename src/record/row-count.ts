import type { EvidenceCensus } from './assemble.ts';
import type { EvidenceOutline } from './evidence-queries.ts';
import type { EvidenceRow } from './evidence.ts';
import type { EvidenceLine } from './incident-record.ts';

/** As many agents as a count of the store names. */
const AGENTS_MAX = 200;

/** An incident's rows counted in memory, and its newest ones. */
export interface RowCount {
  readonly size: number;
  /** Takes written rows in; false when only the store can tell what the newest rows are now. */
  takeIn(rows: readonly EvidenceRow[]): boolean;
  census(lineOf: (row: EvidenceRow) => EvidenceLine): EvidenceCensus;
}

export interface NewestRows {
  /** Newest first. */
  readonly latest: readonly EvidenceRow[];
  readonly changes: readonly EvidenceRow[];
  readonly latestMax: number;
  readonly changesMax: number;
}

/** Counts from what the store has; the same rows written again change nothing. */
export function createRowCount(outlines: readonly EvidenceOutline[], newest: NewestRows): RowCount {
  const known = new Map<string, EvidenceOutline>();
  const kinds = new Map<string, number>();
  const agents = new Map<string, number>();
  const latest = [...newest.latest];
  const changes = [...newest.changes];
  for (const outline of outlines) count(outline);

  function count(outline: EvidenceOutline): void {
    known.set(outline.id, outline);
    kinds.set(outline.kind, (kinds.get(outline.kind) ?? 0) + 1);
    if (outline.agent !== null) agents.set(outline.agent, (agents.get(outline.agent) ?? 0) + 1);
  }

  function uncount({ kind, agent }: EvidenceOutline): void {
    lessen(kinds, kind);
    if (agent !== null) lessen(agents, agent);
  }

  function takeInOne(row: EvidenceRow): boolean {
    const before = known.get(row.id);
    if (before !== undefined) {
      if (before.receivedAtUnixNano > row.receivedAtUnixNano) return true;
      uncount(before);
    }
    count(outlineOf(row));
    return place(latest, row, newest.latestMax, true) && place(changes, row, newest.changesMax, row.kind === 'change');
  }

  return {
    get size() {
      return known.size;
    },
    takeIn: (rows) => rows.every(takeInOne),
    census: (lineOf) => ({
      total: known.size,
      counts: Object.fromEntries([...kinds].sort(([one], [other]) => (one < other ? -1 : 1))),
      agents: [...agents.keys()].sort().slice(0, AGENTS_MAX),
      latest: latest.map(lineOf),
      changes: changes.map(lineOf),
    }),
  };
}

function outlineOf({ id, kind, receivedAtUnixNano, actor }: EvidenceRow): EvidenceOutline {
  return { id, kind, receivedAtUnixNano, agent: actor.kind === 'agent' ? actor.name : null };
}

/**
 * Puts `row` where it belongs in the newest rows, or takes it out when it no longer `belongs`. False when a row that was
 * among them has left a place that only the store can fill.
 */
function place(newest: EvidenceRow[], row: EvidenceRow, max: number, belongs: boolean): boolean {
  const full = newest.length >= max;
  const was = newest.findIndex((each) => each.id === row.id);
  if (was >= 0) newest.splice(was, 1);
  if (belongs) {
    const behind = newest.findIndex((each) => isNewer(row, each));
    newest.splice(behind < 0 ? newest.length : behind, 0, row);
    // At the end of a list that was full, others may be newer.
    if (was >= 0 && full && behind < 0) return false;
    newest.splice(max);
    return true;
  }
  return was < 0 || !full;
}

function isNewer(one: EvidenceRow, other: EvidenceRow): boolean {
  return one.occurredAtUnixNano === other.occurredAtUnixNano
    ? one.id > other.id
    : one.occurredAtUnixNano > other.occurredAtUnixNano;
}

function lessen(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 1) - 1;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
}
