import { spell } from '../record/freshness.ts';
import type { IncidentRecord } from '../record/incident-record.ts';
import { Redacted } from './text.tsx';

export interface Attention {
  readonly text: string;
  /** The item on the page; null when it is about the whole record. */
  readonly label: string | null;
}

/** What cannot wait for somebody to read the whole page, worst first. */
export function attentionOf(record: IncidentRecord, nowMs: number): readonly Attention[] {
  const found: Attention[] = [];
  const add = (text: string, label: string | null): void => void found.push({ text, label });
  if (!record.integrity.verified) {
    add('The log of this record does not verify: entries were changed, removed or reordered.', null);
  }
  for (const { kind, state, label, what } of record.gaps) {
    if (kind === 'unapproved_mutation' && state === 'open') add(`Unapproved change: ${what}`, label);
  }
  for (const { label, audience, sent, unsupported } of record.messages) {
    if (sent !== null && unsupported) add(`What ${audience} were told rests on something that fell.`, label);
  }
  for (const { label, state, action } of record.approvals) {
    const what = record.actions.find((each) => each.id === action);
    if (state === 'pending') add(`Waits for approval: ${what?.intent ?? action}`, label);
  }
  const update = record.statusUpdates.at(-1);
  if (update?.overdue === true && update.nextUpdateDue !== null) {
    add(`The next update is overdue by ${spell(new Date(update.nextUpdateDue), new Date(nowMs))}.`, update.label);
  }
  for (const { label, outcomeOverdue, intent } of record.actions) {
    if (outcomeOverdue) add(`Nobody has said what this did: ${intent}`, label);
  }
  for (const { label, state, from, to } of record.handoffs) {
    if (state === 'offered') add(`${from.name} offers to hand over to ${to.name}; not accepted yet.`, label);
  }
  if (record.fixation.challengeDue) add('The leading theory should be challenged.', null);
  return found;
}

export function AttentionBox({ items }: { readonly items: readonly Attention[] }) {
  if (items.length === 0) return null;
  return (
    <section class="attention" aria-labelledby="attention">
      <h2 id="attention">Needs somebody</h2>
      <ul>
        {items.map(({ text, label }) => (
          <li>
            <Redacted text={text} />{' '}
            {label === null ? null : <a href={`#item-${encodeURIComponent(label)}`}>{label}</a>}
          </li>
        ))}
      </ul>
    </section>
  );
}
