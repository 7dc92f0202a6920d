import type { SimilarAnswer } from '../record/memory/memory-service.ts';
import type { EvidenceJson } from '../api/evidence-json.ts';
import type { Entry, Json } from '../record/entry.ts';
import type { Flag, Hypothesis, IncidentRecord, Stance } from '../record/incident-record.ts';
import { EvidenceTable } from './evidence-table.tsx';
import { SimilarSection } from './similar-section.tsx';
import { Badge, pathTo, Redacted, severityTone, Time, Who } from './text.tsx';

export interface IncidentPageProps {
  readonly record: IncidentRecord;
  /** Newest last. */
  readonly entries: readonly Entry[];
  /** Where the page of earlier entries starts; undefined when these are the first. */
  readonly earlierAfter: number | undefined;
  readonly evidence: { readonly items: readonly EvidenceJson[]; readonly next: string | null };
  readonly filter: { readonly kind: string; readonly q: string };
  /** Undefined where nothing is remembered. */
  readonly similar?: SimilarAnswer | undefined;
}

/** One record: the brief on top, then what it was made of. */
export function IncidentPage(props: IncidentPageProps) {
  const { record } = props;
  const here = pathTo('incidents', record.ref);
  const labels = labelsOf(record);
  return (
    <>
      <h1>
        {record.ref}: {record.title}
      </h1>
      <p>
        <Badge text={record.status} tone="quiet" />{' '}
        <Badge text={record.severity} tone={severityTone(record.severity)} /> started <Time at={record.startedAt} />
        {record.resolvedAt === null ? null : (
          <>
            , resolved <Time at={record.resolvedAt} />
          </>
        )}
        , entry {record.head.seq}
      </p>
      <p class="quiet">
        {[...record.services, ...record.environments].join(', ')} <a href={`/api/v1${here}`}>JSON</a>{' '}
        <a href={`/api/v1${here}/brief`}>brief as JSON</a>
      </p>
      {record.integrity.verified ? null : (
        <p class="notice bad">The log of this record does not verify: entries were changed, removed or reordered.</p>
      )}
      <nav class="filters" aria-label="Sections">
        {[
          'brief',
          'hypotheses',
          'evidence',
          'decisions',
          'gaps',
          ...(props.similar === undefined ? [] : ['similar']),
          'timeline',
        ].map((section) => (
          <a href={`#${section}`}>{section}</a>
        ))}
      </nav>
      <Brief record={record} labels={labels} />
      <Hypotheses record={record} labels={labels} />
      <Triggers record={record} />
      <Decisions record={record} labels={labels} />
      <Gaps record={record} />
      <Others record={record} />
      {props.similar === undefined ? null : <SimilarSection similar={props.similar} />}
      <Evidence {...props} here={here} />
      <Timeline {...props} here={here} labels={labels} />
    </>
  );
}

type Labels = ReadonlyMap<string, string>;

/** Labels of what the record holds, by id: people say H1, programs say the id. */
function labelsOf(record: IncidentRecord): Labels {
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
function Ids({
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

function Brief({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
  return (
    <section aria-labelledby="brief">
      <h2 id="brief">Brief</h2>
      <div class="brief">
        {record.brief.sections.map((section) => (
          <div>
            <h3>{section.title}</h3>
            {section.lines.length === 0 ? <p class="quiet">nothing</p> : null}
            <ul>
              {section.lines.map((line) => (
                <li>
                  <Redacted text={line.text} />{' '}
                  <span class="quiet">
                    <Ids ids={line.ids} labels={labels} incident={record.ref} />
                  </span>
                </li>
              ))}
            </ul>
            {section.omitted > 0 ? <p class="quiet">and {section.omitted} more below</p> : null}
          </div>
        ))}
      </div>
    </section>
  );
}

function Hypotheses({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
  return (
    <section aria-labelledby="hypotheses">
      <h2 id="hypotheses">Hypotheses</h2>
      {record.hypotheses.length === 0 ? <p>None yet.</p> : null}
      {record.fixation.challengeDue ? <p class="notice">{record.fixation.explanation.join(' ')}</p> : null}
      {record.hypotheses.map((hypothesis) => (
        <article class="card" aria-labelledby={`item-${hypothesis.label}`}>
          <h3 id={`item-${hypothesis.label}`}>
            {hypothesis.label}: <Redacted text={hypothesis.statement} />
          </h3>
          <p>
            <Badge text={hypothesis.state} tone={hypothesis.live ? 'good' : 'quiet'} /> confidence{' '}
            {hypothesis.confidence.level}
            {hypothesis.confidence.aboveCap ? <span class="warn"> (above what the evidence allows)</span> : null}, by{' '}
            <Who actor={hypothesis.by} /> <Time at={hypothesis.at} />
          </p>
          {hypothesis.rejected ? (
            <p>
              {hypothesis.rejected.setAside ? 'Set aside' : 'Killed'} by <Who actor={hypothesis.rejected.by} />{' '}
              <Time at={hypothesis.rejected.at} />: <Redacted text={hypothesis.rejected.reason} />{' '}
              <Ids ids={hypothesis.rejected.killedBy} labels={labels} incident={record.ref} />
            </p>
          ) : null}
          <Flags flags={hypothesis.flags} />
          <div class="two">
            <Stances title="For" relation="supports" hypothesis={hypothesis} incident={record.ref} />
            <Stances title="Against" relation="refutes" hypothesis={hypothesis} incident={record.ref} />
          </div>
          {hypothesis.predicts.length > 0 ? (
            <p>
              Predicts: <Redacted text={hypothesis.predicts.join('; ')} />
            </p>
          ) : null}
          {hypothesis.refutedBy.length > 0 ? (
            <p>
              Would be refuted by: <Redacted text={hypothesis.refutedBy.join('; ')} />
            </p>
          ) : null}
        </article>
      ))}
    </section>
  );
}

interface StancesProps {
  readonly title: string;
  readonly relation: Stance['relation'];
  readonly hypothesis: Hypothesis;
  readonly incident: string;
}

function Stances({ title, relation, hypothesis, incident }: StancesProps) {
  const stances = hypothesis.stances.filter((stance) => stance.relation === relation);
  const families = relation === 'supports' ? hypothesis.supportFamilies : hypothesis.refuteFamilies;
  return (
    <div>
      <h4>
        {title} <span class="quiet">({families.length} independent)</span>
      </h4>
      {stances.length === 0 ? <p class="quiet">nothing</p> : null}
      <ul>
        {stances.map((stance) => (
          <li id={`item-${stance.label}`}>
            <a href={pathTo('incidents', incident, 'evidence', stance.evidence)}>{stance.strength}</a>:{' '}
            <Redacted text={stance.rationale} /> <span class="quiet">{stance.by.name}</span>
            {stance.counts ? null : <span class="warn"> (withdrawn)</span>}
            {stance.linkMode === 'inferred' ? <span class="warn"> (inferred link)</span> : null}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Flags({ flags }: { readonly flags: readonly Flag[] }) {
  return flags.length === 0 ? null : (
    <p class="notice">Rests on something that fell: {flags.map((flag) => flag.code.replaceAll('_', ' ')).join(', ')}</p>
  );
}

function Triggers({ record }: { readonly record: IncidentRecord }) {
  if (record.triggers.length === 0) return null;
  return (
    <section aria-labelledby="triggers">
      <h2 id="triggers">Triggers</h2>
      <ul>
        {record.triggers.map((trigger) => (
          <li id={`item-${trigger.label}`}>
            {trigger.label} {trigger.source}: <Redacted text={trigger.title} /> {trigger.service ?? ''}{' '}
            {trigger.rule === null ? '' : `rule ${trigger.rule}`}{' '}
            {trigger.firedAt === null ? null : (
              <>
                fired <Time at={trigger.firedAt} />
              </>
            )}{' '}
            {trigger.deployTime === null ? null : (
              <>
                deployed <Time at={trigger.deployTime} />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Decisions({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
  return (
    <section aria-labelledby="decisions">
      <h2 id="decisions">Decisions</h2>
      {record.decisions.length === 0 ? <p>None yet.</p> : null}
      {record.decisions.map((decision) => (
        <article class="card" aria-labelledby={`item-${decision.label}`}>
          <h3 id={`item-${decision.label}`}>
            {decision.label}: <Redacted text={decision.question} />
          </h3>
          <p>
            <strong>
              <Redacted text={decision.chosen} />
            </strong>{' '}
            {decision.stands ? null : <span class="warn">(reversed)</span>} <Who actor={decision.by} />{' '}
            <Time at={decision.at} />, authority: {decision.authority}
          </p>
          <p>
            <Redacted text={decision.rationale} />
          </p>
          <Flags flags={decision.flags} />
          <ul>
            {decision.options.map((option) => (
              <li>
                <Redacted text={option.text} /> <span class="quiet">for:</span>{' '}
                <Redacted text={option.for.join('; ') || 'nothing'} /> <span class="quiet">against:</span>{' '}
                <Redacted text={option.against.join('; ') || 'nothing'} />
              </li>
            ))}
          </ul>
          {decision.considered.length > 0 ? (
            <p class="quiet">
              Considered: <Ids ids={decision.considered} labels={labels} incident={record.ref} />
            </p>
          ) : null}
        </article>
      ))}
    </section>
  );
}

function Gaps({ record }: { readonly record: IncidentRecord }) {
  return (
    <section aria-labelledby="gaps">
      <h2 id="gaps">Gaps</h2>
      {record.gaps.length === 0 ? <p>None recorded.</p> : null}
      <ul>
        {record.gaps.map((gap) => (
          <li id={`item-${gap.label}`}>
            <Badge text={gap.state} tone={gap.state === 'open' ? 'warn' : 'quiet'} /> {gap.label}{' '}
            <Redacted text={gap.what} /> <span class="quiet">{gap.kind.replaceAll('_', ' ')}</span>{' '}
            {gap.why === null ? null : <Redacted text={gap.why} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The nouns most incidents have few of, one line each. */
function Others({ record }: { readonly record: IncidentRecord }) {
  const groups: { title: string; lines: { label: string; text: string }[] }[] = [
    {
      title: 'Checks',
      lines: record.checks.map((each) => ({
        label: each.label,
        text: `${each.question} (${each.state}${each.overdue ? ', overdue' : ''})${each.answer ? `: ${each.answer.text}` : ''}`,
      })),
    },
    {
      title: 'Contested',
      lines: record.contentions.map((each) => ({ label: each.label, text: `${each.question} (${each.state})` })),
    },
    {
      title: 'Actions',
      lines: record.actions.map((each) => ({
        label: each.label,
        text: `${each.intent}: ${each.operation} on ${each.target} (${each.state}, ${each.tier}${each.outcomeOverdue ? ', outcome overdue' : ''})`,
      })),
    },
    {
      title: 'Approvals',
      lines: record.approvals.map((each) => ({
        label: each.label,
        text: `${each.state}, until ${each.expiresAt}${each.staleBecause === null ? '' : `: ${each.staleBecause}`}`,
      })),
    },
    {
      title: 'Responsibilities',
      lines: record.responsibilities
        .filter((each) => each.held)
        .map((each) => ({ label: each.label, text: `${each.kind}, ${each.workstream}: ${each.holder.name}` })),
    },
    {
      title: 'Handoffs',
      lines: record.handoffs.map((each) => ({
        label: each.label,
        text: `${each.from.name} to ${each.to.name}: ${each.state}`,
      })),
    },
    {
      title: 'Status updates',
      lines: record.statusUpdates.map((each) => ({
        label: each.label,
        text: `${each.at.slice(0, 19)}Z ${each.happening}${each.overdue ? ' (next one overdue)' : ''}`,
      })),
    },
    {
      title: 'Messages',
      lines: record.messages.map((each) => ({
        label: each.label,
        text: `to ${each.audience} (${each.state}${each.unsupported ? ', unsupported' : ''}): ${each.body}`,
      })),
    },
    {
      title: 'Follow-ups',
      lines: record.followUps.map((each) => ({
        label: each.label,
        text: `${each.title} (${each.state}${each.overdue ? ', overdue' : ''}) ${each.owner?.name ?? 'nobody'}`,
      })),
    },
    {
      title: 'Related',
      lines: record.relations.map((each) => ({
        label: each.label,
        text: `${each.kind.replaceAll('_', ' ')} ${each.other}`,
      })),
    },
  ].filter(({ lines }) => lines.length > 0);
  return (
    <>
      {groups.map(({ title, lines }) => (
        <section aria-label={title}>
          <h2>{title}</h2>
          <ul>
            {lines.map(({ label, text }) => (
              <li id={`item-${label}`}>
                {label} <Redacted text={text} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Evidence({ record, evidence, filter, here }: IncidentPageProps & { readonly here: string }) {
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
            {kind} {count}
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

interface TimelineProps extends IncidentPageProps {
  readonly here: string;
  readonly labels: Labels;
}

function Timeline({ record, entries, earlierAfter, here, labels }: TimelineProps) {
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      {earlierAfter === undefined ? null : (
        <p>
          <a href={`${here}?entries=${earlierAfter}#timeline`}>Earlier entries</a>
        </p>
      )}
      <ol class="timeline">
        {entries.map((entry) => (
          <li id={`entry-${entry.seq}`}>
            <span class="quiet">{entry.seq}</span> <Time at={entry.occurredAt} /> <strong>{entry.type}</strong>{' '}
            <Who actor={entry.actor} />
            <div>
              <Redacted text={gist(entry.body)} />
            </div>
            {entry.basis.length > 0 ? (
              <div class="quiet">
                rests on <Ids ids={entry.basis} labels={labels} incident={record.ref} />
              </div>
            ) : null}
            <details>
              <summary>Entry</summary>
              <pre tabindex={0}>
                <Redacted text={JSON.stringify({ body: entry.body, hash: entry.hash }, null, 2)} />
              </pre>
            </details>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The words of an entry that say most, in this order of preference. */
const TELLING = [
  'title',
  'statement',
  'question',
  'chosen',
  'what',
  'happening',
  'intent',
  'text',
  'rationale',
  'reason',
  'status',
  'severity',
  'answer',
];

function gist(body: { readonly [key: string]: Json }): string {
  const told = TELLING.flatMap((key) => {
    const value = Object.hasOwn(body, key) ? body[key] : undefined;
    return typeof value === 'string' && value !== '' ? [value] : [];
  });
  return told.slice(0, 2).join(' · ').slice(0, 400);
}
