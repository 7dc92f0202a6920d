import { clockTime, isPast } from '../freshness.ts';
import type { FollowUp } from '../incident-record.ts';
import {
  freshHandoff,
  isQuiet,
  news,
  said,
  sentence,
  unstop,
  who,
  type BriefDraft,
  type Briefed,
} from './brief-line.ts';
import { nextUpdate } from './now-section.ts';

/** What is due, by whom, and what it will take to be done. */
export function next(record: Briefed, now: Date): readonly BriefDraft[] {
  const lines: BriefDraft[] = [];
  if (record.statusUpdates.length > 0 && !isQuiet(record)) lines.push(nextUpdate(record, now));
  lines.push(...checkpointLines(record));
  for (const decision of record.decisions) {
    if (!decision.stands || decision.revisitAt === null) continue;
    const word = isPast(decision.revisitAt, now)
      ? 'OVERDUE: look again at'
      : `At ${clockTime(decision.revisitAt, now)} look again at`;
    lines.push(said(() => `${word} ${decision.label}: ${sentence(decision.chosen)}`, decision.id));
  }
  for (const each of record.followUps) {
    lines.push(
      each.closed === null
        ? said(() => openWords(each, now), each.id)
        : news(() => `${each.label} ${closedWords(each)} (${unstop(each.title)}).`, each.id),
    );
  }
  return lines;
}

function checkpointLines(record: Briefed): readonly BriefDraft[] {
  const handoff = freshHandoff(record);
  const checkpoint = handoff?.carried.nextCheckpoint ?? null;
  if (handoff === undefined || checkpoint === null) return [];
  return [said(`Named by ${who(handoff.from)} at the handover: ${sentence(checkpoint)}`, handoff.id)];
}

function closedWords({ state, closed }: FollowUp): string {
  return state === 'done' ? 'done' : `refused: ${sentence(closed?.reason ?? '')}`;
}

function openWords({ label, owner, due, overdue, title, requiredProofs, proofs }: FollowUp, now: Date): string {
  const by = owner === null ? 'no owner' : who(owner);
  const until = due === null ? '' : overdue ? `, OVERDUE since ${clockTime(due, now)}` : `, due ${clockTime(due, now)}`;
  const missing = requiredProofs.filter((kind) => !proofs.some((proof) => proof.kind === kind));
  const needs =
    missing.length === 0 ? '' : ` Needs proof: ${missing.map((kind) => kind.replace('_', ' ')).join(', ')}.`;
  return `${label} (${by}${until}): ${sentence(title)}${needs}`;
}
