import type { EvidenceLink } from '../../record/evidence.ts';
import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { IncidentIndex } from '../../record/incident-index.ts';
import type { ChangeFigures, SeenChange, SignalReader, SignalScope } from '../../record/service-signals.ts';
import { seenChangeRow } from './change-row.ts';

/** Changes before the window that may have caused it. */
export const CHANGE_LEAD_NANOSECONDS = 2n * 3_600_000_000_000n;

export interface ChangeRowsOptions {
  readonly signals: Pick<SignalReader, 'changes'>;
  readonly evidenceLog: Pick<EvidenceLog, 'put' | 'existing'>;
  readonly index: Pick<IncidentIndex, 'resolve'>;
}

/** The rows of changes that telemetry shows, of incidents. */
export interface ChangeRows {
  /**
   * Looks for changes of these services (none for all), and files those the incident does not have yet. Idempotent.
   */
  write(scope: SignalScope, incidentId: string, services: readonly string[]): Promise<ChangeFigures>;
}

export function createChangeRows({ signals, evidenceLog, index }: ChangeRowsOptions): ChangeRows {
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
      const known = await evidenceLog.existing(
        scope.tenant,
        incidentId,
        seen.map((row) => row.id),
      );
      const fresh = seen.filter((row) => !known.has(row.id));
      if (fresh.length > 0) await evidenceLog.put(fresh);
      return found;
    },
  };
}

function inferred(rule: string, score: number): EvidenceLink {
  return { mode: 'inferred', rule, score };
}
