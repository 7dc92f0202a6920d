import { DOCKET_ACTOR, type Actor } from '../../record/actor.ts';
import { instantOf } from '../../record/evidence-by-hand.ts';
import type { EvidenceLink, EvidenceRow } from '../../record/evidence.ts';
import type { SeenChange } from '../../record/service-signals.ts';
import { evidenceId } from '../evidence-id.ts';
import { observedRow } from '../observed-row.ts';

/** A change that somebody reported through the API. */
export interface ChangeReport {
  /** What kind: `deploy`, `config`, `feature_flag`, `infrastructure`, or the sender's own word. */
  readonly kind: string;
  readonly title: string;
  readonly service: string;
  readonly environment: string;
  readonly before: string;
  readonly after: string;
  readonly atUnixNano: bigint;
  readonly by: string;
  readonly url: string;
  /** The sender's id of the change; sending it again replaces the row. */
  readonly id: string;
  readonly incident: string;
}

/** The row of a change that telemetry shows; the query gives it again. */
export function seenChangeRow(
  tenant: string,
  change: SeenChange,
  context: {
    readonly incidentId: string;
    readonly link: EvidenceLink;
    readonly query: string;
    readonly asOfUnixNano: bigint;
  },
): EvidenceRow {
  return observedRow({
    tenant,
    id: evidenceId(
      tenant,
      'change',
      change.kind,
      change.service,
      change.environment,
      change.subject,
      change.before,
      change.after,
      ...(change.sight === 1 ? [] : [String(change.sight)]),
    ),
    incident: context.incidentId,
    link: context.link,
    kind: 'change',
    occurredAtUnixNano: change.firstSeenUnixNano,
    endedAtUnixNano: null,
    receivedAtUnixNano: context.asOfUnixNano,
    outcome: 'unknown',
    actor: DOCKET_ACTOR,
    service: change.service,
    environment: change.environment,
    summary: summaryOf(change),
    content: {
      data: JSON.stringify({
        kind: change.kind,
        subject: change.subject,
        before: change.before,
        after: change.after,
        firstSeenAt: instantOf(change.firstSeenUnixNano),
        ...(change.sight === 1 ? {} : { cameBack: true }),
        firstSeenIn: { service: change.service, environment: change.environment },
        ...change.attributes,
      }),
      query: context.query,
    },
    source: { traceId: change.traceId, spanId: change.spanId, signal: change.signal, alsoSeenAs: [] },
    sourceFamily: `clickhouse:otel_${change.signal}:${change.kind}`,
    trust: 'observed',
    dialect: 'opentelemetry',
    facts: { before: change.before, after: change.after, asOf: instantOf(context.asOfUnixNano) },
  });
}

function summaryOf(change: SeenChange): string {
  const where = change.environment === '' ? change.service : `${change.service} in ${change.environment}`;
  const again = change.sight === 1 ? '' : ', seen before';
  if (change.kind === 'version') return `${where}: version ${change.before} to ${change.after}${again}`;
  if (change.kind === 'feature_flag') {
    return `${where}: flag ${change.subject} from ${change.before} to ${change.after}${again}`;
  }
  return `${where}: ${change.subject} ${change.after}`;
}

/** The unfiled row of a reported change. */
export function reportedChangeRow(
  tenant: string,
  report: ChangeReport,
  reporter: Actor,
  receivedAtUnixNano: bigint,
): EvidenceRow {
  const identity = report.id === '' ? [String(report.atUnixNano), report.title, report.after] : [report.id];
  const moved =
    report.before === '' && report.after === '' ? '' : ` (${report.before || '?'} to ${report.after || '?'})`;
  return observedRow({
    tenant,
    id: evidenceId(tenant, 'reported change', report.kind, report.service, report.environment, ...identity),
    incident: '',
    link: null,
    kind: 'change',
    occurredAtUnixNano: report.atUnixNano,
    endedAtUnixNano: null,
    receivedAtUnixNano,
    outcome: 'unknown',
    actor: report.by === '' ? reporter : { kind: 'import', name: report.by, id: null },
    service: report.service,
    environment: report.environment,
    summary: `${report.service === '' ? '' : `${report.service}: `}${report.title}${moved}`,
    content: {
      data: JSON.stringify({
        kind: report.kind,
        title: report.title,
        before: report.before,
        after: report.after,
        by: report.by,
        url: report.url,
      }),
    },
    source: { traceId: '', spanId: '', signal: 'webhook', alsoSeenAs: [] },
    sourceFamily: `webhook:changes:${report.kind}`,
    trust: 'imported',
    dialect: 'webhook',
    namedRefs: report.incident === '' ? [] : [report.incident],
    facts: {
      before: report.before,
      after: report.after,
      ...(report.url === '' ? {} : { externalRef: report.url }),
    },
  });
}
