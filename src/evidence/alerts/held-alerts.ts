import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import { createLatestKeys } from '../latest-keys.ts';
import type { Alert } from './alert.ts';

/** Which rows of incidents tell of which alerts. */
export interface HeldAlerts {
  /**
   * The row of the incident that tells of the alert already: of the same start, or still firing. An alert that fires again after it
   * recovered has a row of its own.
   */
  find(tenant: string, incidentId: string, alert: Alert): Promise<EvidenceRow | undefined>;
  /** The row was written last of those that tell of the alert. */
  remember(tenant: string, alert: Alert, rowId: string): void;
}

const ROWS_MAX = 20_000;
/** Alerts of an incident looked through for one whose row this process has not written. */
const ALERTS_SEARCHED_MAX = 500;

export function createHeldAlerts(evidenceLog: Pick<EvidenceLog, 'get' | 'page'>): HeldAlerts {
  const latest = createLatestKeys(ROWS_MAX);
  return {
    async find(tenant, incidentId, alert) {
      const id = latest.get(keyOf(tenant, alert));
      const isOfAlert = (row: EvidenceRow): boolean =>
        row.dialect === alert.source && row.facts['fingerprint'] === alert.fingerprint;
      const held =
        id === undefined
          ? // After a restart: among the latest alerts of the incident.
            (await evidenceLog.page(tenant, incidentId, { kinds: ['alert'], limit: ALERTS_SEARCHED_MAX })).items.find(
              isOfAlert,
            )
          : await evidenceLog.get(tenant, incidentId, id);
      if (held === undefined || alert.status === 'resolved' || held.facts['status'] === 'firing') return held;
      const sameStart = alert.startedAt !== null && BigInt(alert.startedAt) * 1_000_000n === held.occurredAtUnixNano;
      return sameStart ? held : undefined;
    },
    remember(tenant, alert, rowId) {
      latest.set(keyOf(tenant, alert), rowId);
    },
  };
}

function keyOf(tenant: string, { source, fingerprint }: Alert): string {
  return `${tenant}\n${source}\n${fingerprint}`;
}
