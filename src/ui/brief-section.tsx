import type { BriefSection } from '../record/brief/brief.ts';
import type { IncidentRecord } from '../record/incident-record.ts';
import { Ids, type Labels } from './labelled-ids.tsx';
import { Redacted } from './text.tsx';

/** What a joiner must know, the sections that have something to say first to the eye. */
export function BriefView({ record, labels }: { readonly record: IncidentRecord; readonly labels: Labels }) {
  return (
    <section aria-labelledby="brief">
      <h2 id="brief">Brief</h2>
      <div class="brief">
        {record.brief.sections.map((section) => (
          <section class={saysNothing(section) ? 'quiet' : undefined} aria-label={section.title}>
            <h3>{section.title}</h3>
            <ul>
              {section.lines.map((line, index) => (
                <li class={section.key === 'leading_theory' && index === 0 && line.ids.length > 0 ? 'lead' : undefined}>
                  <Told text={line.text} />{' '}
                  <span class="ids">
                    <Ids ids={line.ids} labels={labels} incident={record.ref} />
                  </span>
                </li>
              ))}
            </ul>
            {section.omitted > 0 ? <p class="quiet">and {section.omitted} more below</p> : null}
          </section>
        ))}
      </div>
    </section>
  );
}

/** Only the sentence that there is nothing. */
function saysNothing({ lines }: BriefSection): boolean {
  return lines.length === 1 && lines[0]?.ids.length === 0 && /^(?:No|Nothing|Nobody) /u.test(lines[0].text);
}

// The words that a brief writes in capitals, so that they are not read over; nobody else's words become bold by being loud.
const LOUD = /\b(OVERDUE|UNAPPROVED|UNSUPPORTED|RETRACTED|DENIED|STALE|EXPIRED|WARNING)\b/u;

function Told({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split(LOUD)
        .map((part, index) => (index % 2 === 1 ? <strong class="bad">{part}</strong> : <Redacted text={part} />))}
    </>
  );
}
