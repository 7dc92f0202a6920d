import type { Entry } from '../record/entry.ts';
import type { IncidentOutline } from '../record/record-log.ts';
import type { Database } from './database.ts';

const INCIDENTS_PER_READ = 1_000;
const ENTRIES_PER_READ = 50_000;

interface StoredHead {
  readonly tenant: string;
  readonly incident: string;
  readonly seq: string;
  readonly hash: string;
  readonly recorded_at: string;
}

/** Heads of every log with the entries of a few types: two bounded reads a thousand incidents, whatever the logs hold. */
export async function readOutlines(database: Database, types: readonly string[]): Promise<readonly IncidentOutline[]> {
  const outlines: IncidentOutline[] = [];
  let after = { tenant: '', incident: '' };
  for (;;) {
    const heads = await database.select<StoredHead>(
      `SELECT tenant, incident, toString(max(seq)) AS seq, argMax(hash, record_entries.seq) AS hash,
argMax(recorded_at, record_entries.seq) AS recorded_at FROM record_entries
WHERE (tenant, incident) > ({tenant:String}, {incident:String})
GROUP BY tenant, incident ORDER BY tenant, incident LIMIT ${INCIDENTS_PER_READ}`,
      after,
    );
    const last = heads.at(-1);
    if (last === undefined) return outlines;
    const entries = await entriesBetween(database, types, after, last);
    for (const head of heads) {
      outlines.push({
        tenant: head.tenant,
        incident: head.incident,
        head: { seq: Number(head.seq), hash: head.hash },
        recordedAt: head.recorded_at,
        entries: entries.get(keyOf(head)) ?? [],
      });
    }
    after = { tenant: last.tenant, incident: last.incident };
  }
}

async function entriesBetween(
  database: Database,
  types: readonly string[],
  after: { readonly tenant: string; readonly incident: string },
  last: { readonly tenant: string; readonly incident: string },
): Promise<ReadonlyMap<string, Entry[]>> {
  const found = new Map<string, Entry[]>();
  // Behind every entry of the incident before the first.
  let from = { ...after, seq: Number.MAX_SAFE_INTEGER };
  for (;;) {
    const rows = await database.select<{ tenant: string; incident: string; seq: string; entry: string }>(
      `SELECT tenant, incident, toString(seq) AS seq, entry FROM record_entries
WHERE (tenant, incident) <= ({lastTenant:String}, {lastIncident:String})
AND (tenant, incident, record_entries.seq) > ({tenant:String}, {incident:String}, {seq:UInt64})
AND type IN {types:Array(String)}
ORDER BY tenant, incident, record_entries.seq LIMIT ${ENTRIES_PER_READ}`,
      { ...from, types, lastTenant: last.tenant, lastIncident: last.incident },
    );
    for (const row of rows) {
      const entries = found.get(keyOf(row)) ?? [];
      entries.push(JSON.parse(row.entry) as Entry);
      found.set(keyOf(row), entries);
    }
    const end = rows.at(-1);
    if (end === undefined || rows.length < ENTRIES_PER_READ) return found;
    from = { tenant: end.tenant, incident: end.incident, seq: Number(end.seq) };
  }
}

function keyOf(place: { readonly tenant: string; readonly incident: string }): string {
  return `${place.tenant}\n${place.incident}`;
}
