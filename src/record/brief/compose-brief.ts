import { BRIEF_SECTIONS, type Brief, type BriefSection, type BriefSectionKey } from './brief.ts';
import { labelsOf } from '../record-labels.ts';
import type { Briefed, SectionDraft } from './brief-line.ts';
import { changed, waiting } from './production-section.ts';
import { told } from './customer-section.ts';
import { doing } from './doing-section.ts';
import { fitBrief } from './fit-brief.ts';
import { next } from './next-section.ts';
import { nowLines } from './now-section.ts';
import { leadingTheory, ruledOut } from './theory-section.ts';
import { contested, notKnown } from './unknown-section.ts';
import { oneLine } from '../plain-text.ts';

export interface BriefOptions {
  readonly now: Date;
  /** Only what differs from the record as it stood after this entry. */
  readonly since: number | null;
  readonly before?: Briefed;
}

// More than this never fits beside the other sections.
const MAX_SECTION_LINES = 20;
const MAX_TITLE = 200;

/** Says in under 4 KB what a joiner must know, or what changed; the same record and clock give the same words. */
export function composeBrief(record: Briefed, { now, since, before }: BriefOptions): Brief {
  const drafts = draftSections(record, now);
  const earlier = before === undefined ? undefined : draftSections(before, now);
  const labels = labelsOf(record);
  const sections = BRIEF_SECTIONS.map(({ key, title }): BriefSection => {
    const lines = since === null ? standing(drafts[key]) : changes(drafts[key], earlier?.[key]);
    const kept = lines
      .slice(0, MAX_SECTION_LINES)
      .map(({ text, ids }) => ({ text: text(), ids: [...new Set(ids.map((each) => labels.get(each) ?? each))] }));
    return { key, title, lines: kept, omitted: lines.length - kept.length };
  });
  const { id, ref, head } = record;
  return fitBrief({ id, ref, title: oneLine(record.title, MAX_TITLE), head, since, asOf: now.toISOString(), sections });
}

function standing({ lines, otherwise }: SectionDraft): SectionDraft['lines'] {
  const stand = lines.filter((each) => each.news !== true);
  return stand.length > 0 ? stand : [{ text: () => otherwise, ids: [] }];
}

/** What the section would not have said before, what is late, and that there is nothing left when that is the change. */
function changes(now: SectionDraft, before: SectionDraft | undefined): SectionDraft['lines'] {
  const known = new Set((before?.lines ?? []).map((each) => each.text()));
  const changed = now.lines.filter((each) => each.late === true || !known.has(each.text()));
  if (changed.length > 0) return changed;
  const stood = before?.lines.some((each) => each.news !== true) ?? true;
  const stands = now.lines.some((each) => each.news !== true);
  return stood && !stands ? [{ text: () => now.otherwise, ids: [] }] : [];
}

function draftSections(record: Briefed, now: Date): Record<BriefSectionKey, SectionDraft> {
  return {
    now: { lines: nowLines(record, now), otherwise: 'Nothing is known yet.' },
    leading_theory: { lines: leadingTheory(record), otherwise: 'No theory is live.' },
    ruled_out: { lines: ruledOut(record), otherwise: 'Nothing has been ruled out yet.' },
    not_known: {
      lines: notKnown(record),
      // A change that nobody approved is a gap that is told where changes are told.
      otherwise: record.gaps.some(({ state }) => state === 'open')
        ? 'No gap is open but the unapproved changes.'
        : 'No gap is open.',
    },
    contested: { lines: contested(record), otherwise: 'Nothing is contested.' },
    doing: { lines: doing(record, now), otherwise: 'Nobody has said what they are doing.' },
    waiting_for_approval: { lines: waiting(record, now), otherwise: 'Nothing waits for approval.' },
    changed_in_production: { lines: changed(record, now), otherwise: 'No change has been made.' },
    told_to_customers: { lines: told(record, now), otherwise: 'Nothing has been said.' },
    next: { lines: next(record, now), otherwise: 'Nothing is planned.' },
  };
}
