import type { Actor } from '../../record/actor.ts';
import type { EvidenceLink, EvidenceRow } from '../../record/evidence.ts';
import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { KeyedTurns } from '../../record/keyed-turns.ts';
import type { RecordService } from '../../record/record-service.ts';
import { createOngoingIncidents } from '../ongoing-incidents.ts';
import { reportedChangeRow, type ChangeReport } from './change-row.ts';
import { APART_NANOSECONDS_MAX, isSeen, sameChange, toldBy, withKeptSighting, withReport } from './same-change.ts';

/** Changes that telemetry shows around a report's time, looked through for the one that it reports. */
const SEEN_MAX = 100;

export interface ChangeIntakeOptions {
  readonly evidenceLog: Pick<EvidenceLog, 'put' | 'get' | 'page'>;
  readonly record: Pick<RecordService, 'list' | 'summary' | 'index'>;
  /** By tenant; the same as those of the changes that telemetry shows (./change-rows.ts). */
  readonly turns: KeyedTurns;
}

export interface StoredChange {
  /** Evidence id of the row that tells it. */
  readonly evidence: string;
  /** Ids of the incidents it was filed under; none when it is kept unfiled. */
  readonly incidents: readonly string[];
}

/** Files changes that somebody reports. */
export interface ChangeIntake {
  /** Idempotent: the same change again replaces its row. One that telemetry showed before is told by that row. */
  store(tenant: string, report: ChangeReport, reporter: Actor, receivedAtUnixNano: bigint): Promise<StoredChange>;
}

export function createChangeIntake({ evidenceLog, record, turns }: ChangeIntakeOptions): ChangeIntake {
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

  /** The row that tells the change in this incident from now on. */
  async function rowIn(incident: string, link: EvidenceLink, reported: EvidenceRow): Promise<EvidenceRow> {
    const filed: EvidenceRow = { ...reported, incident, state: 'linked', link };
    const stored = await evidenceLog.get(reported.tenant, incident, reported.id);
    if (stored !== undefined) return toldBy(stored).length === 0 ? filed : withKeptSighting(filed, stored);
    const { items } = await evidenceLog.page(reported.tenant, incident, {
      kinds: ['change'],
      service: reported.service,
      fromUnixNano: reported.occurredAtUnixNano - APART_NANOSECONDS_MAX,
      toUnixNano: reported.occurredAtUnixNano + APART_NANOSECONDS_MAX,
      limit: SEEN_MAX,
    });
    const seen = sameChange(filed, items.filter(isSeen));
    return seen === undefined ? filed : withReport(seen, filed);
  }

  return {
    async store(tenant, report, reporter, receivedAtUnixNano) {
      const reported = reportedChangeRow(tenant, report, reporter, receivedAtUnixNano);
      const links = await incidentsOf(tenant, report);
      return turns.take(tenant, async () => {
        const rows: EvidenceRow[] = [];
        for (const [incident, link] of links) rows.push(await rowIn(incident, link, reported));
        await evidenceLog.put(rows.length === 0 ? [reported] : rows);
        return { evidence: rows[0]?.id ?? reported.id, incidents: [...links.keys()] };
      });
    },
  };
}
