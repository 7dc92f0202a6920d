import type { Brief } from './brief.ts';
import { escapeMarkdown } from '../plain-text.ts';

/** The brief as Markdown, every word of it shown literally. */
export function briefMarkdown(brief: Brief): string {
  const head =
    brief.since === null
      ? `Entry ${brief.head.seq}, as of ${brief.asOf.slice(0, 19)}Z.`
      : `What changed since entry ${brief.since}; now entry ${brief.head.seq}, as of ${brief.asOf.slice(0, 19)}Z.`;
  const lines = [`# ${escapeMarkdown(brief.ref)}: ${escapeMarkdown(brief.title)}`, '', head];
  for (const section of brief.sections) {
    // To somebody who asks what changed, silence says that nothing did.
    if (brief.since !== null && section.lines.length === 0) continue;
    lines.push('', `## ${section.title}`, '');
    for (const { text } of section.lines) lines.push(`- ${escapeMarkdown(text)}`);
    if (section.omitted > 0) lines.push(`- … and ${section.omitted} more in the record`);
  }
  if (brief.since !== null && brief.sections.every((section) => section.lines.length === 0)) {
    lines.push('', 'Nothing changed.');
  }
  return `${lines.join('\n')}\n`;
}
