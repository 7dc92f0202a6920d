import type { Severity } from '../../record/incident-record.ts';
import type { EvidenceRow } from '../../record/evidence.ts';
import { text } from '../attribute.ts';
import { oneLine } from '../observed-row.ts';
import type { Attributes, LogRecord } from '../telemetry-record.ts';
import { severityOf, type Alert } from './alert.ts';
import { webLink } from './payload-field.ts';

/** What an alert's log record says of itself, from its `alert.*` attributes. */
export interface AlertRecordFields {
  readonly resolved: boolean;
  readonly rule: string;
  /** What is wrong: an operation, a host, a service. */
  readonly entity: string;
  /** The same while the same thing is wrong. */
  readonly fingerprint: string;
}

/** Alerts are log records with event names `alert.firing`, `alert.resolved` and the like. */
export function isAlertRecord(record: LogRecord): boolean {
  return record.eventName.startsWith('alert.');
}

export function alertRecordFields({ attributes, eventName }: LogRecord): AlertRecordFields {
  const rule = text(attributes, 'alert.rule_name', 'alert.rule.name', 'alert.name', 'alertname', 'alert.rule_id');
  const entity = text(attributes, 'alert.entity_name', 'alert.entity.name', 'service.name');
  return {
    resolved: /resolve|recover|ok$|clear/.test(eventName),
    rule,
    entity,
    fingerprint:
      text(attributes, 'alert.event_id', 'alert.fingerprint', 'alert.id', 'fingerprint') ||
      [text(attributes, 'alert.rule_id'), rule, entity].filter((part) => part !== '').join(' '),
  };
}

const TITLE_MAX = 300;
const NAME_MAX = 200;

/** The alert of a log record, as webhooks' are taken; `row` is the evidence row that was made of it. */
export function alertOfRecord(record: LogRecord, row: EvidenceRow): Alert {
  const { attributes } = record;
  const { resolved, rule, entity, fingerprint } = alertRecordFields(record);
  const body = typeof record.body === 'string' ? record.body : '';
  const named = [rule, rule.includes(entity) ? '' : entity].filter((part) => part !== '').join(' ');
  const title = oneLine(named || body, TITLE_MAX) || 'Alert';
  return {
    source: 'otlp',
    fingerprint: oneLine(fingerprint || row.id, NAME_MAX),
    status: resolved ? 'resolved' : 'firing',
    title,
    rule: oneLine(rule, TITLE_MAX) || title,
    // Not the resource's: that is who sends the alert.
    service: oneLine(text(attributes, 'service.name', 'alert.service_name', 'alert.service'), NAME_MAX),
    environment: oneLine(
      text(attributes, 'deployment.environment.name', 'deployment.environment') || row.environment,
      NAME_MAX,
    ),
    severity: severityOfRecord(attributes, record.severityNumber),
    startedAt: null,
    endedAt: null,
    description: body,
    url: webLink(text(attributes, 'alert.url', 'alert.generator_url', 'alert.link')),
    runbookUrl: webLink(text(attributes, 'alert.runbook_url', 'alert.runbook.url')),
    group: oneLine(text(attributes, 'alert.group_key', 'alert.group.key', 'alert.group_id'), 500),
    incidentRef: row.namedRefs[0] ?? '',
    labels: {},
    values: '',
    onlyState: false,
  };
}

/** The monitoring system's word where it has one, else what OpenTelemetry's severity number stands for. */
function severityOfRecord(attributes: Attributes, severityNumber: number): Severity {
  const word = text(attributes, 'alert.severity', 'alert.priority', 'severity');
  const said = word === '' ? 'unknown' : severityOf(word);
  if (said !== 'unknown' || severityNumber === 0) return said;
  if (severityNumber >= 21) return 'sev1';
  if (severityNumber >= 17) return 'sev2';
  return severityNumber >= 13 ? 'sev3' : 'sev4';
}
