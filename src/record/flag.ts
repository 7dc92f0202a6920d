import type { Flag } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';
import { stancesOn } from './support.ts';

/**
 * What fell among the things that `ids` name: withdrawn, disputed or erased evidence, rejected hypotheses, and, through
 * a hypothesis, the evidence it rests on. Each once, in the order it fell; only what fell after `since`, the entry that
 * took them as given.
 */
export function flagsOf(state: IncidentState, ids: readonly string[], since: number): readonly Flag[] {
  const flags = new Map<string, Flag>();
  for (const id of ids) {
    const hypothesis = state.hypotheses.find(id);
    if (hypothesis === undefined) {
      flagEvidence(state, id, flags);
      continue;
    }
    if (hypothesis.rejected !== null) {
      const { at, seq } = hypothesis.rejected;
      flags.set(`rejected ${hypothesis.id}`, { code: 'hypothesis_rejected', target: hypothesis.id, at, seq });
      // Whoever took it as fallen does not rest on what held it up.
      if (seq <= since) continue;
    }
    for (const evidence of restsOn(state, hypothesis.id)) flagEvidence(state, evidence, flags);
  }
  return [...flags.values()].filter((flag) => flag.seq > since).sort((one, other) => one.seq - other.seq);
}

/** Evidence that holds a hypothesis up: its supporting stances' and what its proposal named. */
export function restsOn(state: IncidentState, hypothesisId: string): readonly string[] {
  const hypothesis = state.hypotheses.find(hypothesisId);
  const stances = stancesOn(state, hypothesisId).filter(
    (each) => each.relation === 'supports' && each.withdrawn === null,
  );
  return [...new Set([...(hypothesis?.basis ?? []), ...stances.map((each) => each.evidence)])];
}

function flagEvidence(state: IncidentState, id: string, flags: Map<string, Flag>): void {
  const fact = state.evidence.get(id);
  if (fact === undefined) return;
  if (fact.withdrawn !== null) {
    const { at, seq } = fact.withdrawn;
    flags.set(`withdrawn ${id}`, { code: 'evidence_withdrawn', target: id, at, seq });
  } else if (fact.disputed !== null) {
    const { at, seq } = fact.disputed;
    flags.set(`disputed ${id}`, { code: 'evidence_disputed', target: id, at, seq });
  }
  const erased = state.erased.get(id);
  if (erased !== undefined)
    flags.set(`erased ${id}`, { code: 'content_erased', target: id, at: erased.at, seq: erased.seq });
}
