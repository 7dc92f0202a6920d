import type { Child } from 'hono/jsx';
import type { EvidenceJson } from '../api/evidence-json.ts';
import type { Entry } from '../record/entry.ts';
import { clockTime } from '../record/freshness.ts';
import type { CustomersAffected, IncidentRecord } from '../record/incident-record.ts';
import type { SimilarAnswer } from '../record/memory/memory-service.ts';
import { labelsOf } from '../record/record-labels.ts';
import { AttentionBox, attentionOf } from './attention.tsx';
import { BriefView } from './brief-section.tsx';
import { EvidenceSection } from './evidence-section.tsx';
import { HelpSection } from './help-section.tsx';
import { Hypotheses } from './hypothesis-section.tsx';
import { AsOf, type LiveView } from './live.tsx';
import { Decisions, Gaps, Others, Triggers } from './record-sections.tsx';
import { SimilarSection } from './similar-section.tsx';
import { duration, pathTo, Redacted, SeverityBadge, StatusBadge } from './text.tsx';
import { Timeline } from './timeline-section.tsx';

export interface IncidentPageProps {
  readonly record: IncidentRecord;
  /** Newest last. */
  readonly entries: readonly Entry[];
  /** Where the page of earlier entries starts; undefined when these are the first. */
  readonly earlierAfter: number | undefined;
  readonly evidence: { readonly items: readonly EvidenceJson[]; readonly next: string | null };
  /** Owners and runbooks. */
  readonly help: readonly EvidenceJson[];
  readonly filter: { readonly kind: string; readonly q: string };
  /** Undefined where nothing is remembered. */
  readonly similar?: SimilarAnswer | undefined;
  readonly live: LiveView;
  readonly nowMs: number;
}

/** One record: how it stands and what needs somebody on top, then the brief, then what it was made of. */
export function IncidentPage(props: IncidentPageProps) {
  const { record } = props;
  const here = pathTo('incidents', record.ref);
  const labels = labelsOf(record);
  const sections = [
    'brief',
    'hypotheses',
    'decisions',
    'gaps',
    ...(props.similar === undefined ? [] : ['similar']),
    'evidence',
    'timeline',
  ];
  return (
    <>
      <h1>
        <span class="ref">{record.ref}:</span> <Redacted text={record.title} />
      </h1>
      <AsOf nowMs={props.nowMs} seq={record.head.seq} live={props.live} />
      <Standing record={record} nowMs={props.nowMs} />
      <AttentionBox items={attentionOf(record, props.nowMs)} />
      <nav class="filters" aria-label="Sections">
        {sections.map((section) => (
          <a href={`#${section}`}>{section}</a>
        ))}
        <a href={`/api/v1${here}`}>JSON</a>
        <a href={`/api/v1${here}/brief`}>brief as JSON</a>
      </nav>
      <HelpSection rows={props.help} />
      <BriefView record={record} labels={labels} />
      <Hypotheses record={record} labels={labels} />
      <Triggers record={record} />
      <Decisions record={record} labels={labels} />
      <Gaps record={record} />
      <Others record={record} />
      {props.similar === undefined ? null : <SimilarSection similar={props.similar} />}
      <EvidenceSection {...props} here={here} />
      <Timeline {...props} here={here} labels={labels} />
    </>
  );
}

/** What one glance must tell. */
function Standing({ record, nowMs }: { readonly record: IncidentRecord; readonly nowMs: number }) {
  const command = record.responsibilities.find((each) => each.held && each.kind === 'command');
  const update = record.statusUpdates.at(-1);
  const leader = record.hypotheses.find((each) => each.id === record.fixation.leader);
  const place = [record.services.join(', '), record.environments.join(', ')].filter(Boolean).join(' in ');
  const end = record.resolvedAt === null ? nowMs : Date.parse(record.resolvedAt);
  const now = new Date(nowMs);
  return (
    <dl class="standing">
      <Fact name="Status">
        <SeverityBadge severity={record.severity} /> <StatusBadge status={record.status} />
      </Fact>
      <Fact name={record.resolvedAt === null ? 'Going on for' : 'Lasted'}>
        {duration(end - Date.parse(record.startedAt))}
        <span class="quiet">
          {' '}
          since <time datetime={record.startedAt}>{clockTime(record.startedAt, now)}</time>
        </span>
      </Fact>
      <Fact name="Touches">{place === '' ? <span class="quiet">not said</span> : place}</Fact>
      <Fact name="Customers">
        {record.impact === null ? (
          <span class="quiet">not said</span>
        ) : (
          `${customers(record.impact.customersAffected)}${record.impact.segments.length === 0 ? '' : ` (${record.impact.segments.join(', ')})`}`
        )}
      </Fact>
      <Fact name="Command">{command === undefined ? <span class="warn">nobody</span> : command.holder.name}</Fact>
      <Fact name="Next update">
        {update?.nextUpdateDue == null || record.resolvedAt !== null ? (
          <span class="quiet">none due</span>
        ) : (
          <span class={update.overdue ? 'bad' : undefined}>
            {clockTime(update.nextUpdateDue, now)}
            {update.overdue ? ' (overdue)' : ''}
          </span>
        )}
      </Fact>
      <Fact name="Leading theory" wide>
        {leader === undefined ? (
          <span class="quiet">none</span>
        ) : (
          <>
            <a href={`#item-${leader.label}`}>{leader.label}</a> <Redacted text={leader.statement} />{' '}
            <span class="quiet">
              ({leader.state}, {leader.supporting.length} for, {leader.refuting.length} against)
            </span>
          </>
        )}
      </Fact>
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly wide?: boolean;
  readonly children?: Child;
}

function Fact({ name, wide, children }: FactProps) {
  return (
    <div class={wide === true ? 'wide' : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function customers(affected: CustomersAffected): string {
  const words = (value: number): string => value.toLocaleString('en-US');
  switch (affected.kind) {
    case 'count':
      return words(affected.count);
    case 'range':
      return `${words(affected.from)} to ${words(affected.to)}`;
    default:
      return 'not known';
  }
}
