import { clockTime } from '../freshness.ts';
import type { Message } from '../incident-record.ts';
import { oneLine } from '../plain-text.ts';
import { fall, said, sentence, type BriefDraft, type Briefed } from './brief-line.ts';

/** What no longer holds is told by its beginning. */
const OLD_WORDS_MAX = 120;

/** What was said, newest first, and which of it no longer stands. */
export function told(record: Briefed, now: Date): readonly BriefDraft[] {
  return [...record.messages].reverse().map((message) => said(() => messageWords(record, message, now), message.id));
}

function messageWords(record: Briefed, message: Message, now: Date): string {
  const { state, sent, due, overdue } = message;
  const to = `${message.label} to ${message.audience}`;
  const body = sentence(message.body);
  const old = sentence(oneLine(message.body, OLD_WORDS_MAX));
  if (state === 'retracted') return `${to}, RETRACTED: ${old} Because: ${sentence(message.retracted?.reason ?? '')}`;
  if (state === 'corrected') return `${to}, corrected since: ${old}`;
  const unsupported = message.unsupported ? unsupportedWords(record, message, now) : '';
  if (sent !== null) return `${to}, sent ${clockTime(sent.at, now)}: ${body}${unsupported}`;
  const until = due === null ? '' : overdue ? `, OVERDUE since ${clockTime(due, now)}` : `, due ${clockTime(due, now)}`;
  return `${to}, ${state}, not sent${until}: ${body}${unsupported}`;
}

function unsupportedWords(record: Briefed, { flags }: Message, now: Date): string {
  const fell = flags.find(({ code }) => code === 'evidence_withdrawn' || code === 'hypothesis_rejected');
  if (fell === undefined) return ' UNSUPPORTED: what it rests on has fallen.';
  return ` UNSUPPORTED since ${clockTime(fell.at, now)}: ${fall(record, fell)}.`;
}
