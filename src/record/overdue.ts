import { sameActor, type Actor } from './actor.ts';
import type { FollowOn } from './entry-kind.ts';
import type { EvidenceRow } from './evidence.ts';
import { instantOf } from './evidence-by-hand.ts';
import { challengeDue, leadingHypothesis } from './fixation.ts';
import { isPast } from './freshness.ts';
import type { ActionState, IncidentState } from './incident-state.ts';
import type { RecordPolicy } from './record-policy.ts';
import { commandHolder } from './responsibility.ts';

/** What Docket must enter because time has passed: each once, however often it is asked. */
export function overdueEntries(state: IncidentState, now: Date, policy: RecordPolicy): readonly FollowOn[] {
  const entries: FollowOn[] = [];
  for (const handoff of state.handoffs.all()) {
    if (handoff.state === 'offered' && isPast(handoff.expiresAt, now)) {
      entries.push({ type: 'handoff.expire', body: { handoff: handoff.id } });
    }
  }
  for (const action of state.actions.all()) {
    if (action.state !== 'executed' || !isPast(action.outcomeDue, now)) continue;
    if (hasGap(state, 'overdue_outcome', action.id)) continue;
    entries.push({
      type: 'gap.open',
      body: {
        kind: 'overdue_outcome',
        what: `Nobody has said what ${action.label} did`,
        why: 'An executed action owes an outcome by its deadline.',
        blocks: [action.id],
      },
    });
  }
  const challenge = challengeDue(state, now, policy) ? challengeEntry(state) : undefined;
  return challenge === undefined ? entries : [...entries, challenge];
}

/** Who leads, unless the theory is theirs; else another person who is there; else a gap says that nobody is. */
function challengeEntry(state: IncidentState): FollowOn | undefined {
  const theory = leadingHypothesis(state);
  if (theory === undefined) return undefined;
  const present: Actor[] = [
    ...[commandHolder(state)].flatMap((each) => (each === undefined ? [] : [each.holder])),
    ...state.responsibilities.all().flatMap((each) => (each.held ? [each.holder] : [])),
    ...[...state.participants.values()].flatMap((each) => (each.leftAt === null ? [each.actor] : [])),
  ];
  const challenger = present.find((actor) => actor.kind === 'human' && !sameActor(actor, theory.by));
  if (challenger !== undefined) {
    return {
      type: 'responsibility.assign',
      body: { kind: 'challenge', workstream: theory.label, holder: { ...challenger } },
    };
  }
  if (hasGap(state, 'unanswered', theory.id)) return undefined;
  return {
    type: 'gap.open',
    body: {
      kind: 'unanswered',
      what: `Nobody but its author is there to challenge ${theory.label}`,
      why: 'It has been the only live theory for longer than the policy allows.',
      blocks: [theory.id],
    },
  };
}

/** Entries for mutating tool calls that no approved action accounts for. */
export function unapprovedMutations(state: IncidentState, rows: readonly EvidenceRow[]): readonly FollowOn[] {
  return rows
    .filter((row) => row.kind === 'tool_call' && row.tool?.tier === 'mutate')
    .filter((row) => !hasGap(state, 'unapproved_mutation', row.id))
    .filter((row) => !state.actions.all().some((action) => accountsFor(action, row)))
    .map((row) => ({
      type: 'gap.open',
      body: {
        kind: 'unapproved_mutation',
        what: `${row.actor.name} called ${row.tool?.name ?? 'a tool'} at ${instantOf(row.occurredAtUnixNano).slice(0, 19)}Z without an approval`,
        why: 'The tool changes things, and no approved action of that time accounts for it.',
        blocks: [row.id],
      },
    }));
}

// The clocks of who records and who calls differ a little.
const CLOCK_SLACK_MILLISECONDS = 60_000;

function accountsFor(action: ActionState, row: EvidenceRow): boolean {
  if (action.started === null || action.startedUnder === null) return false;
  if (action.finished?.evidence.includes(row.id) === true) return true;
  if (!sameActor(action.started.by, row.actor)) return false;
  const at = Number(row.occurredAtUnixNano / 1_000_000n);
  const from = Date.parse(action.started.at) - CLOCK_SLACK_MILLISECONDS;
  const to = action.finished === null ? Infinity : Date.parse(action.finished.at) + CLOCK_SLACK_MILLISECONDS;
  return at >= from && at <= to;
}

function hasGap(state: IncidentState, kind: string, blocks: string): boolean {
  return state.gaps.all().some((each) => each.kind === kind && each.blocks.includes(blocks));
}
