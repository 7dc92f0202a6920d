import type { EvidenceLog } from '../evidence-log.ts';
import type { RecordLog } from '../record-log.ts';

/** Called when an incident's log or evidence has changed, after the change is durable. Must not throw. */
export type IncidentChanged = (tenant: string, incidentId: string) => void;

/**
 * Tells which incidents change, by standing in front of the two logs that everything about an incident goes through. Hand
 * `recordLog` and `evidenceLog` of the feed to whoever writes.
 */
export interface ChangeFeed {
  subscribe(listener: IncidentChanged): () => void;
  recordLog(log: RecordLog): RecordLog;
  evidenceLog(log: EvidenceLog): EvidenceLog;
}

export function createChangeFeed(): ChangeFeed {
  const listeners = new Set<IncidentChanged>();
  const changed: IncidentChanged = (tenant, incidentId) => {
    // Unfiled evidence is no incident's.
    if (incidentId !== '') for (const listener of listeners) listener(tenant, incidentId);
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    recordLog: (log) => ({
      ...log,
      async append(entries) {
        const result = await log.append(entries);
        const [first] = entries;
        if (result.kind === 'appended' && first !== undefined) changed(first.tenant, first.incident);
        return result;
      },
    }),
    evidenceLog: (log) => ({
      ...log,
      async put(rows, content) {
        await log.put(rows, content);
        const incidents = new Map(rows.map((row) => [`${row.tenant}\n${row.incident}`, row]));
        for (const { tenant, incident } of incidents.values()) changed(tenant, incident);
      },
      async link(tenant, incidentId, selector, link) {
        const filed = await log.link(tenant, incidentId, selector, link);
        if (filed > 0) changed(tenant, incidentId);
        return filed;
      },
      async file(tenant, incidentId, evidenceIds, link) {
        const filed = await log.file(tenant, incidentId, evidenceIds, link);
        if (filed > 0) changed(tenant, incidentId);
        return filed;
      },
    }),
  };
}
