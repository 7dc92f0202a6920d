import type { Actor } from '../../record/actor.ts';
import type { EvidenceLink, EvidenceRow } from '../../record/evidence.ts';
import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { RecordService } from '../../record/record-service.ts';
import { createOngoingIncidents } from '../ongoing-incidents.ts';
import { reportedChangeRow, type ChangeReport } from './change-row.ts';

export interface ChangeIntakeOptions {
  readonly evidenceLog: Pick<EvidenceLog, 'put'>;
  readonly record: Pick<RecordService, 'list' | 'summary' | 'index'>;
}

export interface StoredChange {
  /** Evidence id of the row that tells it. */
  readonly evidence: string;
  /** Ids of the incidents it was filed under; none when it is kept unfiled. */
  readonly incidents: readonly string[];
}

/** Files changes that somebody reports. */
export interface ChangeIntake {
  /** Idempotent: the same change again replaces its row. */
  store(tenant: string, report: ChangeReport, reporter: Actor, receivedAtUnixNano: bigint): Promise<StoredChange>;
}

export function createChangeIntake({ evidenceLog, record }: ChangeIntakeOptions): ChangeIntake {
  const ongoing = createOngoingIncidents(record);

  /** The incidents the change belongs to: those it names or that are bound to its service, and those of its service. */
  async function incidentsOf(tenant: string, report: ChangeReport): Promise<ReadonlyMap<string, EvidenceLink>> {
    const at = Number(report.atUnixNano / 1_000_000n);
    const place = { incidentRef: report.incident, service: report.service, environment: report.environment, at };
    const links = new Map(ongoing.bound(tenant, place).map(({ incidentId, link }) => [incidentId, link]));
    for (const { id } of await ongoing.ofService(tenant, place)) {
      if (links.has(id)) continue;
      const rule = `change of ${report.service}, a service of the incident, in or shortly before its window`;
      links.set(id, { mode: 'inferred', rule, score: 0.8 });
    }
    return links;
  }

  return {
    async store(tenant, report, reporter, receivedAtUnixNano) {
      const reported = reportedChangeRow(tenant, report, reporter, receivedAtUnixNano);
      const links = await incidentsOf(tenant, report);
      const rows = [...links].map(([incident, link]): EvidenceRow => ({
        ...reported,
        incident,
        state: 'linked',
        link,
      }));
      await evidenceLog.put(rows.length === 0 ? [reported] : rows);
      return { evidence: reported.id, incidents: [...links.keys()] };
    },
  };
}
