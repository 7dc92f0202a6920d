import { pathTo } from './text.tsx';

export type Labels = ReadonlyMap<string, string>;

export interface IdsProps {
  readonly ids: readonly string[];
  readonly labels: Labels;
  readonly incident: string;
  /** Where on the page entries of the log stand, by their ids. */
  readonly entries?: ReadonlyMap<string, number>;
}

const ENTRY_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7/;

/** Ids as links: to the item or entry on this page when it is there, else to the evidence. */
export function Ids({ ids, labels, incident, entries }: IdsProps) {
  const items = new Set(labels.values());
  return (
    <>
      {ids.map((id, index) => {
        const label = labels.get(id) ?? (items.has(id) ? id : undefined);
        const seq = entries?.get(id);
        return (
          <>
            {index > 0 ? ', ' : ''}
            {label !== undefined ? (
              <a href={`#item-${encodeURIComponent(label)}`}>{label}</a>
            ) : seq !== undefined ? (
              <a href={`#entry-${seq}`}>entry {seq}</a>
            ) : ENTRY_ID.test(id) ? (
              'an earlier entry'
            ) : (
              <a href={pathTo('incidents', incident, 'evidence', id)}>{id.slice(0, 12)}</a>
            )}
          </>
        );
      })}
    </>
  );
}
