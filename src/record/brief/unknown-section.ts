import type { Contention, Gap } from '../incident-record.ts';
import { nameOf, news, said, sentence, shortId, unstop, who, type BriefDraft, type Briefed } from './brief-line.ts';

const DISPUTED_MAX = 5;

/** Gaps, open ones and those accepted, and checks that cannot be done. */
export function notKnown(record: Briefed): readonly BriefDraft[] {
  const lines: BriefDraft[] = [];
  for (const gap of record.gaps) {
    // What was done without leave is told where changes are told.
    if (gap.kind === 'unapproved_mutation') continue;
    if (gap.state === 'open') lines.push(said(() => gapWords(record, gap), gap.id));
    else if (gap.state === 'accepted') {
      lines.push(said(() => `${gap.label}, accepted as unknown: ${sentence(gap.what)}`, gap.id));
    } else {
      lines.push(news(() => `${gap.label} is known now: ${sentence(gap.closed?.reason ?? gap.what)}`, gap.id));
    }
  }
  for (const check of record.checks.filter((each) => each.state === 'impossible')) {
    lines.push(said(() => `${check.label} cannot be done: ${sentence(check.question)}`, check.id));
  }
  return lines;
}

function gapWords(record: Briefed, gap: Gap): string {
  const why = gap.why === null ? '' : ` ${sentence(gap.why)}`;
  const blocks = gap.blocks.length === 0 ? '' : ` Blocks ${gap.blocks.map((id) => nameOf(record, id)).join(', ')}.`;
  return `${gap.label}: ${sentence(gap.what)}${why}${blocks}`;
}

/** Where people, or the evidence, disagree. */
export function contested(record: Briefed): readonly BriefDraft[] {
  const lines = record.contentions.map((each) =>
    each.state === 'resolved'
      ? news(() => settledWords(record, each), each.id)
      : said(() => openWords(record, each), each.id),
  );
  for (const { label, id, live, supporting, refuting } of record.hypotheses) {
    if (!live || supporting.length === 0 || refuting.length === 0) continue;
    lines.push(said(() => `${label}: ${supporting.length} for, ${refuting.length} against, not settled.`, id));
  }
  const { disputed } = record.evidence;
  if (disputed.length > 0) {
    lines.push(said(`Disputed evidence: ${disputed.slice(0, DISPUTED_MAX).map(shortId).join(', ')}.`, ...disputed));
  }
  return lines;
}

function openWords(record: Briefed, { label, question, positions, discriminatingCheck }: Contention): string {
  const held = positions.map((each) => `${who(each.holder)}: ${unstop(each.statement)}`).join(' / ');
  const settle =
    discriminatingCheck === null
      ? 'No check would settle it yet.'
      : `${nameOf(record, discriminatingCheck)} will tell.`;
  return `${label}: ${sentence(question)} ${held}. ${settle}`;
}

function settledWords(record: Briefed, { label, question, resolution }: Contention): string {
  const by = resolution?.target == null ? '' : ` by ${nameOf(record, resolution.target)}`;
  return `${label} is settled${by}. ${sentence(question)} ${sentence(resolution?.reason ?? '')}`;
}
