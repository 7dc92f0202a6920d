import { createHash } from 'node:crypto';
import { cleanLine, cleanText, instantOf, severityOf, type Postmortem, type ReadPostmortem } from './postmortem.ts';
import { toldBy, type Section } from './sections.ts';

type Fields = { readonly [key: string]: unknown };

const MAX_SECTION = 18_000;

/**
 * One postmortem as JSON. Known keys (others are ignored): `title` (required), `id`, `summary`, `details` | `description` |
 * `body`, `start` | `startedAt`, `end` | `resolvedAt`, `severity`, `services` | `product`, `rootCause` | `root_cause`,
 * `resolution`, `events` | `timeline` (text, or objects of `date`, `time`, `at`, `text`), `actionItems` | `action_items` |
 * `followUps`, `sections` (heading → text), `keywords`, `category`, `company`, `url`, `source`, `license`.
 */
export function readJsonPostmortem(value: unknown, place: string, now: Date): ReadPostmortem {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unreadable(place, 'expected an object');
  const fields = value as Fields;
  const title = cleanLine(textOf(fields, ['title', 'name']) ?? '', 300);
  if (title === '') return unreadable(place, 'has no title');
  const warnings: string[] = [];
  const time = (names: readonly string[]): string | null => {
    const text = textOf(fields, names);
    if (text === undefined) return null;
    const instant = instantOf(text, now);
    if (instant === undefined)
      warnings.push(`${names[0] ?? 'time'} is no time between 2000 and now; kept as text only`);
    return instant ?? null;
  };
  const startedAt = time(['start', 'startedAt', 'started_at']);
  const endedAt = time(['end', 'resolvedAt', 'resolved_at', 'endedAt']);
  const sections: Section[] = [];
  const add = (heading: string, text: string | undefined): void => {
    const clean = cleanText(text ?? '', MAX_SECTION);
    if (clean !== '') sections.push({ title: heading, text: clean });
  };
  add('Summary', textOf(fields, ['summary']));
  add('Details', textOf(fields, ['details', 'description', 'body']));
  add('Root cause', textOf(fields, ['rootCause', 'root_cause', 'cause']));
  add('Resolution', textOf(fields, ['resolution', 'mitigation']));
  const given = fields['sections'];
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    for (const [heading, text] of Object.entries(given))
      if (typeof text === 'string') add(cleanLine(heading, 200), text);
  }
  const about = [
    ['Company', textsOf(fields, ['company'])],
    ['Product', textsOf(fields, ['product'])],
    ['Category', textsOf(fields, ['category', 'categories'])],
    ['Keywords', textsOf(fields, ['keywords', 'tags'])],
  ] as const;
  add(
    'About',
    about.flatMap(([name, texts]) => (texts.length === 0 ? [] : [`${name}: ${texts.join(', ')}`])).join('\n'),
  );

  const told = toldBy(sections, startedAt?.slice(0, 10) ?? null, now);
  const events = eventsOf(fields['events'] ?? fields['timeline'], startedAt, now, warnings);
  const items = textsOf(fields, ['actionItems', 'action_items', 'followUps', 'follow_ups']);
  const started = startedAt ?? events.find((event) => event.at !== null)?.at ?? null;
  const ended = endedAt !== null && started !== null && endedAt < started ? null : endedAt;
  if (ended !== endedAt) warnings.push('end lies before start; left out');
  const contentHash = createHash('sha256').update(JSON.stringify(value)).digest('hex');
  return {
    kind: 'read',
    postmortem: {
      place,
      key: textOf(fields, ['id']) ?? contentHash,
      contentHash,
      title,
      summary: told.summary,
      severity: severityOf(textOf(fields, ['severity', 'priority']) ?? ''),
      services: textsOf(fields, ['services', 'service', 'product'])
        .map((name) => cleanLine(name, 200))
        .filter(Boolean)
        .slice(0, 50),
      startedAt: started,
      endedAt: ended,
      url: urlOf(textOf(fields, ['url', 'link'])),
      source: cleanLine(textOf(fields, ['source']) ?? '', 300) || null,
      license: cleanLine(textOf(fields, ['license', 'licence']) ?? '', 200) || null,
      causes: told.causes,
      resolution: told.resolution,
      timeline: events.length > 0 ? events : told.timeline,
      followUps: [
        ...told.followUps,
        ...items.map((item) => ({ title: cleanLine(item, 300), owner: null, done: false })),
      ].slice(0, 100),
      sections,
      warnings,
    },
  };
}

function eventsOf(value: unknown, startedAt: string | null, now: Date, warnings: string[]): Postmortem['timeline'] {
  if (!Array.isArray(value)) return [];
  let day = startedAt?.slice(0, 10);
  let untimed = 0;
  const events = value.slice(0, 300).flatMap((each: unknown): { at: string | null; text: string }[] => {
    if (typeof each === 'string') return [{ at: null, text: cleanText(each, 5_000) }];
    if (typeof each !== 'object' || each === null) return [];
    const fields = each as Fields;
    const text = cleanText(textOf(fields, ['text', 'event', 'description']) ?? '', 5_000);
    if (text === '') return [];
    day = textOf(fields, ['date']) ?? day;
    const time = textOf(fields, ['time']);
    const whole = textOf(fields, ['at', 'timestamp']);
    const said = whole ?? (day === undefined ? '' : `${day}T${(time ?? '00:00').padStart(5, '0')}`);
    const at = instantOf(said, now) ?? null;
    if (at === null) untimed += 1;
    return [{ at, text }];
  });
  if (untimed > 0) warnings.push(`${untimed} events have no time between 2000 and now; kept without one`);
  return events.filter((event) => event.text !== '');
}

function textOf(fields: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value.trim() !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function textsOf(fields: Fields, names: readonly string[]): readonly string[] {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string' && value.trim() !== '') return [value];
    if (Array.isArray(value))
      return value.filter((each): each is string => typeof each === 'string' && each.trim() !== '');
  }
  return [];
}

export function urlOf(text: string | undefined): string | null {
  const url = text?.trim() ?? '';
  return url.length <= 1_000 && /^https?:\/\/\S+$/iu.test(url) && URL.canParse(url) ? url : null;
}

function unreadable(place: string, problem: string): ReadPostmortem {
  return { kind: 'unreadable', unreadable: { place, problem } };
}
