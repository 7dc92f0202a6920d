import type { ContentJson, EvidenceLog } from './evidence-log.ts';
import type { EvidenceRow } from './evidence.ts';

/** Tells whether an incident's rows may have changed since somebody looked. */
export interface EvidenceVersions {
  /** Grows whenever rows of the incident are written, filed or removed through the observed log. */
  of(tenant: string, incidentId: string): number;
  /** Rows of any incident of the tenant were changed past the log. */
  changed(tenant: string): void;
  /** Calls `listener` after every write of rows that brought an incident from one version to the next and did nothing else. */
  follow(listener: (written: WrittenRows) => void): void;
}

/** Rows of one incident that were written, between two versions of its evidence. */
export interface WrittenRows {
  readonly tenant: string;
  readonly incidentId: string;
  readonly rows: readonly EvidenceRow[];
  /** `of` before and after. */
  readonly before: number;
  readonly after: number;
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
  const listeners: ((written: WrittenRows) => void)[] = [];

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

  function of(tenant: string, incidentId: string): number {
    return Math.max(versions.get(keyOf(tenant, incidentId)) ?? forgotten, everything.get(tenant) ?? 0);
  }

  // Marked after the work: who looked while it ran looks again. Also when it failed, for it may have taken effect.

  async function put(rows: readonly EvidenceRow[], content?: ContentJson): Promise<void> {
    const incidents = byIncident(rows);
    try {
      await log.put(rows, content);
    } catch (error) {
      for (const { tenant, incidentId } of incidents) touch(tenant, incidentId);
      throw error;
    }
    for (const { tenant, incidentId, rows: written } of incidents) {
      const before = of(tenant, incidentId);
      touch(tenant, incidentId);
      const after = of(tenant, incidentId);
      for (const listener of listeners) listener({ tenant, incidentId, rows: written, before, after });
    }
  }

  async function filing(tenant: string, incidentId: string, work: Promise<number>): Promise<number> {
    let filed: number | undefined;
    try {
      filed = await work;
      return filed;
    } finally {
      if (filed !== 0) touch(tenant, incidentId);
    }
  }

  return {
    versions: { changed: touchAll, of, follow: (listener) => void listeners.push(listener) },
    log: {
      ...log,
      put,
      link: (tenant, incidentId, selector, link) =>
        filing(tenant, incidentId, log.link(tenant, incidentId, selector, link)),
      file: (tenant, incidentId, ids, link) => filing(tenant, incidentId, log.file(tenant, incidentId, ids, link)),
      async remove(tenant, ids) {
        try {
          await log.remove(tenant, ids);
        } finally {
          touchAll(tenant);
        }
      },
    },
  };
}

/** Rows by the incident they are filed under; rows nobody claimed belong to none. */
function byIncident(rows: readonly EvidenceRow[]) {
  const found = new Map<string, { tenant: string; incidentId: string; rows: EvidenceRow[] }>();
  for (const row of rows) {
    if (row.incident === '') continue;
    const key = keyOf(row.tenant, row.incident);
    const known = found.get(key);
    if (known === undefined) found.set(key, { tenant: row.tenant, incidentId: row.incident, rows: [row] });
    else known.rows.push(row);
  }
  return [...found.values()];
}

function keyOf(tenant: string, incidentId: string): string {
  return `${tenant}\n${incidentId}`;
}
