/** A past incident as a postmortem tells it, whatever form it was written in. Text is cleaned and within the record's limits. */
export interface Postmortem {
  /** `file:line` where it starts. */
  readonly place: string;
  /** What tells it apart: the source's own id, else a digest of its content. */
  readonly key: string;
  /** SHA-256 hex of the item as it was read. */
  readonly contentHash: string;
  readonly title: string;
  readonly summary: string | null;
  readonly severity: 'sev1' | 'sev2' | 'sev3' | 'sev4' | 'unknown';
  readonly services: readonly string[];
  /** RFC 3339 UTC. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Where it was published. */
  readonly url: string | null;
  /** Where the copy came from, and under which licence. */
  readonly source: string | null;
  readonly license: string | null;
  readonly causes: readonly { readonly kind: 'cause' | 'contributing'; readonly text: string }[];
  readonly resolution: string | null;
  readonly timeline: readonly { readonly at: string | null; readonly text: string }[];
  readonly followUps: readonly { readonly title: string; readonly owner: string | null; readonly done: boolean }[];
  /** The text by section, for the record to keep. */
  readonly sections: readonly { readonly title: string; readonly text: string }[];
  /** What could not be taken over as it stands. */
  readonly warnings: readonly string[];
}

/** Why an item is no postmortem. `place` is `file:line`. */
export interface UnreadablePostmortem {
  readonly place: string;
  readonly problem: string;
}

export type ReadPostmortem =
  | { readonly kind: 'read'; readonly postmortem: Postmortem }
  | { readonly kind: 'unreadable'; readonly unreadable: UnreadablePostmortem };

const YEAR_MIN = 2000;

/** Text without the control characters the record refuses. */
export function cleanText(text: string, max: number): string {
  const clean = text
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '')
    .replace(/\r\n?/gu, '\n')
    .replace(/(?![\t\n])\p{Cc}/gu, '')
    .trim();
  return cut(clean, max);
}

/** The same on one line. */
export function cleanLine(text: string, max: number): string {
  return cut(cleanText(text, 1_000_000).replace(/[\s\u2028\u2029]+/gu, ' '), max);
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/u, '')}…`;
}

/** A time as RFC 3339 UTC to the second; undefined when it is none the record takes: from 2000 until now. */
export function instantOf(text: string, now: Date): string | undefined {
  const trimmed = text.trim();
  const dated = /^\d{4}-\d{2}-\d{2}$/u.test(trimmed) ? `${trimmed}T00:00:00Z` : trimmed.replace(' ', 'T');
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/u.test(dated) ? dated : `${dated}Z`;
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/u.test(zoned) ? Date.parse(zoned) : Number.NaN;
  if (Number.isNaN(time) || time > now.getTime()) return undefined;
  const instant = new Date(time);
  return instant.getUTCFullYear() < YEAR_MIN ? undefined : `${instant.toISOString().slice(0, 19)}Z`;
}

export function severityOf(text: string): Postmortem['severity'] {
  const level = /(?:sev|severity|p|priority)?[\s_-]*([0-5])\b/iu.exec(text)?.[1];
  if (level !== undefined)
    return (['sev1', 'sev1', 'sev2', 'sev3', 'sev4', 'sev4'] as const)[Number(level)] ?? 'unknown';
  if (/critical|blocker/iu.test(text)) return 'sev1';
  if (/high|major/iu.test(text)) return 'sev2';
  if (/medium|moderate/iu.test(text)) return 'sev3';
  return /low|minor/iu.test(text) ? 'sev4' : 'unknown';
}
