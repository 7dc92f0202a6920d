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
  // An entry names an item by id or by label.
  const known = new Set([...labels.keys(), ...labels.values()]);
  const shown = new Map(entries.map(({ entryId, seq }) => [entryId, seq]));
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
              <Ids ids={about(entry.body, known)} labels={labels} incident={record.ref} />{' '}
              <Redacted text={gist(entry.body)} />
            </div>
            {entry.basis.length > 0 ? (
              <div class="quiet">
                rests on <Ids ids={entry.basis} labels={labels} incident={record.ref} entries={shown} />
              </div>
            ) : null}
            <details>
              <summary>Entry {entry.seq} as written</summary>
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
  'relation',
  'verdict',
  'effect',
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
  'level',
  'answer',
];
/** What is said of an entry that has none of those. */
const OTHERWISE = ['kind', 'sourceFamily', 'workstream', 'holder', 'to', 'owner'];

/** The two most telling members of an entry. */
function gist(body: { readonly [key: string]: Json }): string {
  const told = wordsOf(body, TELLING);
  return (told.length > 0 ? told : wordsOf(body, OTHERWISE)).slice(0, 2).join(' · ').slice(0, 400);
}

function wordsOf(body: { readonly [key: string]: Json }, keys: readonly string[]): string[] {
  return keys.flatMap((key) => {
    const value = Object.hasOwn(body, key) ? body[key] : undefined;
    const words = isNamed(value) ? value.name : value;
    return typeof words === 'string' && words !== '' ? [words] : [];
  });
}

function isNamed(value: Json | undefined): value is { readonly name: string } {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}

/** The items of the record and the evidence that an entry is about. */
function about(body: { readonly [key: string]: Json }, known: ReadonlySet<string>): string[] {
  return Object.entries(body).flatMap(([key, value]) =>
    typeof value === 'string' && (known.has(value) || key === 'evidence') ? [value] : [],
  );
}
