import type { Entry } from '../entry.ts';
import type { IncidentRecord } from '../incident-record.ts';

/** What an incident taught: what was ruled out and by what, what it was, what fixed it, and what is still to do. */
export interface IncidentOutcome {
  readonly ruledOut: readonly RuledOut[];
  /** Accepted hypotheses, or supported ones while none is accepted. */
  readonly cause: readonly Named[];
  readonly fixedBy: readonly Fix[];
  /** Neither done nor refused. */
  readonly followUps: readonly OpenFollowUp[];
}

export interface Named {
  readonly id: string;
  readonly label: string;
  readonly text: string;
}

export interface RuledOut extends Named {
  readonly reason: string;
  /** Nothing refuted it; somebody set it aside. */
  readonly setAside: boolean;
  /** The checks, stances and evidence that killed it. */
  readonly by: readonly {
    readonly kind: 'check' | 'stance' | 'evidence';
    readonly id: string;
    readonly label: string | null;
    readonly text: string;
  }[];
}

export interface Fix {
  readonly kind: 'action' | 'decision' | 'status';
  readonly id: string;
  readonly label: string | null;
  readonly text: string;
}

export interface OpenFollowUp extends Named {
  readonly state: string;
  readonly owner: string | null;
  readonly due: string | null;
  readonly externalRef: string | null;
}

const ITEMS_MAX = 20;
const TEXT_LENGTH_MAX = 500;

/** Pure; `entries` are the incident's, for reasons that the record does not keep. */
export function outcomeOf(record: IncidentRecord, entries: readonly Entry[]): IncidentOutcome {
  const accepted = record.hypotheses.filter((each) => each.state === 'accepted');
  const causes = accepted.length > 0 ? accepted : record.hypotheses.filter((each) => each.state === 'supported');
  return {
    ruledOut: record.hypotheses
      .flatMap((each): RuledOut[] => {
        if (each.rejected === null) return [];
        const { reason, setAside, killedBy } = each.rejected;
        const by = killedBy.slice(0, ITEMS_MAX).map((id) => killer(record, id));
        return [{ ...named(each, each.statement), reason: cut(reason), setAside, by }];
      })
      .slice(0, ITEMS_MAX),
    cause: causes.slice(0, ITEMS_MAX).map((each) => named(each, each.statement)),
    fixedBy: fixesOf(record, entries).slice(0, ITEMS_MAX),
    followUps: record.followUps
      .filter((each) => each.state !== 'done' && each.state !== 'wont_do')
      .slice(0, ITEMS_MAX)
      .map((each) => ({
        ...named(each, each.title),
        state: each.state,
        owner: each.owner?.name ?? null,
        due: each.due,
        externalRef: each.externalRef,
      })),
  };
}

/** Actions shown to have worked; else what was decided before it was over; else what was said when it was. */
function fixesOf(record: IncidentRecord, entries: readonly Entry[]): readonly Fix[] {
  const worked = record.actions.filter((each) => each.outcome?.effect === 'verified');
  if (worked.length > 0) {
    return worked.map((each) => ({
      kind: 'action',
      id: each.id,
      label: each.label,
      text: cut(
        `${each.intent} (${each.operation} on ${each.target})${each.outcome?.text ? `: ${each.outcome.text}` : ''}`,
      ),
    }));
  }
  const ended = entries.flatMap((entry): Fix[] => {
    const { status, reason } = entry.body;
    const ends = status === 'mitigated' || status === 'monitoring' || status === 'resolved';
    return entry.type === 'incident.status' && ends && typeof reason === 'string'
      ? [{ kind: 'status', id: entry.entryId, label: null, text: cut(reason) }]
      : [];
  });
  const isOver = record.mitigatedAt !== null || record.resolvedAt !== null;
  const decided = isOver ? record.decisions.filter((each) => each.stands) : [];
  return [
    ...decided.map((each): Fix => ({
      kind: 'decision',
      id: each.id,
      label: each.label,
      text: cut(`${each.chosen}: ${each.rationale}`),
    })),
    ...ended,
  ];
}

function killer(record: IncidentRecord, id: string): RuledOut['by'][number] {
  const check = record.checks.find((each) => each.id === id);
  if (check !== undefined) {
    const text = check.answer === null ? check.question : `${check.question} ${check.answer.text}`;
    return { kind: 'check', id, label: check.label, text: cut(text) };
  }
  for (const { stances } of record.hypotheses) {
    const stance = stances.find((each) => each.id === id || each.evidence === id);
    if (stance !== undefined) {
      const isStance = stance.id === id;
      return {
        kind: isStance ? 'stance' : 'evidence',
        id,
        label: isStance ? stance.label : null,
        text: cut(stance.rationale),
      };
    }
  }
  return { kind: 'evidence', id, label: null, text: '' };
}

function named(item: { readonly id: string; readonly label: string }, text: string): Named {
  return { id: item.id, label: item.label, text: cut(text) };
}

function cut(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`;
}
