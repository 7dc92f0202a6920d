import type { IncidentRecord } from '../record/incident-record.ts';
import { pathTo } from './text.tsx';

export type Labels = ReadonlyMap<string, string>;

/** Labels of what the record holds, by id: people say H1, programs say the id. */
export function labelsOf(record: IncidentRecord): Labels {
  const labels = new Map<string, string>();
  const lists = [
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
  ];
  for (const list of lists) for (const { id, label } of list) labels.set(id, label);
  for (const { stances } of record.hypotheses) for (const { id, label } of stances) labels.set(id, label);
  return labels;
}

/** Ids as links: to the item on this page when the record holds it, else to the evidence. */
export function Ids({
  ids,
  labels,
  incident,
}: {
  readonly ids: readonly string[];
  readonly labels: Labels;
  readonly incident: string;
}) {
  return (
    <>
      {ids.map((id, index) => {
        const label = labels.get(id);
        const known = label !== undefined || [...labels.values()].includes(id);
        return (
          <>
            {index > 0 ? ', ' : ''}
            {known ? (
              <a href={`#item-${encodeURIComponent(label ?? id)}`}>{label ?? id}</a>
            ) : (
              <a href={pathTo('incidents', incident, 'evidence', id)}>{id.slice(0, 12)}</a>
            )}
          </>
        );
      })}
    </>
  );
}
