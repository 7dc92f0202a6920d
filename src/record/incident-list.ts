import { millis } from './body-field.ts';
import type { IncidentSummary } from './incident-record.ts';
import type { IncidentFilter, IncidentPage } from './record-service.ts';

/** One page of the incidents that meet every condition, newest first. A cursor that is not one starts at the beginning. */
export function listIncidents(all: readonly IncidentSummary[], filter: IncidentFilter): IncidentPage {
  const words = (filter.q ?? '').toLowerCase().split(/\s+/u).filter(Boolean);
  const matching = all
    .filter((each) => filter.status === undefined || filter.status.includes(each.status))
    .filter((each) => filter.severity === undefined || filter.severity.includes(each.severity))
    .filter((each) => filter.service === undefined || each.services.includes(filter.service))
    .filter((each) => filter.from === undefined || millis(each.startedAt) >= millis(filter.from))
    .filter((each) => filter.to === undefined || millis(each.startedAt) <= millis(filter.to))
    .filter((each) => {
      const haystack = [each.ref, each.title, ...each.services].join('\n').toLowerCase();
      return words.every((word) => haystack.includes(word));
    })
    .sort(newestFirst);
  const after = filter.cursor === undefined ? undefined : readCursor(filter.cursor);
  const rest = after === undefined ? matching : matching.filter((each) => newestFirst(after, each) < 0);
  const limit = Math.min(200, Math.max(1, filter.limit ?? 50));
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last === undefined || rest.length <= limit ? null : writeCursor(last) };
}

type Place = Pick<IncidentSummary, 'startedAt' | 'id'>;

function newestFirst(one: Place, other: Place): number {
  const difference = millis(other.startedAt) - millis(one.startedAt);
  if (difference !== 0) return difference;
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
}

function writeCursor({ startedAt, id }: Place): string {
  return Buffer.from(`${startedAt} ${id}`).toString('base64url');
}

function readCursor(cursor: string): Place | undefined {
  const [startedAt, id] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (startedAt === undefined || id === undefined || Number.isNaN(millis(startedAt))) return undefined;
  return { startedAt, id };
}
