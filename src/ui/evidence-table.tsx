import type { EvidenceJson } from '../api/evidence-json.ts';
import { EvidenceTime } from './evidence-time.tsx';
import { Badge, kindWords, outcomeTone, pathTo, Redacted, Time, Who } from './text.tsx';

export interface EvidenceTableProps {
  readonly caption: string;
  readonly rows: readonly EvidenceJson[];
}

/** Rows of evidence; each links to its own page when it belongs to an incident. */
export function EvidenceTable({ caption, rows }: EvidenceTableProps) {
  return (
    <table class="stack">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Kind</th>
          <th scope="col">What</th>
          <th scope="col">Outcome</th>
          <th scope="col">Who</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr id={`evidence-${row.id}`}>
            <td class="time">
              {row.facts['windowTo'] === undefined ? <Time at={row.occurredAt} /> : <EvidenceTime row={row} />}
            </td>
            <td>
              {kindWords(row.kind)}
              {row.tool ? <div class="quiet">{row.tool.tier}</div> : null}
            </td>
            <td class="what">
              {row.incident === null ? (
                <Redacted text={row.summary} />
              ) : (
                <a href={pathTo('incidents', row.incident, 'evidence', row.id)}>
                  <Redacted text={row.summary === '' ? kindWords(row.kind) : row.summary} />
                </a>
              )}
              <Remarks row={row} />
              {row.incident === null ? <Handles row={row} /> : null}
            </td>
            <td>
              <Badge text={row.outcome} tone={outcomeTone(row.outcome)} />
            </td>
            <td>
              <Who actor={row.actor} />
              {row.service === '' || row.service === row.actor.name ? null : <div class="quiet">{row.service}</div>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What a row can be bound by. */
function Handles({ row }: { readonly row: EvidenceJson }) {
  return (
    <div class="quiet">
      {row.source.traceId === '' ? null : (
        <a href={pathTo('traces', row.source.traceId)}>trace {row.source.traceId.slice(0, 12)}</a>
      )}
      {row.conversationId === null ? null : (
        <>
          {' '}
          conversation <Redacted text={row.conversationId} />
        </>
      )}
    </div>
  );
}

function Remarks({ row }: { readonly row: EvidenceJson }) {
  const remarks: string[] = [];
  if (row.verdict !== null) remarks.push(`${row.verdict.verdict} by ${row.verdict.by.name}`);
  if (row.redactions.length > 0) remarks.push(`${row.redactions.length} redacted`);
  if (row.link !== null) {
    remarks.push(`${row.link.mode} link${row.link.mode === 'inferred' ? `, score ${row.link.score}` : ''}`);
  }
  if (row.trust !== 'observed') remarks.push(row.trust.replaceAll('_', ' '));
  return remarks.length === 0 ? null : <div class="quiet">{remarks.join(' · ')}</div>;
}
