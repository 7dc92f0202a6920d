import { sameActor } from '../actor.ts';
import { clockTime } from '../freshness.ts';
import type { Check, Decision, Handoff, Responsibility, ResponsibilityKind } from '../incident-record.ts';
import {
  actionWords,
  fall,
  freshHandoff,
  news,
  said,
  sentence,
  unstop,
  who,
  type BriefDraft,
  type Briefed,
} from './brief-line.ts';

const DOES: Readonly<Record<ResponsibilityKind, string>> = {
  command: 'holds command',
  investigate: 'investigates',
  act: 'acts',
  approve: 'approves',
  communicate: 'communicates',
  watch: 'watches',
  draft: 'drafts',
  scribe: 'keeps the record',
  challenge: 'challenges',
};

/** Who holds what, what was decided, and what is under way. */
export function doing(record: Briefed, now: Date): readonly BriefDraft[] {
  const held = record.responsibilities.filter((each) => each.held);
  const lines: BriefDraft[] = [commandLine(record, held, now)];
  for (const decision of [...record.decisions].reverse()) {
    lines.push(said(() => decisionWords(record, decision, now), decision.id));
  }
  const handoff = freshHandoff(record);
  if (handoff !== undefined && handoff.carried.risks.length > 0) {
    lines.push(said(`Risks named at the handover: ${handoff.carried.risks.map(unstop).join('; ')}.`, handoff.id));
  }
  const others = held.filter((each) => each.kind !== 'command');
  if (others.length > 0) {
    const words = others.map((each) => `${who(each.holder)} ${DOES[each.kind]} (${each.workstream})`).join('; ');
    lines.push(said(`${words}.`, ...others.map((each) => each.id)));
  }
  for (const each of record.handoffs) {
    if (each.state !== 'offered') continue;
    lines.push(
      said(`${each.label}: ${who(each.from)} offers to hand over to ${who(each.to)}; not accepted yet.`, each.id),
    );
  }
  for (const check of record.checks) {
    if (check.state === 'answered') {
      lines.push(news(() => `${check.label} answered: ${sentence(check.answer?.text ?? '')}`, check.id));
    } else if (check.state === 'planned' || check.state === 'running') {
      lines.push(said(() => checkWords(check, now), check.id));
    }
  }
  for (const action of record.actions.filter((each) => each.state === 'executing')) {
    lines.push(said(() => `${action.label} is running: ${actionWords(action)}.`, action.id));
  }
  return lines;
}

function commandLine(record: Briefed, held: readonly Responsibility[], now: Date): BriefDraft {
  const command = held.find((each) => each.kind === 'command');
  if (command === undefined) return said('Nobody holds command.');
  const handoff = handoffOf(record, command);
  if (handoff === undefined) return said(`${who(command.holder)} holds command.`, command.id);
  const since = clockTime(command.since, now);
  return said(`${who(command.holder)} holds command since ${since}, taken over from ${who(handoff.from)}.`, command.id);
}

/** The handoff by which somebody holds what they hold. */
function handoffOf(record: Briefed, held: Responsibility): Handoff | undefined {
  return record.handoffs.findLast(
    (each) => each.state === 'accepted' && each.responsibilities.includes(held.id) && sameActor(each.to, held.holder),
  );
}

function decisionWords(record: Briefed, decision: Decision, now: Date): string {
  const verb = decision.stands ? 'Decided' : 'Decided, then reversed,';
  const at = clockTime(decision.at, now);
  const [flag] = decision.flags;
  const careful = flag === undefined ? '' : ` Careful, something it rests on fell: ${fall(record, flag)}.`;
  return `${verb} at ${at} by ${who(decision.by)}: ${sentence(decision.chosen)} Because: ${sentence(decision.rationale)}${careful}`;
}

function checkWords({ label, state, owner, due, overdue, question }: Check, now: Date): string {
  const by = owner === null ? 'nobody' : who(owner);
  const until = due === null ? '' : overdue ? `, OVERDUE since ${clockTime(due, now)}` : `, due ${clockTime(due, now)}`;
  return `${label} ${state} by ${by}${until}: ${sentence(question)}`;
}
