import type { Hypothesis, Stance } from '../incident-record.ts';
import {
  count,
  fall,
  nameOf,
  said,
  sentence,
  shortId,
  unstop,
  who,
  type BriefDraft,
  type Briefed,
} from './brief-line.ts';

const SHOWN_FOR = 3;
const SHOWN_AGAINST = 2;
const SHOWN_REFUTERS = 3;

/** What is believed most, why, how far the evidence lets it be believed, and what would end it. */
export function leadingTheory(record: Briefed): readonly BriefDraft[] {
  const leader = record.hypotheses.find((each) => each.id === record.fixation.leader);
  if (leader === undefined) return [];
  const { confidence } = leader;
  const stated = confidence.level === 'none' ? 'no confidence stated' : `confidence ${confidence.level}`;
  const above = confidence.aboveCap ? `, above the ${confidence.cap} that the evidence allows` : '';
  const lines: BriefDraft[] = [
    said(`${leader.label} (${leader.state}, ${stated}${above}): ${sentence(leader.statement)}`, leader.id),
  ];
  for (const flag of leader.flags)
    lines.push(said(`Careful: ${fall(record, flag)}, and it rests on that.`, flag.target));
  lines.push(said(supportWords(leader)));
  for (const stance of strongest(leader.stances, 'supports').slice(0, SHOWN_FOR)) lines.push(stanceLine('For', stance));
  for (const stance of strongest(leader.stances, 'refutes').slice(0, SHOWN_AGAINST)) {
    lines.push(stanceLine('Against', stance));
  }
  const refuters = [
    ...leader.refutedBy,
    ...record.checks
      .filter((check) => check.state === 'planned' || check.state === 'running')
      .flatMap((check) =>
        check.predictions.filter((each) => each.hypothesis === leader.id).map((each) => each.refutesIf),
      ),
  ];
  lines.push(
    said(
      refuters.length === 0
        ? `Nobody has said what would refute ${leader.label}.`
        : `What would refute ${leader.label}: ${refuters.slice(0, SHOWN_REFUTERS).map(unstop).join('; ')}.`,
    ),
  );
  for (const other of record.hypotheses) {
    if (!other.live || other.id === leader.id) continue;
    const { label, state, supporting, refuting, statement } = other;
    lines.push(
      said(
        () =>
          `Also possible: ${label} (${state}, ${supporting.length} for, ${refuting.length} against): ${sentence(statement)}`,
        other.id,
      ),
    );
  }
  if (record.fixation.challengeDue) lines.push(said(`A challenge is due. ${record.fixation.explanation.join(' ')}`));
  return lines;
}

function supportWords({
  label,
  supporting,
  refuting,
  supportFamilies,
  selfSoughtSupport,
  confidence,
}: Hypothesis): string {
  const against = refuting.length === 0 ? 'none' : count(refuting.length, 'piece');
  if (supporting.length === 0) return `Nothing supports ${label} yet. Against: ${against}.`;
  const self = selfSoughtSupport === 0 ? '' : `, ${selfSoughtSupport} of them sought by its own author`;
  const most = confidence.cap === 'high' ? 'Confidence may be high' : `Confidence may be ${confidence.cap} at most`;
  return (
    `For ${label}: ${count(supporting.length, 'piece')} of evidence from ` +
    `${count(supportFamilies.length, 'independent source')}${self}. Against: ${against}. ${most}: ${confidence.capReason}.`
  );
}

function stanceLine(word: string, stance: Stance): BriefDraft {
  const caution = stance.linkMode === 'inferred' ? ', linked by inference' : '';
  const source = `${stance.strength}, ${who(stance.by)}, evidence ${shortId(stance.evidence)}${caution}`;
  return said(`${word}: ${unstop(stance.rationale)} (${source}).`, stance.evidence);
}

const STRENGTHS = ['decisive', 'moderate', 'weak'];

function strongest(stances: readonly Stance[], relation: Stance['relation']): readonly Stance[] {
  return stances
    .filter((each) => each.relation === relation && each.counts)
    .sort((one, other) => STRENGTHS.indexOf(one.strength) - STRENGTHS.indexOf(other.strength) || one.seq - other.seq);
}

/** What was believed and is not any more, newest first, with what ended it. */
export function ruledOut(record: Briefed): readonly BriefDraft[] {
  return record.hypotheses
    .filter((each) => !each.live)
    .sort((one, other) => (other.rejected?.seq ?? 0) - (one.rejected?.seq ?? 0))
    .map((each) => said(() => ruledOutWords(record, each), each.id, ...(each.rejected?.killedBy ?? [])));
}

function ruledOutWords(record: Briefed, { rejected, label, statement, supersededBy }: Hypothesis): string {
  const theory = `${label}: ${sentence(statement)}`;
  if (rejected === null) {
    const successor = record.hypotheses.find((each) => each.id === supersededBy);
    return `${theory} Superseded by ${successor?.label ?? 'another'}.`;
  }
  const reopen = rejected.reopenIf === null ? '' : ` Reopen if: ${sentence(rejected.reopenIf)}`;
  if (rejected.setAside) return `${theory} Set aside, not refuted: ${sentence(rejected.reason)}${reopen}`;
  const killers = rejected.killedBy.map((killer) => killerWords(record, killer)).join(', ');
  return `${theory} Killed by ${killers}: ${sentence(rejected.reason)}${reopen}`;
}

/** A check with what it found: its label says nothing to somebody who was not there. */
function killerWords(record: Briefed, id: string): string {
  const answer = record.checks.find((each) => each.id === id)?.answer?.text;
  return answer === undefined ? nameOf(record, id) : `${nameOf(record, id)} (${unstop(answer)})`;
}
