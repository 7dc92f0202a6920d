import { INCIDENT_STATUSES, SEVERITIES, type IncidentRecord, type IncidentSummary } from '../record/incident-record.ts';
import { Badge, duration, pathTo, severityTone, Time } from './text.tsx';

export interface IncidentLine {
  readonly summary: IncidentSummary;
  readonly record: IncidentRecord | undefined;
}

export interface IncidentListProps {
  readonly lines: readonly IncidentLine[];
  readonly next: string | null;
  readonly filter: { readonly status: string; readonly severity: string; readonly q: string };
  /** How many rows no incident has claimed; `more` when there are beyond those counted. */
  readonly unfiled: { readonly count: number; readonly more: boolean };
  readonly nowMs: number;
}

export function IncidentList({ lines, next, filter, unfiled, nowMs }: IncidentListProps) {
  const unfiledText = `${unfiled.count}${unfiled.more ? ' or more' : ''}`;
  return (
    <>
      <h1>Incidents</h1>
      {unfiled.count > 0 ? (
        <p class="notice">
          <a href="/unfiled">{unfiledText} rows of evidence</a> no incident has claimed.
        </p>
      ) : null}
      <form method="get" action="/" role="search" aria-label="Incidents">
        <label>
          Words
          <input type="search" name="q" value={filter.q} maxlength={200} />
        </label>
        <label>
          Status
          <Choice name="status" values={INCIDENT_STATUSES} chosen={filter.status} />
        </label>
        <label>
          Severity
          <Choice name="severity" values={SEVERITIES} chosen={filter.severity} />
        </label>
        <button type="submit">Show</button>
      </form>
      {lines.length === 0 ? (
        <p>No incidents{filter.q || filter.status || filter.severity ? ' match' : ' yet'}.</p>
      ) : (
        <table class="stack">
          <caption>Newest first</caption>
          <thead>
            <tr>
              <th scope="col">Incident</th>
              <th scope="col">Status</th>
              <th scope="col">Severity</th>
              <th scope="col">Leading theory</th>
              <th scope="col">Age</th>
            </tr>
          </thead>
          <tbody>
            {lines.map(({ summary, record }) => (
              <tr>
                <th scope="row">
                  <a href={pathTo('incidents', summary.ref)}>
                    {summary.ref}: {summary.title}
                  </a>
                  {summary.services.length > 0 ? <div class="quiet">{summary.services.join(', ')}</div> : null}
                </th>
                <td>{summary.status}</td>
                <td>
                  <Badge text={summary.severity} tone={severityTone(summary.severity)} />
                </td>
                <td>{leadingTheory(record)}</td>
                <td>
                  {duration(
                    (summary.resolvedAt ? Date.parse(summary.resolvedAt) : nowMs) - Date.parse(summary.startedAt),
                  )}
                  <div class="quiet">
                    since <Time at={summary.startedAt} />
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {next === null ? null : (
        <p>
          <a href={`/?${new URLSearchParams({ ...filter, cursor: next }).toString()}`}>Older incidents</a>
        </p>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly values: readonly string[];
  readonly chosen: string;
}

function Choice({ name, values, chosen }: ChoiceProps) {
  return (
    <select name={name}>
      <option value="">any</option>
      {values.map((value) => (
        <option value={value} selected={value === chosen}>
          {value}
        </option>
      ))}
    </select>
  );
}

function leadingTheory(record: IncidentRecord | undefined): string {
  if (!record) return '';
  const leader = record.hypotheses.find(
    (each) => each.id === record.fixation.leader || each.label === record.fixation.leader,
  );
  const live = record.hypotheses.filter((each) => each.live);
  const shown = leader ?? (live.length === 1 ? live[0] : undefined);
  if (shown) return `${shown.label}: ${shown.statement} (${shown.confidence.level})`;
  return live.length === 0 ? 'none yet' : `${live.length} theories, none ahead`;
}
