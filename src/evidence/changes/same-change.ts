import { instantOf } from '../../record/evidence-by-hand.ts';
import type { EvidenceContent, EvidenceRow } from '../../record/evidence.ts';
import { rowDigest } from '../evidence-row.ts';
import { captured, oneLine, SUMMARY_MAX } from '../observed-row.ts';

/**
 * One change that somebody reported and that telemetry shows as well: which of the two rows tells it is whichever was there first, for
 * somebody may have cited it. It takes in what the other one says, and the other one is not written.
 */

/** What a deployment's first span may come before its report, and after it. */
const SEEN_BEFORE_NANOSECONDS = 10n * 60_000_000_000n;
const SEEN_AFTER_NANOSECONDS = 30n * 60_000_000_000n;
/** Reports that can belong to something seen at an instant, and the other way round, lie within so much of it. */
export const APART_NANOSECONDS_MAX = SEEN_AFTER_NANOSECONDS;

type Data = Readonly<Record<string, unknown>>;

/** A row of `POST /changes`, as opposed to one that telemetry shows. */
export function isReported(row: EvidenceRow): boolean {
  return row.kind === 'change' && row.source.signal === 'webhook';
}

/** A row of a change that telemetry shows. */
export function isSeen(row: EvidenceRow): boolean {
  return row.kind === 'change' && row.dialect === 'opentelemetry';
}

/** Ids of the rows that this one tells besides itself. */
export function toldBy(row: EvidenceRow): readonly string[] {
  const told = row.facts['alsoSeenAs'];
  return typeof told === 'string' ? [told] : (told ?? []);
}

/**
 * The one of `rows` that is the same change as `row`, the nearest in time: of the same service and environment (unless one names none),
 * to the same version, half an hour apart at most. Flags, which all go to `on`, must be named by the report. Rows that tell another
 * one already are left out.
 */
export function sameChange(row: EvidenceRow, rows: readonly EvidenceRow[]): EvidenceRow | undefined {
  let nearest: EvidenceRow | undefined;
  for (const each of rows) {
    if (!toldBy(each).every((id) => id === row.id)) continue;
    const [reported, seen] = isReported(row) ? [row, each] : [each, row];
    if (!isReported(reported) || !isSeen(seen) || !areSame(reported, seen)) continue;
    if (nearest === undefined || apart(each, row) < apart(nearest, row)) nearest = each;
  }
  return nearest;
}

function areSame(reported: EvidenceRow, seen: EvidenceRow): boolean {
  if (reported.service !== seen.service) return false;
  if (reported.environment !== '' && seen.environment !== '' && reported.environment !== seen.environment) return false;
  const after = versionOf(reported);
  if (after === '' || after !== versionOf(seen)) return false;
  const later = seen.occurredAtUnixNano - reported.occurredAtUnixNano;
  if (later < -SEEN_BEFORE_NANOSECONDS || later > SEEN_AFTER_NANOSECONDS) return false;
  const report = dataOf(reported);
  const sight = dataOf(seen);
  const isFlag = sight['kind'] === 'feature_flag';
  if (isFlag !== (report['kind'] === 'feature_flag')) return false;
  const { title } = report;
  const { subject } = sight;
  return !isFlag || (typeof title === 'string' && typeof subject === 'string' && title.includes(subject));
}

/** What it changed to; a `v` in front of a version is not part of it. */
function versionOf(row: EvidenceRow): string {
  const after = row.facts['after'];
  return typeof after === 'string' ? after.replace(/^v(?=\d)/i, '') : '';
}

function apart(one: EvidenceRow, other: EvidenceRow): bigint {
  const between = one.occurredAtUnixNano - other.occurredAtUnixNano;
  return between < 0n ? -between : between;
}

/** The reported row that tells of the sighting too: its trace, its query, and since when telemetry shows it. */
export function withSighting(reported: EvidenceRow, seen: EvidenceRow): EvidenceRow {
  const { query } = seen.content;
  const at = instantOf(seen.occurredAtUnixNano);
  return together(reported, seen, {
    summary: `${reported.summary}; telemetry shows it since ${at.slice(0, 19)}Z`,
    content: {
      ...reported.content,
      data: captured(JSON.stringify({ ...dataOf(reported), seen: dataOf(seen) })),
      ...(query === undefined ? {} : { query }),
    },
    source: {
      ...reported.source,
      traceId: seen.source.traceId,
      alsoSeenAs: [seen.source.spanId].filter((id) => id !== ''),
    },
  });
}

/** The row that telemetry showed first, with what the report says: title, who did it, where to read on. */
export function withReport(seen: EvidenceRow, reported: EvidenceRow): EvidenceRow {
  const { seen: _, ...report } = dataOf(reported);
  const { reported: __, ...sight } = dataOf(seen);
  const title = typeof report['title'] === 'string' ? report['title'] : 'a change';
  const by = reported.actor.name;
  const url = reported.facts['externalRef'];
  const bare = seen.summary.replace(/; reported as .*$/, '');
  const row = together(seen, reported, {
    summary: `${bare}; reported as "${title}" by ${by}`,
    content: { ...seen.content, data: captured(JSON.stringify({ ...sight, reported: report })) },
    source: seen.source,
  });
  return url === undefined ? row : sealed({ ...row, facts: { ...row.facts, externalRef: url } });
}

/** A report that came again, with the sighting that its stored row had taken in. */
export function withKeptSighting(reported: EvidenceRow, stored: EvidenceRow): EvidenceRow {
  const { seen } = dataOf(stored);
  const { query } = stored.content;
  const told = / ?; telemetry shows it since \S+$/.exec(stored.summary)?.[0] ?? '';
  return together(reported, stored, {
    summary: `${reported.summary}${told}`,
    content: {
      ...reported.content,
      data: captured(JSON.stringify({ ...dataOf(reported), seen })),
      ...(query === undefined ? {} : { query }),
    },
    source: { ...stored.source },
  });
}

function together(
  row: EvidenceRow,
  other: EvidenceRow,
  says: Pick<EvidenceRow, 'summary' | 'source'> & { readonly content: Readonly<Record<string, EvidenceContent>> },
): EvidenceRow {
  const isAgain = row.id === other.id;
  return sealed({
    ...row,
    ...says,
    summary: oneLine(says.summary, SUMMARY_MAX),
    receivedAtUnixNano:
      row.receivedAtUnixNano > other.receivedAtUnixNano ? row.receivedAtUnixNano : other.receivedAtUnixNano,
    facts: {
      ...row.facts,
      alsoSeenAs: isAgain ? toldBy(other) : [other.id],
      alsoSeenBy: isAgain ? (other.facts['alsoSeenBy'] ?? []) : [other.sourceFamily],
    },
  });
}

function sealed(row: EvidenceRow): EvidenceRow {
  return { ...row, digest: rowDigest(row) };
}

/** What the row's data says; nothing when it was withheld or erased. */
function dataOf(row: EvidenceRow): Data {
  const text = row.content['data']?.value;
  if (typeof text !== 'string') return {};
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null ? (data as Data) : {};
  } catch {
    // Cut, for it was too long.
    return {};
  }
}
