import type { Entry, Json } from '../record/entry.ts';
import type { IncidentRecord } from '../record/incident-record.ts';
import { Ids, type Labels } from './labelled-ids.tsx';
import { Redacted, Time, Who } from './text.tsx';

export interface TimelineProps {
  readonly record: IncidentRecord;
  /** Newest last. */
  readonly entries: readonly Entry[];
  /** Where the page of earlier entries starts; undefined when these are the first. */
  readonly earlierAfter: number | undefined;
  readonly here: string;
  readonly labels: Labels;
}

/** The log as it was written. */
export function Timeline({ record, entries, earlierAfter, here, labels }: TimelineProps) {
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
