import type { EvidenceLog } from './evidence-log.ts';

/** Tells whether an incident's rows may have changed since somebody looked. */
export interface EvidenceVersions {
  /** Grows whenever rows of the incident are written, filed or removed through the observed log. */
  of(tenant: string, incidentId: string): number;
  /** Rows of any incident of the tenant were changed past the log. */
  changed(tenant: string): void;
}

export interface ObservedEvidenceLog {
  /** The log to write and read through from now on. */
  readonly log: EvidenceLog;
  readonly versions: EvidenceVersions;
}

/** Incidents remembered apart; beyond that the oldest are forgotten, which makes their readers look again. */
const INCIDENTS_MAX = 10_000;

/** Wraps a log so that readers need not ask the store for what has not changed. Sees only what goes through the wrapper. */
export function observeEvidence(log: EvidenceLog): ObservedEvidenceLog {
  const versions = new Map<string, number>();
  const everything = new Map<string, number>();
  // One counter for all: no number is ever given twice, not even to an incident that was forgotten.
  let counter = 1;
  let forgotten = 0;

  function touch(tenant: string, incidentId: string): void {
    counter += 1;
    const key = keyOf(tenant, incidentId);
    versions.delete(key);
    versions.set(key, counter);
    if (versions.size <= INCIDENTS_MAX) return;
    for (const oldest of versions.keys()) {
      forgotten = Math.max(forgotten, versions.get(oldest) ?? 0);
      versions.delete(oldest);
      return;
    }
  }

  function touchAll(tenant: string): void {
    counter += 1;
    everything.set(tenant, counter);
  }

  async function around<T>(mark: () => void, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      // After the write: who looked while it ran looks again. Also when it failed, for it may have taken effect.
      mark();
    }
  }

  return {
    versions: {
      changed: touchAll,
      of: (tenant, incidentId) =>
        Math.max(versions.get(keyOf(tenant, incidentId)) ?? forgotten, everything.get(tenant) ?? 0),
    },
    log: {
      ...log,
      put: (rows) =>
        around(() => {
          for (const key of new Set(rows.map((row) => keyOf(row.tenant, row.incident)))) {
            const [tenant = '', incident = ''] = key.split('\n');
            if (incident !== '') touch(tenant, incident);
          }
        }, log.put(rows)),
      link: (tenant, incidentId, selector, link) =>
        around(() => touch(tenant, incidentId), log.link(tenant, incidentId, selector, link)),
      file: (tenant, incidentId, ids, link) =>
        around(() => touch(tenant, incidentId), log.file(tenant, incidentId, ids, link)),
      remove: (tenant, ids) => around(() => touchAll(tenant), log.remove(tenant, ids)),
    },
  };
}

function keyOf(tenant: string, incidentId: string): string {
  return `${tenant}\n${incidentId}`;
}
