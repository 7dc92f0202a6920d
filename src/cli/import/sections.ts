import { cleanLine, cleanText, instantOf, type Postmortem } from './postmortem.ts';

export interface Section {
  readonly title: string;
  readonly text: string;
}

type Told = Pick<Postmortem, 'summary' | 'causes' | 'resolution' | 'timeline' | 'followUps'>;

const MAX_STATEMENT = 2_000;
const MAX_EVENTS = 300;
const MAX_FOLLOW_UPS = 100;

/** What the sections of a postmortem tell, by what their headings say. `date` is the day that bare times are of. */
export function toldBy(sections: readonly Section[], date: string | null, now: Date): Told {
  const named = (title: RegExp): readonly Section[] =>
    sections.filter((section) => title.test(section.title) && section.text.trim() !== '');
  const text = (found: readonly Section[]): string => found.map((section) => section.text).join('\n\n');
  const summary = cleanText(withoutHeading(text(named(/summary|overview|tl;?dr|what happened/iu))), MAX_STATEMENT);
  const cause = cleanText(text(named(/root[ -]?cause|^causes?$|trigger/iu)), MAX_STATEMENT);
  const contributing = named(/contributing|factors/iu).flatMap((section) => items(section.text));
  const resolution = cleanText(text(named(/resolution|recovery|how (?:we|it was) fixed|^fix/iu)), MAX_STATEMENT);
  return {
    summary: summary === '' ? null : summary,
    causes: [
      ...(cause === '' ? [] : [{ kind: 'cause' as const, text: cause }]),
      ...contributing
        .slice(0, 20)
        .map((item) => ({ kind: 'contributing' as const, text: cleanText(item, MAX_STATEMENT) })),
    ],
    resolution: resolution === '' ? null : resolution,
    timeline: named(/timeline|chronology|sequence of events/iu)
      .flatMap((section) => timelineOf(section.text, date, now))
      .slice(0, MAX_EVENTS),
    followUps: named(/action|follow[ -]?ups?|next steps|remediation|improvements/iu)
      .flatMap((section) => items(section.text))
      .flatMap((item) => followUpOf(item))
      .slice(0, MAX_FOLLOW_UPS),
  };
}

function withoutHeading(text: string): string {
  return text.replace(/^#{1,6} .*$/gmu, '');
}

/** Bullets, numbered points and table rows; paragraphs where there are none. */
function items(text: string): string[] {
  const rows: string[] = [];
  for (const line of text.split('\n')) {
    const bullet = /^\s*(?:[-*+•]|\d{1,3}[.)])\s+(.*)$/u.exec(line)?.[1];
    if (bullet !== undefined) rows.push(bullet);
    else if (/^\s*\|.*\|\s*$/u.test(line)) {
      const cells = cellsOf(line);
      if (cells.length > 0) rows.push(cells.join(' | '));
    } else if (/^\s+\S/u.test(line) && rows.length > 0) rows.push(`${rows.pop() ?? ''} ${line.trim()}`);
  }
  if (rows.length > 0) return rows.filter((row) => row.trim() !== '');
  return text
    .split(/\n\s*\n/u)
    .map((paragraph) => paragraph.trim())
    .filter(Boolean);
}

/** Cells of a table row; none for the rows that only draw or head the table. */
function cellsOf(line: string): string[] {
  const cells = line
    .trim()
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim());
  const draws = cells.every((cell) => /^:?-*:?$/u.test(cell));
  const heads = cells.every((cell) =>
    /^(?:time|date|when|event|what|description|action(?: items?)?|owner|status|ticket|type|due|utc|cet)?[^a-z]*$/iu.test(
      cell,
    ),
  );
  return draws || heads ? [] : cells.filter(Boolean);
}

const DATE = /^\**\[?(\d{4}-\d{2}-\d{2})\b/u;
const TIME = /^[\s,T*[-]*(\d{1,2}):(\d{2})(?::\d{2})?\s*(Z|UTC|GMT|CEST|CET|PDT|PST|EDT|EST)?\b[\s*\])]*/u;
/** Hours by which the zone is ahead of UTC. */
const ZONES: Readonly<Record<string, number>> = { CEST: 2, CET: 1, PDT: -7, PST: -8, EDT: -4, EST: -5 };

function timelineOf(text: string, date: string | null, now: Date): Postmortem['timeline'] {
  let day = date;
  const events: { at: string | null; text: string }[] = [];
  // "All times in CET." holds for every line that names no zone.
  const general = /\btimes?\b[^.\n]{0,40}\b(UTC|CEST|CET|PDT|PST|EDT|EST)\b/u.exec(text)?.[1] ?? '';
  const heading = /^#{1,6}\s|^\**\d{4}-\d{2}-\d{2}\**\s*$/u;
  for (const line of text.split('\n')) {
    const dated = DATE.exec(line.replace(/^#{1,6}\s*/u, ''))?.[1];
    if (heading.test(line)) {
      day = dated ?? day;
      continue;
    }
    for (const item of items(line)) {
      const own = DATE.exec(item)?.[1];
      day = own ?? day;
      const rest = own === undefined ? item : item.slice(item.indexOf(own) + own.length);
      const time = TIME.exec(rest);
      if (own === undefined && time === null) {
        // Prose between the points belongs to the one before it, or to none.
        const last = events.pop();
        if (last !== undefined) events.push({ at: last.at, text: cleanText(`${last.text}\n${item}`, 5_000) });
        continue;
      }
      const said = cleanText((time === null ? rest : rest.slice(time[0].length)).replace(/^[\s|:,–—-]+/u, ''), 5_000);
      if (said === '') continue;
      const zone = ZONES[time?.[3] ?? general] ?? 0;
      const clock = `${(time?.[1] ?? '0').padStart(2, '0')}:${time?.[2] ?? '00'}`;
      const at = day === null ? undefined : instantOf(`${day}T${clock}:00${offset(zone)}`, now);
      events.push({ at: at ?? null, text: said });
    }
  }
  return events;
}

function offset(hours: number): string {
  return hours === 0 ? 'Z' : `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`;
}

function followUpOf(item: string): Postmortem['followUps'] {
  const done = /^\[x\]|~~|✅|\bdone\b/iu.test(item);
  const owner =
    /(?:^|[\s(|])(?:owner|assignee)[:=]\s*@?([\p{L}\p{N}._ -]{1,60}?)\s*(?:$|[|,;)])|\(@([\p{L}\p{N}._-]{1,60})\)/iu.exec(
      item,
    );
  const title = cleanLine(item.replace(/^\[[ xX]\]\s*/u, '').replaceAll('~~', ''), 300);
  return title === '' ? [] : [{ title, owner: (owner?.[1] ?? owner?.[2] ?? '').trim() || null, done }];
}
