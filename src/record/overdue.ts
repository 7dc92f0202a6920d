import { sameActor, type Actor } from './actor.ts';
import type { FollowOn } from './entry-kind.ts';
import type { MutatingCall, QueryAim } from './evidence-queries.ts';
import { operationOf } from './evidence-queries.ts';
import type { EvidenceRow } from './evidence.ts';
import { instantOf } from './evidence-by-hand.ts';
import { challengeDue, leadingHypothesis } from './fixation.ts';
import { isPast } from './freshness.ts';
import type { ActionState, IncidentState } from './incident-state.ts';
import type { RecordPolicy } from './record-policy.ts';
import { commandHolder } from './responsibility.ts';

/** What Docket must enter because time has passed: each once, however often it is asked. */
export function overdueEntries(
  state: IncidentState,
  now: Date,
  policy: RecordPolicy,
  aim: QueryAim | null = null,
): readonly FollowOn[] {
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
  const challenge = challengeDue(state, now, policy, aim) ? challengeEntry(state) : undefined;
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
      why: 'It has led unchallenged for longer than the policy allows.',
      blocks: [theory.id],
    },
  };
}

/**
 * Entries for mutating tool calls that no approved action accounts for. `calls` are all of the incident, oldest first;
 * `judged` are those found accounted for before, which is not asked again.
 */
export function unapprovedMutations(
  state: IncidentState,
  calls: readonly MutatingCall[],
  judged: ReadonlySet<string> = new Set(),
): readonly FollowOn[] {
  const known = new Set(state.gaps.all().flatMap((each) => (each.kind === 'unapproved_mutation' ? each.blocks : [])));
  const unaccounted: MutatingCall[] = [];
  // An approval is of one call: the first that matches it and did not fail uses it up.
  const used = new Set<string>();
  for (const call of calls) {
    if (known.has(call.id)) continue;
    const action = state.actions.all().find((each) => accountsFor(each, call, used));
    if (action === undefined) {
      if (!judged.has(call.id)) unaccounted.push(call);
    } else if (namesCall(action, call) && !call.failed) used.add(action.id);
  }
  return unaccounted.map((call) => ({
    type: 'gap.open',
    body: {
      kind: 'unapproved_mutation',
      what: `${call.actor.name} called ${call.tool === '' ? 'a tool' : call.tool}${call.operation === '' ? '' : ` (${call.operation})`} at ${minuteOf(call)} without an approval`,
      why: 'The tool changes things, and no approved action of that time accounts for it.',
      blocks: [call.id],
    },
  }));
}

function minuteOf({ occurredAtUnixNano }: MutatingCall): string {
  return `${instantOf(occurredAtUnixNano).slice(0, 16).replace('T', ' ')}Z`;
}

/** A mutating call as a row of evidence tells of it; undefined for any other row. */
export function mutatingCallOf(row: EvidenceRow): MutatingCall | undefined {
  if (row.kind !== 'tool_call' || row.tool?.tier !== 'mutate' || row.outcome === 'denied') return undefined;
  return {
    id: row.id,
    occurredAtUnixNano: row.occurredAtUnixNano,
    actor: row.actor,
    tool: row.tool.name,
    operation: operationOf(row.tool.tierRule ?? '', row.facts['verb']),
    argumentsDigest: row.content['arguments']?.digest ?? null,
    failed: row.outcome === 'error' || row.outcome === 'timeout',
  };
}

// The clocks of who records and who calls differ a little.
const CLOCK_SLACK_MILLISECONDS = 60_000;

function accountsFor(action: ActionState, call: MutatingCall, used: ReadonlySet<string>): boolean {
  if (action.started === null || action.startedUnder === null) return false;
  if (action.finished?.evidence.includes(call.id) === true) return true;
  if (!sameActor(action.started.by, call.actor)) return false;
  const at = Number(call.occurredAtUnixNano / 1_000_000n);
  const from = Date.parse(action.started.at) - CLOCK_SLACK_MILLISECONDS;
  const to = action.finished === null ? Infinity : Date.parse(action.finished.at) + CLOCK_SLACK_MILLISECONDS;
  if (at < from || at > to) return false;
  if (!comparable(action, call)) return true;
  return namesCall(action, call) && !used.has(action.id);
}

/** Both the approved parameters and the call's arguments are known by a digest under the same kind of key. */
function comparable(action: ActionState, call: MutatingCall): boolean {
  if (action.parametersDigest === null || call.argumentsDigest === null) return false;
  return keyOfDigest(action.parametersDigest) === keyOfDigest(call.argumentsDigest);
}

function namesCall(action: ActionState, call: MutatingCall): boolean {
  return comparable(action, call) && action.parametersDigest === call.argumentsDigest;
}

// `hmac:<key id>:<hex>`, or a bare digest.
function keyOfDigest(digest: string): string {
  return digest.includes(':') ? digest.slice(0, digest.lastIndexOf(':')) : '';
}

function hasGap(state: IncidentState, kind: string, blocks: string): boolean {
  return state.gaps.all().some((each) => each.kind === kind && each.blocks.includes(blocks));
}
