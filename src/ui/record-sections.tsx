import type { Approval, IncidentRecord, Trigger } from '../record/incident-record.ts';
import { Flags } from './hypothesis-section.tsx';
import { Ids, type Labels } from './labelled-ids.tsx';
import { Outside } from './outside.tsx';
import { Badge, Redacted, Time, timeText, Who } from './text.tsx';

export function Triggers({ record }: { readonly record: IncidentRecord }) {
  if (record.triggers.length === 0) return null;
  return (
    <section aria-labelledby="triggers">
      <h2 id="triggers">Triggers</h2>
      <ul>
        {record.triggers.map((trigger) => (
          <li id={`item-${trigger.label}`}>
            <strong>{trigger.label}</strong> {trigger.source}: <Redacted text={trigger.title} />
            <div class="quiet">
              <Redacted text={triggerWords(trigger)} /> <Outside address={trigger.externalRef} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Decisions({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
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

export function Gaps({ record }: { readonly record: IncidentRecord }) {
  return (
    <section aria-labelledby="gaps">
      <h2 id="gaps">Gaps</h2>
      {record.gaps.length === 0 ? <p>None recorded.</p> : null}
      <ul>
        {record.gaps.map((gap) => (
          <li id={`item-${gap.label}`}>
            <Badge text={gap.state} tone={gap.state === 'open' ? 'warn' : 'quiet'} /> <strong>{gap.label}</strong>{' '}
            <Redacted text={gap.what} />
            <div class="quiet">
              {gap.kind.replaceAll('_', ' ')}
              {gap.why === null ? null : (
                <>
                  : <Redacted text={gap.why} />
                </>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The nouns most incidents have few of, one line each. */
export function Others({ record }: { readonly record: IncidentRecord }) {
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
        text: approvalWords(each, record),
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
        text: `${timeText(each.at)}: ${each.happening}${each.overdue ? ' (next one overdue)' : ''}`,
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
        text: `${each.title} (${each.state.replaceAll('_', ' ')}${each.overdue ? ', overdue' : ''}, ${each.owner?.name ?? 'nobody'}${each.due === null ? '' : `, due ${timeText(each.due)}`})`,
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
                <strong>{label}</strong> <Redacted text={text} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function triggerWords({ title, service, rule, firedAt, deployTime }: Trigger): string {
  return [
    service,
    rule === null || rule === title ? null : `rule ${rule}`,
    firedAt === null ? null : `fired ${timeText(firedAt)}`,
    deployTime === null ? null : `deployed ${timeText(deployTime)}`,
  ]
    .filter((each) => each !== null)
    .join(' · ');
}

/** What it is for, and how long it holds where it still can. */
function approvalWords({ state, action, expiresAt, staleBecause }: Approval, record: IncidentRecord): string {
  const asked = record.actions.find((each) => each.id === action);
  const what = asked === undefined ? action : `${asked.label}, ${asked.intent}`;
  const until = state === 'pending' || state === 'granted' ? `, until ${timeText(expiresAt)}` : '';
  return `${state} for ${what}${until}${staleBecause === null ? '' : `: ${staleBecause}`}`;
}
