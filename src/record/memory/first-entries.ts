import type { Entry } from '../entry.ts';
import type { RecordService } from '../record-service.ts';

/** Entries of one incident that are looked through; a log that is longer goes on without being learnt from. */
const ENTRIES_MAX = 20_000;
const PAGE = 1_000;

/** An incident's log from its beginning, at most about 20,000 entries of it; empty when there is no such incident. */
export async function firstEntries(
  record: Pick<RecordService, 'entries'>,
  tenant: string,
  incidentId: string,
): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (let after: number | null = 0; after !== null && entries.length < ENTRIES_MAX;) {
    const page = await record.entries(tenant, incidentId, { after, limit: PAGE });
    if (page === undefined) break;
    entries.push(...page.items);
    after = page.next;
  }
  return entries;
}
