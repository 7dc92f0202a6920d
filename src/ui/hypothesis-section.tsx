import type { Flag, Hypothesis, IncidentRecord, Stance } from '../record/incident-record.ts';
import { Ids, type Labels } from './labelled-ids.tsx';
import { Badge, pathTo, Redacted, Time, Who } from './text.tsx';

/** What is believed, each theory with what speaks for and against it. */
export function Hypotheses({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
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

export function Flags({ flags }: { readonly flags: readonly Flag[] }) {
  return flags.length === 0 ? null : (
    <p class="notice">Rests on something that fell: {flags.map((flag) => flag.code.replaceAll('_', ' ')).join(', ')}</p>
  );
}
