import { millis } from './body-field.ts';
import { spell } from './freshness.ts';
import { CONFIDENCE_LEVELS, type Fixation } from './incident-record.ts';
import type { QueryAim } from './evidence-queries.ts';
import { isLive, type HypothesisState, type IncidentState } from './incident-state.ts';
import type { RecordPolicy } from './record-policy.ts';
import { supportOf } from './support.ts';

const STANDING: Readonly<Record<HypothesisState['state'], number>> = {
  accepted: 3,
  supported: 2,
  investigating: 1,
  proposed: 0,
  superseded: -1,
  rejected: -1,
};

/** The live hypothesis most believed: by state, confidence, independent support; the older one of two equals. */
export function leadingHypothesis(state: IncidentState): HypothesisState | undefined {
  const ranked = state.hypotheses
    .all()
    .filter(isLive)
    .map((hypothesis) => ({
      hypothesis,
      rank: [
        STANDING[hypothesis.state],
        CONFIDENCE_LEVELS.indexOf(hypothesis.stated.level),
        supportOf(state, hypothesis).supportFamilies.length,
        -hypothesis.seq,
      ],
    }));
  ranked.sort((one, other) => compare(other.rank, one.rank));
  return ranked[0]?.hypothesis;
}

// A share of fewer queries says nothing.
const QUERIES_MIN = 3;

/** How narrow the search has become, from the record and, where the store can tell, from what was asked of telemetry. */
export function fixationOf(state: IncidentState, now: Date, policy: RecordPolicy, aim: QueryAim | null): Fixation {
  const leader = leadingHypothesis(state);
  const live = state.hypotheses.all().filter(isLive);
  if (leader === undefined) {
    return {
      leader: null,
      liveHypotheses: 0,
      leaderAgeSeconds: null,
      secondsSinceDisconfirmingAttempt: null,
      supports: 0,
      refutes: 0,
      queryShareOnLeader: null,
      recentQueries: null,
      challengeDue: false,
      explanation: [],
    };
  }
  const support = supportOf(state, leader);
  const lastAttempt = lastDisconfirmingAttempt(state, leader);
  const age = secondsBetween(millis(leader.at), now);
  const due = challengeDue(state, now, policy, aim);
  const share = aim !== null && aim.queries >= QUERIES_MIN ? aim : null;
  const explanation = [
    `${live.length === 1 ? 'One live theory' : `${live.length} live theories`}; ${leader.label} has led or stood for ${spell(new Date(leader.at), now)}.`,
    `${support.supporting.length} for it, ${support.refuting.length} against.`,
    lastAttempt === null
      ? 'Nobody has tried to disprove it.'
      : `Last attempt to disprove it ${spell(new Date(lastAttempt), now)} ago.`,
    ...(share === null ? [] : [`${share.aimed} of the last ${share.queries} queries were aimed at it.`]),
    ...(due ? ['Somebody other than its author should challenge it.'] : []),
  ];
  return {
    leader: leader.id,
    liveHypotheses: live.length,
    leaderAgeSeconds: age,
    secondsSinceDisconfirmingAttempt: lastAttempt === null ? null : secondsBetween(lastAttempt, now),
    supports: support.supporting.length,
    refutes: support.refuting.length,
    queryShareOnLeader: share === null ? null : share.aimed / share.queries,
    recentQueries: share?.queries ?? null,
    challengeDue: due,
    explanation,
  };
}

/**
 * One live theory has stood alone for longer than the policy allows, or nearly every recent query was aimed at the leader
 * while nobody tried to disprove it for as long; and nobody has been asked to challenge yet.
 */
export function challengeDue(
  state: IncidentState,
  now: Date,
  policy: RecordPolicy,
  aim: QueryAim | null = null,
): boolean {
  if (state.status !== 'active' && state.status !== 'triage') return false;
  if (!policy.challengeSeverities.includes(state.severity)) return false;
  if (state.responsibilities.all().some((each) => each.held && each.kind === 'challenge')) return false;
  const live = state.hypotheses.all().filter(isLive);
  const [only] = live;
  if (only !== undefined && live.length === 1) {
    if (only.state === 'accepted') return false;
    if (secondsBetween(aloneSince(state, only), now) > policy.challengeAfterSeconds) return true;
  }
  const leader = leadingHypothesis(state);
  if (leader === undefined || leader.state === 'accepted' || aim === null) return false;
  if (aim.queries < policy.challengeQueriesMin || aim.aimed < aim.queries * policy.challengeQueryShare) return false;
  const tried = lastDisconfirmingAttempt(state, leader) ?? millis(leader.at);
  return secondsBetween(tried, now) > policy.challengeAfterSeconds;
}

/** When somebody last took a stance against it or answered a check that could have gone against it; milliseconds. */
function lastDisconfirmingAttempt(state: IncidentState, leader: HypothesisState): number | null {
  const attempts = [
    ...state.stances
      .all()
      .filter((each) => each.hypothesis === leader.id && each.relation === 'refutes')
      .map((each) => each.at),
    ...state.checks
      .all()
      .filter((each) => each.answer?.outcomes.some((outcome) => outcome.hypothesis === leader.id))
      .map((each) => each.answer?.at ?? each.at),
  ].map(millis);
  return attempts.length === 0 ? null : Math.max(...attempts);
}

// Alone since it was proposed, or since the last other theory fell.
function aloneSince(state: IncidentState, only: HypothesisState): number {
  const falls = state.hypotheses.all().map((each) => (each.rejected === null ? 0 : millis(each.rejected.at)));
  return Math.max(millis(only.at), ...falls);
}

function secondsBetween(from: number, to: Date): number {
  return Math.max(0, Math.floor((to.getTime() - from) / 1000));
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, value] of one.entries()) {
    const difference = value - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
