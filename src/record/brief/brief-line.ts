import type { Actor } from '../actor.ts';
import type { Action, Flag, Handoff, IncidentRecord, IncidentStatus } from '../incident-record.ts';
import { oneLine } from '../plain-text.ts';
import { labelsOf } from '../record-labels.ts';

/** A record before its brief is written. */
export type Briefed = Omit<IncidentRecord, 'brief'>;

/** A statement that a brief may make. Most of a large record's are never shown, so the words are made when they are asked for. */
export interface BriefDraft {
  text(): string;
  readonly ids: readonly string[];
  /** Worth saying only to somebody who asks what changed. */
  readonly news?: boolean;
  /** Late, and so worth saying again to somebody who asks what changed. */
  readonly late?: boolean;
}

/** What a section has to say, and what it says when that is nothing. */
export interface SectionDraft {
  readonly lines: readonly BriefDraft[];
  readonly otherwise: string;
}

const LINE_MAX = 1_000;
const SENTENCE_MAX = 300;

export function said(words: string | (() => string), ...ids: string[]): BriefDraft {
  let text: string | undefined;
  return {
    text: () => (text ??= oneLine(typeof words === 'string' ? words : words(), LINE_MAX)),
    ids,
  };
}

/** Something that stands no longer, or is known now. */
export function news(words: string | (() => string), ...ids: string[]): BriefDraft {
  return { ...said(words, ...ids), news: true };
}

export function late(words: string | (() => string), ...ids: string[]): BriefDraft {
  return { ...said(words, ...ids), late: true };
}

const OVER: readonly IncidentStatus[] = ['resolved', 'review', 'closed', 'declined', 'merged', 'cancelled'];

/** Nothing more is expected to happen in it tonight. */
export function isQuiet(record: Briefed): boolean {
  return OVER.includes(record.status);
}

/** The last handoff that was accepted, until somebody who took over says how it stands now. */
export function freshHandoff(record: Briefed): Handoff | undefined {
  const handoff = record.handoffs.findLast((each) => each.state === 'accepted');
  const settledSeq = handoff?.settled?.seq ?? 0;
  return isQuiet(record) || record.statusUpdates.some((each) => each.seq > settledSeq) ? undefined : handoff;
}

export function who(actor: Actor): string {
  return actor.kind === 'agent' ? `${actor.name} (agent)` : actor.name;
}

export function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

/** ` on checkout`, where a text that follows does not say the service itself. */
export function onService(service: string | null, text: string): string {
  if (service === null || service === '') return '';
  const words = (each: string): string =>
    ` ${each
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, ' ')
      .trim()} `;
  return words(text).includes(words(service)) ? '' : ` on ${service}`;
}

/** With a full stop, so that what follows reads on. */
export function sentence(text: string): string {
  const trimmed = oneLine(text, SENTENCE_MAX);
  return /[.!?…]$/u.test(trimmed) ? trimmed : `${trimmed}.`;
}

export function unstop(text: string): string {
  return oneLine(text, SENTENCE_MAX).replace(/\.$/u, '');
}

export function actionWords(action: Action): string {
  return `${unstop(action.intent)} (${action.operation} on ${action.target})`;
}

/** What fell, as a clause. */
export function fall(record: Briefed, { code, target }: Flag): string {
  const name = nameOf(record, target);
  switch (code) {
    case 'hypothesis_rejected':
      return `${name} was ruled out`;
    case 'evidence_withdrawn':
      return `${name} was withdrawn`;
    case 'evidence_disputed':
      return `${name} is disputed`;
    case 'content_erased':
      return `the content of ${name} was erased`;
    default:
      return `${name} is not known`;
  }
}

/** The label of an item, or the first digits of an evidence id. */
export function nameOf(record: Briefed, id: string): string {
  return labelsOf(record).get(id) ?? `evidence ${shortId(id)}`;
}

export function shortId(id: string): string {
  return id.slice(0, 8);
}
