import type { EvidenceLink, EvidenceRow } from '../../record/evidence.ts';
import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { IncidentIndex } from '../../record/incident-index.ts';
import type { KeyedTurns } from '../../record/keyed-turns.ts';
import type { ChangeFigures, SeenChange, SignalReader, SignalScope } from '../../record/service-signals.ts';
import { seenChangeRow } from './change-row.ts';
import { APART_NANOSECONDS_MAX, isReported, sameChange, toldBy, withSighting } from './same-change.ts';

/** Changes before the window that may have caused it. */
export const CHANGE_LEAD_NANOSECONDS = 2n * 3_600_000_000_000n;
/** Reported changes of an incident looked through for those that telemetry shows, the newest of the time in question. */
const REPORTS_MAX = 500;

export interface ChangeRowsOptions {
  readonly signals: Pick<SignalReader, 'changes'>;
  readonly evidenceLog: Pick<EvidenceLog, 'put' | 'page' | 'existing'>;
  readonly index: Pick<IncidentIndex, 'resolve'>;
  /** By tenant; the same as those of the intake of reports (./change-intake.ts). */
  readonly turns: KeyedTurns;
}

/** The rows of changes that telemetry shows, of incidents. */
export interface ChangeRows {
  /**
   * Looks for changes of these services (none for all), and files those the incident does not have yet. One that somebody
   * reported is told by the report's row. Idempotent.
   */
  write(scope: SignalScope, incidentId: string, services: readonly string[]): Promise<ChangeFigures>;
}

export function createChangeRows({ signals, evidenceLog, index, turns }: ChangeRowsOptions): ChangeRows {
  /** Bound when a binding of the incident covers the service then; inferred from service and time otherwise. */
  function linkOf(scope: SignalScope, incidentId: string, change: SeenChange): EvidenceLink {
    const bound = index.resolve(scope.tenant, {
      refs: [],
      traceId: change.traceId,
      conversationId: '',
      sessionId: '',
      agent: '',
      service: change.service,
      environment: change.environment,
      occurredAtUnixNano: change.firstSeenUnixNano,
      namedTraceIds: [],
    });
    const held = bound.find((each) => each.incidentId === incidentId);
    if (held !== undefined) return held.link;
    return scope.services.includes(change.service)
      ? inferred(`change of ${change.service}, a service of the incident, in or shortly before its window`, 0.8)
      : inferred(`change of ${change.service} in or shortly before the incident's window`, 0.4);
  }

  async function reportsAround(scope: SignalScope, incidentId: string, seen: readonly EvidenceRow[]) {
    const times = seen.map((row) => row.occurredAtUnixNano).sort((one, other) => (one < other ? -1 : 1));
    const { items } = await evidenceLog.page(scope.tenant, incidentId, {
      kinds: ['change'],
      fromUnixNano: (times[0] ?? 0n) - APART_NANOSECONDS_MAX,
      toUnixNano: (times.at(-1) ?? 0n) + APART_NANOSECONDS_MAX,
      limit: REPORTS_MAX,
    });
    return new Map(items.filter(isReported).map((row) => [row.id, row]));
  }

  /** Those of the seen changes that the incident does not have yet. */
  async function writeFresh(scope: SignalScope, incidentId: string, seen: readonly EvidenceRow[]): Promise<void> {
    const known = await evidenceLog.existing(
      scope.tenant,
      incidentId,
      seen.map((row) => row.id),
    );
    const fresh = seen.filter((row) => !known.has(row.id));
    if (fresh.length === 0) return;
    const reports = await reportsAround(scope, incidentId, fresh);
    const written: EvidenceRow[] = [];
    for (const row of fresh) {
      const report = sameChange(row, [...reports.values()]);
      if (report !== undefined && toldBy(report).includes(row.id)) continue;
      const told = report === undefined ? row : withSighting(report, row);
      if (report !== undefined) reports.set(told.id, told);
      written.push(told);
    }
    if (written.length > 0) await evidenceLog.put(written);
  }

  return {
    async write(scope, incidentId, services) {
      const earlier = { ...scope, baselineFromUnixNano: scope.fromUnixNano - CHANGE_LEAD_NANOSECONDS };
      const found = await signals.changes(earlier, services);
      const seen = Object.values(found).flatMap(({ rows, query }) =>
        rows.map((change) =>
          seenChangeRow(scope.tenant, change, {
            incidentId,
            link: linkOf(scope, incidentId, change),
            query,
            asOfUnixNano: scope.asOfUnixNano,
          }),
        ),
      );
      // Not while it is compared, which takes seconds: only from looking for reports to writing must no report come between.
      await turns.take(scope.tenant, () => writeFresh(scope, incidentId, seen));
      return found;
    },
  };
}

function inferred(rule: string, score: number): EvidenceLink {
  return { mode: 'inferred', rule, score };
}
