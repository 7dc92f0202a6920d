import type { EvidenceJson } from '../api/evidence-json.ts';
import { EvidenceTable } from './evidence-table.tsx';

export function NotFound({ what }: { readonly what: string }) {
  return (
    <>
      <h1>Not found</h1>
      <p>{what}</p>
      <p>
        <a href="/">All incidents</a>
      </p>
    </>
  );
}

export interface UnfiledPageProps {
  readonly rows: readonly EvidenceJson[];
  readonly next: string | null;
}

/** Evidence no incident has claimed, with the refs it names so that somebody can open them. */
export function UnfiledPage({ rows, next }: UnfiledPageProps) {
  const named = [...new Set(rows.flatMap((row) => row.namedRefs))];
  return (
    <>
      <h1>Unfiled evidence</h1>
      <p>
        Rows whose telemetry names no incident, or one that does not exist yet. Opening that incident, or binding a
        trace or a conversation to one, files them.
      </p>
      {named.length > 0 ? <p class="notice">Incidents named that do not exist yet: {named.join(', ')}</p> : null}
      {rows.length === 0 ? <p>Everything is filed.</p> : <EvidenceTable caption="Newest first" rows={rows} />}
      {next === null ? null : (
        <p>
          <a href={`/unfiled?${new URLSearchParams({ cursor: next }).toString()}`}>Older rows</a>
        </p>
      )}
    </>
  );
}
