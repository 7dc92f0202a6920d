import { clockTime, isPast } from '../freshness.ts';
import type { Action, Approval, EvidenceLine, Gap } from '../incident-record.ts';
import {
  actionWords,
  count,
  nameOf,
  onService,
  said,
  sentence,
  unstop,
  who,
  type BriefDraft,
  type Briefed,
} from './brief-line.ts';

/** Approvals asked for and not used, what wants one, and after them those that were refused. */
export function waiting(record: Briefed, now: Date): readonly BriefDraft[] {
  const open = record.approvals.filter(({ state }) => state === 'pending' || state === 'granted');
  const unasked = record.actions.filter(
    (action) =>
      action.state === 'proposed' &&
      !record.approvals.some((each) => each.action === action.id && each.state !== 'cancelled'),
  );
  const refused = record.approvals.filter(({ state }) => state === 'stale' || state === 'denied');
  return [
    ...open.map((each) => said(() => openWords(record, each, now), each.id)),
    ...unasked.map((each) =>
      said(() => `${each.label} proposed by ${who(each.by)}, no approval asked for: ${actionWords(each)}.`, each.id),
    ),
    ...refused.map((each) => said(() => refusedWords(record, each, now), each.id)),
  ];
}

function openWords(record: Briefed, approval: Approval, now: Date): string {
  const { label, state, votes, quorum, expiresAt } = approval;
  const expiry = isPast(expiresAt, now) ? `EXPIRED ${clockTime(expiresAt, now)}` : `until ${clockTime(expiresAt, now)}`;
  const yes = votes.filter((vote) => vote.verdict === 'approve').length;
  const standing = state === 'pending' ? `${yes} of ${quorum} votes` : 'granted, not used yet';
  return `${label} for ${whatFor(record, approval)}: ${standing}, ${expiry}.`;
}

function refusedWords(record: Briefed, approval: Approval, now: Date): string {
  const { label, state, votes, staleBecause } = approval;
  const what = whatFor(record, approval);
  if (state === 'stale') return `${label} for ${what}: STALE, ${unstop(staleBecause ?? 'what it rested on is gone')}.`;
  const denial = votes.find((vote) => vote.verdict === 'deny');
  const by = denial === undefined ? '' : ` by ${who(denial.by)} at ${clockTime(denial.at, now)}`;
  const why = denial?.reason == null ? '' : ` ${sentence(denial.reason)}`;
  return `${label} for ${what}: DENIED${by}.${why}`;
}

function whatFor(record: Briefed, approval: Approval): string {
  const action = record.actions.find((each) => each.id === approval.action);
  return action === undefined ? nameOf(record, approval.action) : `${action.label} ${actionWords(action)}`;
}

/** What was done without leave, then what was done and what telemetry saw change, newest first. */
export function changed(record: Briefed, now: Date): readonly BriefDraft[] {
  const unapproved = record.gaps
    .filter((gap) => gap.kind === 'unapproved_mutation')
    .map((gap) => said(() => unapprovedWords(gap), gap.id));
  const done = record.actions.flatMap((action) => {
    if (action.started === null) return [];
    const at = action.finished?.at ?? action.started.at;
    return [{ at, line: said(() => doneWords(action, at, now), action.id) }];
  });
  // What an action names as its own work is told there.
  const told = new Set(record.actions.flatMap((action) => action.finished?.evidence ?? []));
  const seen = record.evidence.changes
    .filter((row) => !told.has(row.id) && row.state !== 'withdrawn')
    .map((row) => ({ at: row.occurredAt, line: said(() => changeWords(row, now), row.id) }));
  const newestFirst = [...done, ...seen.slice(0, SEEN_CHANGES_MAX)]
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
    .map((each) => each.line);
  const left = record.evidence.changes.length - seen.length + Math.min(seen.length, SEEN_CHANGES_MAX);
  const more = (record.evidence.counts['change'] ?? 0) - left;
  return [
    ...unapproved,
    ...newestFirst,
    ...(more > 0 && seen.length > 0 ? [said(`${count(more, 'earlier change')} in the evidence.`)] : []),
  ];
}

// More changes than this are a deployment log, not a brief.
const SEEN_CHANGES_MAX = 6;

function unapprovedWords({ label, state, what, closed }: Gap): string {
  if (state === 'open') return `UNAPPROVED (${label}): ${sentence(what)}`;
  const explained = closed?.reason == null ? '' : ` Explained: ${sentence(closed.reason)}`;
  return `Unapproved (${label}): ${sentence(what)}${explained}`;
}

function doneWords(action: Action, at: string, now: Date): string {
  const by = action.started === null ? '' : ` by ${who(action.started.by)}`;
  return `${action.label} at ${clockTime(at, now)}${by}: ${actionWords(action)}. ${effect(action, now)}`;
}

function changeWords(row: EvidenceLine, now: Date): string {
  const where = onService(row.service, row.summary);
  const failed = row.outcome === 'error' || row.outcome === 'timeout' ? ' It failed.' : '';
  const doubt = row.state === 'disputed' ? ' Disputed.' : '';
  return `Seen at ${clockTime(row.occurredAt, now)}${where}: ${sentence(row.summary)}${failed}${doubt}`;
}

function effect(action: Action, now: Date): string {
  if (action.outcome !== null) {
    const text = action.outcome.text === null ? '' : ` ${sentence(action.outcome.text)}`;
    return `Outcome: ${action.outcome.effect.replace('_', ' ')}.${text}`;
  }
  if (action.finished === null) return 'Still running.';
  const failed = action.finished.ok ? '' : 'It failed. ';
  if (action.outcomeOverdue && action.outcomeDue !== null) {
    return `${failed}Outcome OVERDUE since ${clockTime(action.outcomeDue, now)}.`;
  }
  return `${failed}Outcome not known yet.`;
}
