import type { EvidenceLink, EvidenceRow } from '../record/evidence.ts';
import type { EvidenceLog } from '../record/evidence-log.ts';
import type { IncidentRecord, IncidentSummary } from '../record/incident-record.ts';
import type { RecordService } from '../record/record-service.ts';
import type { SignalScope } from '../record/service-signals.ts';
import { inPlace } from './ongoing-incidents.ts';
import { CHANGE_LEAD_NANOSECONDS } from './changes/change-rows.ts';

export interface UnfiledRowsOptions {
  readonly evidenceLog: Pick<EvidenceLog, 'unfiled' | 'file' | 'page'>;
  readonly record: Pick<RecordService, 'record' | 'index'>;
}

/** Evidence that nobody claimed, as far as it seems to belong to an incident. Filed by inferred links; idempotent. */
export interface UnfiledRows {
  /** Changes and alerts that were reported before the incident was opened, or name it only by their service and time. */
  fileReported(scope: SignalScope, incident: IncidentSummary): Promise<void>;
  /** Work of the responders' own agents, and work on traces of the incident, that nothing else ties to an incident. */
  fileAgents(scope: SignalScope, incident: IncidentSummary): Promise<void>;
}

const UNFILED_MAX = 200;
const AGENT_LEAD_NANOSECONDS = 900_000_000_000n;
const TRACES_SEARCHED_MAX = 10;

export function createUnfiledRows({ evidenceLog, record }: UnfiledRowsOptions): UnfiledRows {
  return {
    async fileReported(scope, incident) {
      if (scope.services.length === 0) return;
      for (const service of scope.services.slice(0, 20)) {
        const { items } = await evidenceLog.unfiled(scope.tenant, {
          kinds: ['change', 'alert'],
          service,
          fromUnixNano: scope.fromUnixNano - CHANGE_LEAD_NANOSECONDS,
          toUnixNano: scope.toUnixNano,
          limit: UNFILED_MAX,
        });
        for (const kind of ['change', 'alert'] as const) {
          const ids = items
            .filter((row) => row.kind === kind && inPlace(row.environment, incident))
            .map((row) => row.id);
          const link = inferred(
            `${kind} of ${service}, a service of the incident, in or shortly before its window`,
            0.8,
          );
          await evidenceLog.file(scope.tenant, incident.id, ids, link);
        }
      }
    },
    async fileAgents(scope, incident) {
      const found = await record.record(scope.tenant, incident.id);
      if (found === undefined) return;
      const window = { fromUnixNano: scope.fromUnixNano - AGENT_LEAD_NANOSECONDS, toUnixNano: scope.toUnixNano };
      for (const agent of respondingAgents(found)) {
        const { items } = await evidenceLog.unfiled(scope.tenant, { ...window, actor: agent, limit: UNFILED_MAX });
        await evidenceLog.file(
          scope.tenant,
          incident.id,
          items.filter((row) => row.actor.kind === 'agent').map((row) => row.id),
          inferred(`responder's agent ${agent} active in the window`, 0.7),
        );
      }
      const { items: own } = await evidenceLog.page(scope.tenant, incident.id, {
        kinds: ['trace', 'error', 'alert'],
        limit: 50,
      });
      const traceIds = new Set([
        ...record.index.boundTraces(scope.tenant, incident.id),
        ...own.map((row) => row.source.traceId).filter((id) => id !== ''),
      ]);
      const searched = [...traces(traceIds)].slice(0, TRACES_SEARCHED_MAX);
      if (searched.length === 0) return;
      // Tools name a trace by its 64 lower bits (some in decimal) or by its first digits as well; all are found as part of the text.
      // All traces at once: reading the content of every unfiled call costs more than comparing telemetry.
      const { items } = await evidenceLog.unfiled(scope.tenant, {
        ...window,
        kinds: ['tool_call'],
        anyOf: searched.flatMap((traceId) => [traceId.slice(16), decimalOf(traceId), traceId.slice(0, 16)]),
        limit: UNFILED_MAX,
      });
      for (const traceId of searched) {
        const ids = items.filter((row) => names(row, traceId)).map((row) => row.id);
        await evidenceLog.file(scope.tenant, incident.id, ids, inferred(`names trace ${traceId}`, 0.6));
      }
    },
  };
}

function inferred(rule: string, score: number): EvidenceLink {
  return { mode: 'inferred', rule, score };
}

function respondingAgents(found: IncidentRecord): readonly string[] {
  const actors = [
    ...found.participants.filter((each) => each.leftAt === null).map((each) => each.actor),
    ...found.responsibilities.filter((each) => each.held).map((each) => each.holder),
  ];
  return [...new Set(actors.filter((actor) => actor.kind === 'agent').map((actor) => actor.name))].slice(0, 20);
}

function* traces(ids: ReadonlySet<string>): Generator<string> {
  for (const id of ids) if (/^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id.slice(16))) yield id;
}

/** The 64 lower bits as Datadog writes them. */
function decimalOf(traceId: string): string {
  return BigInt(`0x${traceId.slice(16)}`).toString();
}

/** True when the row's text has the trace's id: whole, its first 16 digits or more, or its 64 lower bits alone. */
function names(row: EvidenceRow, traceId: string): boolean {
  const text = [row.summary, ...Object.values(row.content).map((each) => each.value ?? '')].join('\n');
  const low = traceId.slice(16);
  const decimal = decimalOf(traceId);
  for (const [found] of text.matchAll(/(?<![0-9a-z])[0-9a-f]{16,32}(?![0-9a-z])/gi)) {
    const digits = found.toLowerCase();
    if (traceId.startsWith(digits) || digits === low || digits === low.padStart(32, '0') || digits === decimal)
      return true;
  }
  return false;
}
