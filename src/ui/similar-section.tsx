import type { SimilarAnswer } from '../record/memory/memory-service.ts';
import { Badge, counted, pathTo, Redacted, SeverityBadge, Time } from './text.tsx';

const FEATURES_SHOWN = 6;
const REPEATED_SHOWN = 10;

/** Past incidents like this one, why they are like it, and what they taught. */
export function SimilarSection({ similar }: { readonly similar: SimilarAnswer }) {
  return (
    <section aria-labelledby="similar">
      <h2 id="similar">Similar incidents</h2>
      {similar.items.length === 0 ? <p>{noneAmong(similar.compared)}</p> : null}
      {similar.items.map(({ incident, score, features, outcome }) => (
        <article class="card" aria-labelledby={`similar-${incident.ref}`}>
          <h3 id={`similar-${incident.ref}`}>
            <a href={pathTo('incidents', incident.ref)}>{incident.ref}</a>: <Redacted text={incident.title} />
          </h3>
          <p>
            <Badge text={incident.status} tone="quiet" /> <SeverityBadge severity={incident.severity} /> started{' '}
            <Time at={incident.startedAt} />, likeness {Math.round(score * 100)} %
          </p>
          <p class="quiet">
            Shares{' '}
            {features
              .slice(0, FEATURES_SHOWN)
              .map((feature) => `${feature.kind.replaceAll('_', ' ')} ${feature.value}`)
              .join('; ')}
          </p>
          <ul>
            {outcome.cause.map((cause) => (
              <li>
                It was: <Redacted text={cause.text} /> <span class="quiet">{cause.label}</span>
              </li>
            ))}
            {outcome.fixedBy.map((fix) => (
              <li>
                Fixed by: <Redacted text={fix.text} /> <span class="quiet">{fix.label ?? ''}</span>
              </li>
            ))}
            {outcome.ruledOut.map((each) => (
              <li>
                Ruled out: <Redacted text={each.text} /> <span class="quiet">{each.label}</span>,{' '}
                {each.setAside ? 'set aside: ' : ''}
                <Redacted text={each.by.map((by) => `${by.label ?? by.kind} ${by.text}`).join('; ') || each.reason} />
              </li>
            ))}
            {outcome.followUps.map((each) => (
              <li>
                Still to do: <Redacted text={each.text} />{' '}
                <span class="quiet">
                  {each.label} {each.state.replaceAll('_', ' ')}, {each.owner ?? 'nobody'}
                </span>
              </li>
            ))}
          </ul>
        </article>
      ))}
      {similar.repeated.length === 0 ? null : (
        <>
          <h3>Asked before</h3>
          <ul>
            {similar.repeated.slice(0, REPEATED_SHOWN).map((each) => (
              <li>
                <Redacted text={each.question} />{' '}
                <span class="quiet">
                  {each.times} times here: <Redacted text={each.cameOf} />
                </span>
                {each.elsewhere.map((other) => (
                  <div>
                    <a href={pathTo('incidents', other.incident.ref)}>{other.incident.ref}</a>{' '}
                    <Redacted text={other.cameOf} />
                  </div>
                ))}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function noneAmong(compared: number): string {
  return compared === 0 ? 'There is no other incident to compare with.' : `None among ${counted(compared, 'other')}.`;
}
