import type { IncidentStatus, IncidentSummary } from '../record/incident-record.ts';
import type { ResolvedLink } from '../record/incident-index.ts';
import type { RecordService } from '../record/record-service.ts';

/** Where something happened that another system reports. */
export interface ReportedPlace {
  /** An incident that the report names itself; `''` for none. */
  readonly incidentRef: string;
  readonly service: string;
  readonly environment: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Incidents that go on, found by what a report says of itself. */
export interface OngoingIncidents {
  /** Undefined when there is none, or it is over. */
  find(tenant: string, refOrId: string): Promise<IncidentSummary | undefined>;
  all(tenant: string): Promise<readonly IncidentSummary[]>;
  /** Those that are over for who works on them and not closed: their alerts may still recover. */
  ended(tenant: string): Promise<readonly IncidentSummary[]>;
  /** Whatever incidents the report names, or a binding ties to its service; those that are over too. */
  bound(tenant: string, place: ReportedPlace): readonly ResolvedLink[];
  /** Those of the report's service, in its environment, that began no more than two hours after it. */
  ofService(tenant: string, place: ReportedPlace): Promise<readonly IncidentSummary[]>;
}

const ACTIVE: readonly IncidentStatus[] = ['triage', 'active', 'mitigated', 'monitoring'];
const ENDED: readonly IncidentStatus[] = ['resolved', 'review'];
/** Incidents looked through for one that a report belongs to. */
const INCIDENTS_MAX = 200;
/** A report so long before an incident's start may still belong to it. */
const LEAD_MILLISECONDS = 2 * 3_600_000;

export function createOngoingIncidents(record: Pick<RecordService, 'list' | 'summary' | 'index'>): OngoingIncidents {
  return {
    async find(tenant, refOrId) {
      const found = await record.summary(tenant, refOrId);
      return found !== undefined && ACTIVE.includes(found.status) ? found : undefined;
    },
    async all(tenant) {
      return (await record.list(tenant, { status: ACTIVE, limit: INCIDENTS_MAX })).items;
    },
    async ended(tenant) {
      return (await record.list(tenant, { status: ENDED, limit: INCIDENTS_MAX })).items;
    },
    bound(tenant, { incidentRef, service, environment, at }) {
      return record.index.resolve(tenant, {
        refs: incidentRef === '' ? [] : [incidentRef],
        traceId: '',
        conversationId: '',
        sessionId: '',
        agent: '',
        service,
        environment,
        occurredAtUnixNano: BigInt(at) * 1_000_000n,
        namedTraceIds: [],
      });
    },
    async ofService(tenant, { service, environment, at }) {
      if (service === '') return [];
      const { items } = await record.list(tenant, { status: ACTIVE, service, limit: INCIDENTS_MAX });
      return items.filter((each) => inPlace(environment, each) && at >= Date.parse(each.startedAt) - LEAD_MILLISECONDS);
    },
  };
}

/** True when the environment is not another than the incident's. */
export function inPlace(environment: string, incident: IncidentSummary): boolean {
  return environment === '' || incident.environments.length === 0 || incident.environments.includes(environment);
}
