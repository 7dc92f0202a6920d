import type { RecordHeadRef } from '../incident-record.ts';

/** The sections of every brief, in this order. */
export const BRIEF_SECTIONS = [
  { key: 'now', title: 'Now' },
  { key: 'leading_theory', title: 'Leading theory' },
  { key: 'ruled_out', title: 'Ruled out' },
  { key: 'not_known', title: 'Not known' },
  { key: 'contested', title: 'Contested' },
  { key: 'doing', title: 'Doing' },
  { key: 'waiting_for_approval', title: 'Waiting for approval' },
  { key: 'changed_in_production', title: 'Changed in production' },
  { key: 'told_to_customers', title: 'Told to customers' },
  { key: 'next', title: 'Next' },
] as const;
export type BriefSectionKey = (typeof BRIEF_SECTIONS)[number]['key'];

/** One statement and what it rests on: labels of items (`H1`), ids of evidence. `text` is plain text and may hold untrusted words: escape it where it is shown. */
export interface BriefLine {
  readonly text: string;
  readonly ids: readonly string[];
}

export interface BriefSection {
  readonly key: BriefSectionKey;
  readonly title: string;
  readonly lines: readonly BriefLine[];
  /** Statements left out to stay under 4 KB. */
  readonly omitted: number;
  /** True when the first line is no statement of the record: it says how far to trust it now (evidence is late, nothing is redacted). */
  readonly noticed?: true;
}

/** What a joiner must know, or with `since` what changed. Under 4 KB as JSON and as Markdown. */
export interface Brief {
  readonly id: string;
  readonly ref: string;
  readonly title: string;
  readonly head: RecordHeadRef;
  /** Only what changed after this entry; null for the whole. */
  readonly since: number | null;
  /** What freshness was judged against. */
  readonly asOf: string;
  readonly sections: readonly BriefSection[];
}
