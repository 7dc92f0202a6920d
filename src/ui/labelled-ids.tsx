import { pathTo } from './text.tsx';

export type Labels = ReadonlyMap<string, string>;

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
