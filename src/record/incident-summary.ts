import type { IncidentSummary } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';

/** What lists show of an incident. */
export function summaryOf(state: IncidentState): IncidentSummary {
  return {
    id: state.id,
    ref: state.ref,
    title: state.title,
    status: state.status,
    severity: state.severity,
    head: state.head,
    services: state.services,
    environments: state.environments,
    startedAt: state.startedAt,
    detectedAt: state.detectedAt,
    mitigatedAt: state.mitigatedAt,
    resolvedAt: state.resolvedAt,
    updatedAt: state.updatedAt,
  };
}
