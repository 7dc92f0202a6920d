import type { EvidenceJson } from '../api/evidence-json.ts';
import type { IncidentRecord } from '../record/incident-record.ts';
import { EvidenceTable } from './evidence-table.tsx';
import { kindWords } from './text.tsx';

export interface EvidenceSectionProps {
  readonly record: IncidentRecord;
  readonly evidence: { readonly items: readonly EvidenceJson[]; readonly next: string | null };
  readonly filter: { readonly kind: string; readonly q: string };
  /** Path of the incident's page. */
  readonly here: string;
}

/** The rows, by kind and words. */
export function EvidenceSection({ record, evidence, filter, here }: EvidenceSectionProps) {
  const kinds = Object.entries(record.evidence.counts).filter(([, count]) => count > 0);
  const query = (extra: Record<string, string>): string => {
    const kept = Object.entries({ ...filter, ...extra }).filter(([, value]) => value !== '');
    return `${here}?${new URLSearchParams(kept).toString()}#evidence`;
  };
  return (
    <section aria-labelledby="evidence">
      <h2 id="evidence">Evidence</h2>
      <nav class="filters" aria-label="Kinds of evidence">
        <a href={query({ kind: '' })} {...(filter.kind === '' ? { 'aria-current': 'true' } : {})}>
          all {record.evidence.total}
        </a>
        {kinds.map(([kind, count]) => (
          <a href={query({ kind })} {...(filter.kind === kind ? { 'aria-current': 'true' } : {})}>
            {kindWords(kind)} {count}
          </a>
        ))}
      </nav>
      <form method="get" action={`${here}#evidence`} role="search" aria-label="Evidence">
        {filter.kind === '' ? null : <input type="hidden" name="kind" value={filter.kind} />}
        <label>
          Words in evidence
          <input type="search" name="q" value={filter.q} maxlength={200} />
        </label>
        <button type="submit">Find</button>
      </form>
      {evidence.items.length === 0 ? (
        <p>No evidence{filter.kind || filter.q ? ' matches' : ' yet'}.</p>
      ) : (
        <EvidenceTable caption="Newest first" rows={evidence.items} />
      )}
      {evidence.next === null ? null : (
        <p>
          <a href={query({ cursor: evidence.next })}>Older evidence</a>
        </p>
      )}
    </section>
  );
}
