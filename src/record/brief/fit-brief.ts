import { briefMarkdown } from './brief-markdown.ts';
import type { Brief, BriefSection, BriefSectionKey } from './brief.ts';
import { escapeMarkdown, oneLine } from '../plain-text.ts';

/** As JSON and as Markdown. */
export const MAX_BRIEF_BYTES = 4_000;

/**
 * Shortens until both forms fit: first lines are clipped, then the longest section loses its last line, again and again.
 * Every section keeps one line.
 */
export function fitBrief(brief: Brief): Brief {
  let fitted = brief;
  for (const width of [400, 280, 200]) {
    fitted = {
      ...brief,
      sections: brief.sections.map((section) => ({
        ...section,
        lines: section.lines.map(({ text, ids }) => ({ text: oneLine(text, width), ids: ids.slice(0, 3) })),
      })),
    };
    if (sizeOf(fitted) <= MAX_BRIEF_BYTES) return fitted;
  }
  fitted = dropLines(fitted);
  while (sizeOf(fitted) > MAX_BRIEF_BYTES) {
    const longest = fitted.sections.reduce((one, other) => (weight(other) > weight(one) ? other : one));
    const next =
      longest.lines.length > 1
        ? { ...longest, lines: longest.lines.slice(0, -1), omitted: longest.omitted + 1 }
        : {
            ...longest,
            lines: longest.lines.map(({ text }) => ({
              text: oneLine(text, Math.max(20, Math.floor(text.length / 2))),
              ids: [],
            })),
          };
    if (longest.lines.length <= 1 && sizeOfLines(next) >= sizeOfLines(longest)) return fitted;
    fitted = { ...fitted, sections: fitted.sections.map((section) => (section === longest ? next : section)) };
  }
  return fitted;
}

/**
 * Takes the last line of the longest section away, again and again, as long as the brief is too long by the sizes of its lines
 * alone: cheap, and never one line more than rendering it every time would take.
 */
function dropLines(brief: Brief): Brief {
  const sections = brief.sections.map((section) => ({ section, lines: [...section.lines] }));
  const bare = { ...brief, sections: brief.sections.map((section) => ({ ...section, lines: [] })) };
  let json = Buffer.byteLength(JSON.stringify(bare));
  let markdown = 0;
  const jsonOf = sections.map(({ lines }) => lines.map((line) => Buffer.byteLength(JSON.stringify(line))));
  for (const [index, { lines }] of sections.entries()) {
    json += sum(jsonOf[index] ?? []) + Math.max(0, lines.length - 1);
    for (const { text } of lines) markdown += markdownBytes(text);
  }
  while (Math.max(json, markdown) > MAX_BRIEF_BYTES) {
    let longest = -1;
    let most = 0;
    for (const [index, { section, lines }] of sections.entries()) {
      if (lines.length <= 1) continue;
      const bytes = sum(jsonOf[index] ?? []) + lines.length + 1;
      const weighed = 10_000 + bytes * (GIVES_WAY_LAST.includes(section.key) ? 0.5 : 1);
      if (weighed > most) [longest, most] = [index, weighed];
    }
    const dropped = sections[longest]?.lines.pop();
    if (dropped === undefined) break;
    json -= (jsonOf[longest]?.pop() ?? 0) + 1;
    markdown -= markdownBytes(dropped.text);
  }
  return {
    ...brief,
    sections: sections.map(({ section, lines }) => ({
      ...section,
      lines,
      omitted: section.omitted + section.lines.length - lines.length,
    })),
  };
}

function markdownBytes(text: string): number {
  return Buffer.byteLength(`- ${escapeMarkdown(text)}\n`);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

// What must be read first.
const GIVES_WAY_LAST: readonly BriefSectionKey[] = ['now', 'leading_theory'];

function sizeOf(brief: Brief): number {
  return Math.max(Buffer.byteLength(JSON.stringify(brief)), Buffer.byteLength(briefMarkdown(brief)));
}

function sizeOfLines(section: BriefSection): number {
  return Buffer.byteLength(JSON.stringify(section.lines));
}

function weight(section: BriefSection): number {
  const first = GIVES_WAY_LAST.includes(section.key) ? 0.5 : 1;
  return section.lines.length > 1 ? 10_000 + sizeOfLines(section) * first : sizeOfLines(section) * first;
}
