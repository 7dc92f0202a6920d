import type { Entry } from '../entry.ts';
import { millis } from '../body-field.ts';
import { applyEntry } from '../fold.ts';
import { isPast } from '../freshness.ts';
import { createIncidentState, type IncidentState } from '../incident-state.ts';
import { stanceCounts } from '../support.ts';
import { whyOf } from '../why.ts';
import { wordsOf } from './words.ts';

/** A number and the ids it was counted from. */
export interface Counted {
  readonly count: number;
  readonly ids: readonly string[];
}

/** The four measures of one incident's record, from its log alone. */
export interface IncidentMeasures {
  readonly timeToContext: {
    /** From opening to the first hypothesis that had evidence for it; null while there is none. */
    readonly seconds: number | null;
    /** The opening entry, the hypothesis, the stance or proposal that brought the evidence, the evidence. */
    readonly ids: readonly string[];
  };
  readonly handoffs: {
    readonly offered: Counted;
    readonly accepted: Counted;
    /** Accepted on exactly the head that was offered. */
    readonly echoedHead: Counted;
    /** Declined, expired or withdrawn. */
    readonly notTaken: Counted;
    /** Entries that reopened a question within an hour of an acceptance. */
    readonly reopenedWithinHour: Counted;
    /** Accepted with the offered head, and nothing reopened within the hour. */
    readonly clean: Counted;
  };
  readonly followThrough: {
    readonly followUps: Counted;
    readonly closedWithProof: Counted;
    readonly closedWithoutProof: Counted;
    readonly refused: Counted;
    readonly open: Counted;
    readonly overdue: Counted;
    /** Checks whose question had been asked by an earlier check. */
    readonly repeatedChecks: Counted;
  };
  readonly explainedChanges: {
    /** Actions that were started. */
    readonly changes: Counted;
    /** Those whose chain of reasons is complete. */
    readonly explained: Counted;
    /** Mutations that telemetry showed and nobody had approved. */
    readonly unapproved: Counted;
  };
}

const HOUR_MILLISECONDS = 3_600_000;
const REOPENING: ReadonlySet<string> = new Set(['hypothesis.reopen', 'incident.reopen', 'decision.revisit']);

/** Pure: the same entries and clock give the same measures. `entries` are all of one incident, from seq 1. */
export function measureIncident(entries: readonly Entry[], now: Date): IncidentMeasures {
  const [first] = entries;
  const state = createIncidentState(first?.tenant ?? '', first?.incident ?? '');
  let context: IncidentMeasures['timeToContext'] | undefined;
  const asked = new Set<string>();
  const repeatedChecks: string[] = [];
  const reopenings: Entry[] = [];
  for (const entry of entries) {
    const before = entry.type === 'check.plan' ? state.checks.size : 0;
    applyEntry(state, entry);
    if (context === undefined && first !== undefined) context = contextAt(state, first, entry);
    if (REOPENING.has(entry.type)) reopenings.push(entry);
    if (entry.type === 'check.plan' && state.checks.size > before) {
      const question = questionOf(state, entry.entryId);
      if (question === undefined) continue;
      if (asked.has(question)) {
        repeatedChecks.push(entry.entryId);
        reopenings.push(entry);
      }
      asked.add(question);
    }
  }
  return {
    timeToContext: context ?? { seconds: null, ids: [] },
    handoffs: handoffMeasures(state, reopenings),
    followThrough: { ...followUpMeasures(state, now), repeatedChecks: counted(repeatedChecks) },
    explainedChanges: changeMeasures(state),
  };
}

function contextAt(state: IncidentState, opened: Entry, entry: Entry): IncidentMeasures['timeToContext'] | undefined {
  const seconds = Math.max(0, (millis(entry.recordedAt) - millis(opened.recordedAt)) / 1000);
  if (entry.type === 'stance.take') {
    const stance = state.stances.find(entry.entryId);
    if (stance === undefined || stance.relation !== 'supports' || !stanceCounts(state, stance)) return undefined;
    return { seconds, ids: [opened.entryId, stance.hypothesis, stance.id, stance.evidence] };
  }
  if (entry.type === 'hypothesis.propose') {
    const evidence = entry.basis.filter((id) => state.evidence.has(id));
    if (evidence.length > 0) return { seconds, ids: [opened.entryId, entry.entryId, ...evidence] };
  }
  return undefined;
}

function questionOf(state: IncidentState, checkId: string): string | undefined {
  const words = [...new Set(wordsOf(state.checks.find(checkId)?.question ?? ''))].sort();
  return words.length < 2 ? undefined : words.join(' ');
}

function handoffMeasures(state: IncidentState, reopenings: readonly Entry[]): IncidentMeasures['handoffs'] {
  const all = state.handoffs.all();
  const accepted = all.filter((each) => each.state === 'accepted');
  const echoed = accepted.filter((each) => each.settled?.acceptedHead?.hash === each.snapshotHead.hash);
  const reopened = new Set<string>();
  const disturbed = new Set<string>();
  for (const handoff of accepted) {
    if (handoff.settled === null) continue;
    const { seq, at } = handoff.settled;
    for (const entry of reopenings) {
      if (entry.seq <= seq || millis(entry.occurredAt) - millis(at) > HOUR_MILLISECONDS) continue;
      reopened.add(entry.entryId);
      disturbed.add(handoff.id);
    }
  }
  return {
    offered: counted(idsOf(all)),
    accepted: counted(idsOf(accepted)),
    echoedHead: counted(idsOf(echoed)),
    notTaken: counted(idsOf(all.filter((each) => each.state !== 'accepted' && each.state !== 'offered'))),
    reopenedWithinHour: counted([...reopened]),
    clean: counted(idsOf(echoed).filter((id) => !disturbed.has(id))),
  };
}

function followUpMeasures(state: IncidentState, now: Date): Omit<IncidentMeasures['followThrough'], 'repeatedChecks'> {
  const all = state.followUps.all();
  const done = all.filter((each) => each.state === 'done');
  const open = all.filter((each) => each.closed === null);
  return {
    followUps: counted(idsOf(all)),
    closedWithProof: counted(idsOf(done.filter((each) => each.proofs.length > 0))),
    closedWithoutProof: counted(idsOf(done.filter((each) => each.proofs.length === 0))),
    refused: counted(idsOf(all.filter((each) => each.state === 'wont_do'))),
    open: counted(idsOf(open)),
    overdue: counted(idsOf(open.filter((each) => isPast(each.due, now)))),
  };
}

function changeMeasures(state: IncidentState): IncidentMeasures['explainedChanges'] {
  const changes = state.actions.all().filter((each) => each.started !== null);
  return {
    changes: counted(idsOf(changes)),
    explained: counted(idsOf(changes.filter((each) => whyOf(state, `action:${each.id}`)?.complete === true))),
    unapproved: counted(idsOf(state.gaps.all().filter((each) => each.kind === 'unapproved_mutation'))),
  };
}

function idsOf(items: readonly { readonly id: string }[]): readonly string[] {
  return items.map((each) => each.id);
}

function counted(ids: readonly string[]): Counted {
  return { count: ids.length, ids };
}
