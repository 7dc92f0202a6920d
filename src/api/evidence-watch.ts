import type { EvidenceCounts, EvidenceLog } from '../record/evidence-log.ts';
import type { EvidenceRow } from '../record/evidence.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Rows that came to an incident since the last look, and the totals after them. */
export interface EvidenceChange {
  readonly rows: readonly EvidenceRow[];
  readonly counts: EvidenceCounts;
}

/** Tells subscribers of an incident about new evidence. The log has no signal of its own: it is asked while somebody listens. */
export interface EvidenceWatch {
  subscribe(tenant: string, incidentId: string, listener: (change: EvidenceChange) => void): () => void;
}

export interface EvidenceWatchOptions {
  readonly evidence: EvidenceLog;
  readonly logger: Logger;
  /** How often the log is asked; 1 s unless a test says otherwise. */
  readonly intervalMs?: number;
}

const PAGE_ROWS = 500;
/** Newest rows looked through for ones not seen yet; of a larger incident the older half is told by totals alone. */
const ROWS_MAX = 2_000;

interface Watched {
  readonly listeners: Set<(change: EvidenceChange) => void>;
  known: Set<string> | undefined;
  total: number;
  timer: NodeJS.Timeout | undefined;
}

export function createEvidenceWatch(options: EvidenceWatchOptions): EvidenceWatch {
  const { evidence, logger, intervalMs = 1_000 } = options;
  const watched = new Map<string, Watched>();

  async function newest(tenant: string, incidentId: string): Promise<EvidenceRow[]> {
    const rows: EvidenceRow[] = [];
    let cursor: string | undefined;
    do {
      const request = cursor === undefined ? { limit: PAGE_ROWS } : { limit: PAGE_ROWS, cursor };
      const page = await evidence.page(tenant, incidentId, request);
      rows.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && rows.length < ROWS_MAX);
    return rows;
  }

  async function look(tenant: string, incidentId: string, state: Watched): Promise<void> {
    const counts = await evidence.counts(tenant, incidentId);
    if (state.known !== undefined && counts.total === state.total) return;
    const rows = await newest(tenant, incidentId);
    const { known } = state;
    state.total = counts.total;
    state.known = new Set(rows.map((row) => row.id));
    if (known === undefined) return;
    // Oldest first, as they would have come.
    const fresh = rows.filter((row) => !known.has(row.id)).reverse();
    for (const listener of state.listeners) listener({ rows: fresh, counts });
  }

  function schedule(key: string, tenant: string, incidentId: string, state: Watched, delayMs: number): void {
    state.timer = setTimeout(() => {
      look(tenant, incidentId, state)
        .catch((error: unknown) => {
          logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'evidence could not be watched');
        })
        .finally(() => {
          if (watched.get(key) === state) schedule(key, tenant, incidentId, state, intervalMs);
        });
    }, delayMs);
    state.timer.unref();
  }

  return {
    subscribe(tenant, incidentId, listener) {
      const key = JSON.stringify([tenant, incidentId]);
      let state = watched.get(key);
      if (!state) {
        state = { listeners: new Set(), known: undefined, total: 0, timer: undefined };
        watched.set(key, state);
        schedule(key, tenant, incidentId, state, 0);
      }
      const { listeners } = state;
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || watched.get(key)?.listeners !== listeners) return;
        clearTimeout(watched.get(key)?.timer);
        watched.delete(key);
      };
    },
  };
}
