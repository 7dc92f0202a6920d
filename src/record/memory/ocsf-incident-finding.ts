import type { Hypothesis, IncidentRecord } from '../incident-record.ts';
import { parseExternalRef } from './external-ref.ts';

/** Version of the Open Cybersecurity Schema Framework that the finding follows. */
export const OCSF_VERSION = '1.5.0';

const CLASS_UID = 2005;
const CATEGORY_UID = 2;

/** An OCSF object: keys as the schema names them. */
export type OcsfObject = { readonly [key: string]: unknown };

/**
 * The incident as an OCSF event of class Incident Finding (2005, category Findings). Times are milliseconds since the epoch.
 * Each finding of `finding_info_list` is a hypothesis, or the trigger while there is none. What OCSF has no place for stays
 * in `unmapped`.
 */
export function ocsfIncidentFinding(record: IncidentRecord, productVersion: string): OcsfObject {
  const [activityId, activityName] = activityOf(record);
  const [statusId, status] = statusOf(record);
  const [severityId, severity] = severityOf(record);
  const leader =
    record.hypotheses.find((each) => each.state === 'accepted') ?? record.hypotheses.find((each) => each.live);
  const commander = record.responsibilities.find((each) => each.held && each.kind === 'command')?.holder;
  const tickets = record.followUps.flatMap((each) => {
    if (each.externalRef === null) return [];
    const ref = parseExternalRef(each.externalRef);
    if (ref === undefined) return [];
    return [
      {
        uid: ref.key,
        title: each.title,
        type_id: 2,
        type: 'External',
        ...(ref.url === null ? {} : { src_url: ref.url }),
      },
    ];
  });
  const latest = record.statusUpdates.at(-1);
  const end = record.resolvedAt ?? record.mitigatedAt;
  return {
    activity_id: activityId,
    activity_name: activityName,
    category_uid: CATEGORY_UID,
    category_name: 'Findings',
    class_uid: CLASS_UID,
    class_name: 'Incident Finding',
    type_uid: CLASS_UID * 100 + activityId,
    type_name: `Incident Finding: ${activityName}`,
    time: latestTime(record),
    start_time: Date.parse(record.startedAt),
    ...(end === null ? {} : { end_time: Date.parse(end) }),
    severity_id: severityId,
    severity,
    status_id: statusId,
    status,
    message: record.title,
    desc: record.title,
    ...(latest === undefined ? {} : { comment: latest.happening }),
    ...confidenceOf(leader),
    // The schema asks for one of assignee and assignee_group.
    ...(commander === undefined
      ? { assignee_group: { name: 'unassigned', uid: 'unassigned' } }
      : {
          assignee: {
            name: commander.name,
            ...(commander.id === null ? {} : { uid: commander.id }),
            type_id: 1,
            type: 'User',
          },
        }),
    finding_info_list: findingsOf(record),
    ...(tickets.length === 0 ? {} : { tickets, ticket: tickets[0] }),
    metadata: {
      version: OCSF_VERSION,
      uid: record.id,
      correlation_uid: record.ref,
      sequence: record.head.seq,
      original_time: record.detectedAt,
      product: { name: 'Docket', vendor_name: 'Docket', version: productVersion },
      ...(record.policyVersion === null ? {} : { labels: [`policy:${record.policyVersion}`] }),
    },
    unmapped: {
      head: record.head,
      services: record.services,
      environments: record.environments,
      ruled_out: record.hypotheses
        .filter((each) => each.rejected !== null)
        .map((each) => ({ uid: each.id, statement: each.statement, killed_by: each.rejected?.killedBy ?? [] })),
      gaps_open: record.gaps.filter((each) => each.state === 'open').map((each) => each.id),
    },
  };
}

function activityOf(record: IncidentRecord): readonly [number, string] {
  if (record.status === 'closed' || isAside(record)) return [3, 'Close'];
  return record.head.seq === 1 ? [1, 'Create'] : [2, 'Update'];
}

function isAside({ status }: IncidentRecord): boolean {
  return status === 'declined' || status === 'merged' || status === 'cancelled';
}

function statusOf(record: IncidentRecord): readonly [number, string] {
  switch (record.status) {
    case 'triage':
      return [1, 'New'];
    case 'active':
    case 'mitigated':
    case 'monitoring':
      return [2, 'In Progress'];
    case 'resolved':
    case 'review':
      return [4, 'Resolved'];
    default:
      return [5, 'Closed'];
  }
}

function severityOf(record: IncidentRecord): readonly [number, string] {
  switch (record.severity) {
    case 'sev1':
      return [5, 'Critical'];
    case 'sev2':
      return [4, 'High'];
    case 'sev3':
      return [3, 'Medium'];
    case 'sev4':
      return [2, 'Low'];
    default:
      return [0, 'Unknown'];
  }
}

function confidenceOf(hypothesis: Hypothesis | undefined): OcsfObject {
  switch (hypothesis?.confidence.level) {
    case 'low':
      return { confidence_id: 1, confidence: 'Low' };
    case 'medium':
      return { confidence_id: 2, confidence: 'Medium' };
    case 'high':
      return { confidence_id: 3, confidence: 'High' };
    default:
      return { confidence_id: 0, confidence: 'Unknown' };
  }
}

function findingsOf(record: IncidentRecord): readonly OcsfObject[] {
  if (record.hypotheses.length > 0) {
    return record.hypotheses.slice(0, 100).map((each) => ({
      uid: each.id,
      title: each.label,
      desc: each.statement,
      created_time: Date.parse(each.at),
      types: [each.state],
      related_events_count: each.stances.length,
    }));
  }
  const [trigger] = record.triggers;
  return [
    trigger === undefined
      ? { uid: record.id, title: record.title, created_time: Date.parse(record.detectedAt) }
      : { uid: trigger.id, title: trigger.title, created_time: Date.parse(trigger.firedAt ?? trigger.at) },
  ];
}

/** When the newest thing the record tells happened. */
function latestTime(record: IncidentRecord): number {
  const times = [
    record.detectedAt,
    record.mitigatedAt,
    record.resolvedAt,
    ...record.statusUpdates.map((each) => each.at),
    ...record.hypotheses.map((each) => each.rejected?.at ?? each.accepted?.at ?? each.at),
    ...record.decisions.map((each) => each.at),
    ...record.actions.map((each) => each.outcome?.at ?? each.finished?.at ?? each.at),
  ];
  return Math.max(...times.flatMap((time) => (time === null ? [] : Date.parse(time))));
}
