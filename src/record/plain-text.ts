// What text from outside could do to a page it is shown on: break out of its line, hide, or run backwards.
// oxlint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

// Most text is one plain line already: to see that is cheaper than to make it so.
const NOT_PLAIN =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000\ufeff]| {2}|^ | $/u;

/** One line of at most `max` characters, without hidden or direction-changing characters. */
export function oneLine(text: string, max: number): string {
  if (text.length <= max && !NOT_PLAIN.test(text)) return text;
  const flat = text.replace(HIDDEN, '').replace(/\s+/gu, ' ').trim();
  if (flat.length <= max) return flat;
  // Never half of a surrogate pair.
  const cut = flat.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '');
  return `${cut.trimEnd()}…`;
}

/** Text as Markdown shows it literally: no links, images, HTML, emphasis, code or headings of its own. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_[\]<>|~&@]/g, (character) =>
      character === '<' ? '&lt;' : character === '&' ? '&amp;' : `\\${character}`,
    )
    .replace(/^(\s*)([#+\-=>]|\d+[.)])/u, (_, space: string, marker: string) =>
      marker.length === 1 ? `${space}\\${marker}` : `${space}${marker.slice(0, -1)}\\${marker.slice(-1)}`,
    )
    .replace(/(https?|ftp|mailto):/giu, '$1\\:')
    .replace(/www\./giu, (start) => `${start.slice(0, -1)}\\.`)
    .replace(/!(?=\\\[)/g, '\\!');
}
