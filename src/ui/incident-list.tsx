import { INCIDENT_STATUSES, SEVERITIES, type IncidentRecord, type IncidentSummary } from '../record/incident-record.ts';
import { attentionOf } from './attention.tsx';
import { AsOf, type LiveView } from './live.tsx';
import { counted, duration, pathTo, Redacted, SeverityBadge, StatusBadge, Time } from './text.tsx';

export interface IncidentLine {
  readonly summary: IncidentSummary;
  readonly record: IncidentRecord | undefined;
}

export interface IncidentListProps {
  /** What goes on, worst first; what is over, newest first. */
  readonly open: readonly IncidentLine[];
  /** True when more goes on than is listed. */
  readonly openMore: boolean;
  readonly over: readonly IncidentLine[];
  /** More that is over. */
  readonly next: string | null;
  readonly filter: { readonly status: string; readonly severity: string; readonly q: string };
  /** How many rows no incident has claimed; `more` when there are beyond those counted. */
  readonly unfiled: { readonly count: number; readonly more: boolean };
  readonly live: LiveView;
  readonly nowMs: number;
}

export function IncidentList({ open, openMore, over, next, filter, unfiled, live, nowMs }: IncidentListProps) {
  const unfiledText = unfiled.more ? `${unfiled.count} or more rows` : counted(unfiled.count, 'row');
  const filtered = filter.q !== '' || filter.status !== '' || filter.severity !== '';
  return (
    <>
      <h1>Incidents</h1>
      <AsOf nowMs={nowMs} live={live} />
      {unfiled.count > 0 ? (
        <p class="notice">
          <a href="/unfiled">{unfiledText} of evidence</a> no incident has claimed.
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
      {open.length + over.length === 0 ? <Nothing filtered={filtered} /> : null}
      <Lines title="Going on" caption="Worst first" lines={open} nowMs={nowMs} />
      {openMore ? (
        <p class="notice">More goes on than the newest {open.length}: narrow the list by words or severity.</p>
      ) : null}
      <Lines title="Over" caption="Newest first" lines={over} nowMs={nowMs} />
      {next === null ? null : (
        <p>
          <a href={`/?${new URLSearchParams({ ...filter, cursor: next }).toString()}`}>Older incidents</a>
        </p>
      )}
    </>
  );
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
  if (filtered) return <p>No incidents match.</p>;
  return (
    <p>
      No incidents yet. Alerts open them (<code>POST /api/v1/alerts/…</code>), and so do you:{' '}
      <code>docket incident open "Checkout fails" --severity sev2 --service checkout</code>. <a href="/docs">The API</a>
    </p>
  );
}

interface LinesProps {
  readonly title: string;
  readonly caption: string;
  readonly lines: readonly IncidentLine[];
  readonly nowMs: number;
}

function Lines({ title, caption, lines, nowMs }: LinesProps) {
  if (lines.length === 0) return null;
  return (
    <section aria-label={title}>
      <h2>
        {title} <span class="quiet">({lines.length})</span>
      </h2>
      <table class="stack incidents">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Severity</th>
            <th scope="col">Incident</th>
            <th scope="col">Status</th>
            <th scope="col">Leading theory</th>
            <th scope="col">Age</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(({ summary, record }) => (
            <tr>
              <td class="mark">
                <SeverityBadge severity={summary.severity} />
              </td>
              <th scope="row">
                <a href={pathTo('incidents', summary.ref)}>
                  {summary.ref}: <Redacted text={summary.title} />
                </a>
                {summary.services.length > 0 ? <div class="quiet">{summary.services.join(', ')}</div> : null}
                <Needs record={record} nowMs={nowMs} />
              </th>
              <td class="mark">
                <StatusBadge status={summary.status} />
                <Commander record={record} />
              </td>
              <td>
                <Redacted text={leadingTheory(record)} />
              </td>
              <td class="mark">
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
    </section>
  );
}

/** The worst of what cannot wait, and how much more there is. */
function Needs({ record, nowMs }: { readonly record: IncidentRecord | undefined; readonly nowMs: number }) {
  const [first, ...more] = record === undefined ? [] : attentionOf(record, nowMs);
  if (first === undefined) return null;
  return (
    <div class="bad">
      <Redacted text={first.text} />
      {more.length === 0 ? '' : `; ${more.length} more`}
    </div>
  );
}

function Commander({ record }: { readonly record: IncidentRecord | undefined }) {
  const command = record?.responsibilities.find((each) => each.held && each.kind === 'command');
  return command === undefined ? null : <div class="quiet">{command.holder.name}</div>;
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
  const leader = record.hypotheses.find((each) => each.id === record.fixation.leader);
  if (leader) return `${leader.label}: ${leader.statement} (${leader.state})`;
  return 'none yet';
}
