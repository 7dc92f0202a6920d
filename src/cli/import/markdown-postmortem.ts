import { createHash } from 'node:crypto';
import { urlOf } from './json-postmortem.ts';
import { cleanLine, cleanText, instantOf, severityOf, type ReadPostmortem } from './postmortem.ts';
import { toldBy, type Section } from './sections.ts';

const MAX_SECTION = 18_000;

/**
 * One postmortem as Markdown: the first heading is the title, the headings below it make the sections. Front matter between
 * `---` lines, or lines `Key: value` before the first section, may give `title`, `id`, `severity`, `services`, `start`,
 * `end`, `url`, `license`.
 */
export function readMarkdownPostmortem(text: string, file: string, now: Date): ReadPostmortem {
  const lines = text.replace(/^\ufeff/u, '').split(/\r\n?|\n/u);
  const fields = new Map<string, string>();
  let at = 0;
  if (lines[0]?.trim() === '---') {
    at = lines.findIndex((line, index) => index > 0 && line.trim() === '---') + 1;
    if (at === 0) return unreadable(`${file}:1`, 'the front matter has no end');
    for (const line of lines.slice(1, at - 1)) takeField(line, fields);
  }
  let title = fields.get('title') ?? '';
  let titleLine = at + 1;
  const sections: { title: string; text: string }[] = [];
  let section: { title: string; lines: string[] } = { title: 'Summary', lines: [] };
  const close = (): void => {
    const body = cleanText(section.lines.join('\n'), MAX_SECTION);
    if (body !== '') sections.push({ title: section.title, text: body });
  };
  let isCode = false;
  lines.slice(at).forEach((line, index) => {
    if (/^\s*(?:```|~~~)/u.test(line)) isCode = !isCode;
    const heading = isCode ? undefined : /^#{1,3}\s+(.*?)\s*#*$/u.exec(line)?.[1];
    if (heading === undefined) {
      if (sections.length > 0 || section.title !== 'Summary' || !takeField(line, fields)) section.lines.push(line);
      return;
    }
    if (title === '') {
      title = heading;
      titleLine = at + index + 1;
      return;
    }
    close();
    section = { title: cleanLine(heading, 200), lines: [] };
  });
  close();
  title = cleanLine(title, 300);
  if (title === '') return unreadable(`${file}:${titleLine}`, 'has no heading to be its title');
  if (sections.length === 0) return unreadable(`${file}:${titleLine}`, 'has a title and no text');
  const warnings: string[] = [];
  const time = (names: readonly string[]): string | null => {
    const said = names.map((name) => fields.get(name)).find((value) => value !== undefined);
    const instant = said === undefined ? undefined : instantOf(said, now);
    if (said !== undefined && instant === undefined)
      warnings.push(`${names[0] ?? 'time'} is no time between 2000 and now; left out`);
    return instant ?? null;
  };
  const startedAt = time(['start', 'started', 'started at', 'date']);
  const told = toldBy(sections satisfies readonly Section[], startedAt?.slice(0, 10) ?? null, now);
  const contentHash = createHash('sha256').update(text).digest('hex');
  return {
    kind: 'read',
    postmortem: {
      place: `${file}:${titleLine}`,
      key: fields.get('id') ?? contentHash,
      contentHash,
      title,
      severity: severityOf(fields.get('severity') ?? ''),
      services: (fields.get('services') ?? fields.get('service') ?? '')
        .replace(/^\[|\]$/gu, '')
        .split(',')
        .map((name) => cleanLine(name, 200))
        .filter(Boolean)
        .slice(0, 50),
      startedAt: startedAt ?? told.timeline.find((event) => event.at !== null)?.at ?? null,
      endedAt: time(['end', 'ended', 'resolved', 'resolved at']),
      url: urlOf(fields.get('url')),
      source: file,
      license: fields.get('license') ?? null,
      ...told,
      sections,
      warnings,
    },
  };
}

/** `Key: value`, perhaps in bold or as a bullet. True when it was one that is known. */
function takeField(line: string, fields: Map<string, string>): boolean {
  const [, key, value] =
    /^\s*(?:[-*]\s+)?\**([A-Za-z][A-Za-z _-]{0,20})\**\s*:\**\s*(.+?)\s*$/u.exec(line.slice(0, 2_000)) ?? [];
  if (key === undefined || value === undefined) return false;
  const name = key.toLowerCase().replaceAll(/[_-]/gu, ' ').trim();
  if (!KNOWN.has(name)) return false;
  fields.set(name, value.replace(/^["']|["']$/gu, ''));
  return true;
}

const KNOWN: ReadonlySet<string> = new Set([
  'title',
  'id',
  'severity',
  'service',
  'services',
  'date',
  'start',
  'started',
  'started at',
  'end',
  'ended',
  'resolved',
  'resolved at',
  'url',
  'license',
]);

function unreadable(place: string, problem: string): ReadPostmortem {
  return { kind: 'unreadable', unreadable: { place, problem } };
}
