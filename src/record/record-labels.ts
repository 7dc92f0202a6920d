import type { IncidentRecord } from './incident-record.ts';

type Labelled = Omit<IncidentRecord, 'brief'>;

/** A record is assembled once and asked for its labels by every section. */
const labelsByRecord = new WeakMap<Labelled, ReadonlyMap<string, string>>();

/** Labels by id: people say H1, programs say the id; a command takes either. */
export function labelsOf(record: Labelled): ReadonlyMap<string, string> {
  let labels = labelsByRecord.get(record);
  if (labels === undefined) {
    const found = new Map<string, string>();
    const lists: readonly (readonly { readonly id: string; readonly label: string }[])[] = [
      record.triggers,
      record.hypotheses,
      record.checks,
      record.gaps,
      record.contentions,
      record.decisions,
      record.actions,
      record.approvals,
      record.responsibilities,
      record.handoffs,
      record.statusUpdates,
      record.messages,
      record.followUps,
      record.relations,
      ...record.hypotheses.map((each) => each.stances),
    ];
    for (const list of lists) for (const { id, label } of list) found.set(id, label);
    labels = found;
    labelsByRecord.set(record, labels);
  }
  return labels;
}
