import type { IncidentSummary } from '../record/incident-record.ts';
import type { SignalScope } from '../record/service-signals.ts';

const MINUTE = 60_000;
/** What came before an incident whose start nobody told: it began before somebody noticed. */
const LEAD_MILLISECONDS = 15 * MINUTE;
const BASELINE_MILLISECONDS = 60 * MINUTE;
/** Longest window compared. */
const WINDOW_MILLISECONDS = 24 * 60 * MINUTE;

/** The window of an incident that is compared with the hour before it, at `nowMilliseconds`. */
export function incidentWindow(tenant: string, incident: IncidentSummary, nowMilliseconds: number): SignalScope {
  const startedAt = Date.parse(incident.startedAt);
  const told = Math.abs(Date.parse(incident.detectedAt) - startedAt) > MINUTE;
  const from = told ? startedAt : startedAt - LEAD_MILLISECONDS;
  const end = incident.resolvedAt === null ? nowMilliseconds : Date.parse(incident.resolvedAt);
  const to = Math.max(from + MINUTE, Math.min(end, from + WINDOW_MILLISECONDS));
  return {
    tenant,
    services: incident.services,
    environments: incident.environments,
    baselineFromUnixNano: nano(from - BASELINE_MILLISECONDS),
    fromUnixNano: nano(from),
    toUnixNano: nano(to),
    asOfUnixNano: nano(nowMilliseconds),
  };
}

function nano(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000_000n;
}
