import { createHash } from 'node:crypto';
import type { FieldProblem } from '../../record/rejection.ts';
import type { AlertSource } from '../../record/webhook-intake.ts';
import { oneLine } from '../observed-row.ts';
import { isResolved, severityOf, type Alert } from './alert.ts';
import { datadogNotice } from './datadog-notice.ts';
import { fieldsOf, FIELDS_OF_ONE_MAX, text, TEXT_MAX, textsOf, webLink, type Fields } from './payload-field.ts';

/** Alerts of one webhook, and the longest texts taken. */
export const ALERTS_MAX = 500;
const TITLE_MAX = 300;
const FIELDS_MAX = 100;

export type ParsedAlerts =
  | { readonly ok: true; readonly alerts: readonly Alert[] }
  | { readonly ok: false; readonly fields: readonly FieldProblem[] };

/**
 * Reads a webhook's payload: Alertmanager and Grafana (`alerts` with labels and annotations, or a legacy Grafana
 * notification), PagerDuty (webhooks v3 and v2, Events API v2), Datadog (its default template, or one of its own making), or
 * any JSON object with a title. Unknown fields are left alone.
 */
export function parseAlerts(source: AlertSource, payload: unknown): ParsedAlerts {
  const problems: FieldProblem[] = [];
  const alerts =
    source === 'pagerduty'
      ? pagerDuty(payload, problems)
      : labelled(source, source === 'datadog' ? datadogNotice(payload) : payload, problems);
  if (problems.length > 0) return { ok: false, fields: problems.slice(0, FIELDS_MAX) };
  return { ok: true, alerts };
}

function labelled(source: AlertSource, payload: unknown, problems: FieldProblem[]): readonly Alert[] {
  const isList = Array.isArray(payload);
  const outer = isList ? { alerts: payload as unknown[] } : fieldsOf(payload);
  if (outer === undefined) {
    problems.push({ path: 'body', message: 'must be an object' });
    return [];
  }
  // Some senders wrap what they send.
  const envelope = fieldsOf(outer['alert_payload']) ?? wrapped(outer) ?? outer;
  const listed = envelope['alerts'];
  if (source === 'alertmanager' && !Array.isArray(listed)) {
    problems.push({ path: 'body.alerts', message: 'must be a list of alerts' });
    return [];
  }
  if (listed !== undefined && listed !== null && !Array.isArray(listed)) {
    problems.push({ path: 'body.alerts', message: 'must be a list of alerts' });
    return [];
  }
  if (!Array.isArray(listed)) {
    const alert = read(source, fieldsOf(envelope['raw']) ?? envelope, envelope, 'body', problems);
    return alert === undefined ? [] : [alert];
  }
  const list = listed as unknown[];
  if (list.length === 0) problems.push({ path: 'body.alerts', message: 'must hold at least one alert' });
  if (list.length > ALERTS_MAX) {
    problems.push({ path: 'body.alerts', message: `must hold at most ${ALERTS_MAX} alerts` });
    return [];
  }
  return list.flatMap((each, index) => {
    const path = isList ? `body[${index}]` : `body.alerts[${index}]`;
    const fields = fieldsOf(each);
    if (fields === undefined) {
      problems.push({ path, message: 'must be an object' });
      return [];
    }
    if (source === 'alertmanager' && fieldsOf(fields['labels']) === undefined) {
      problems.push({ path: `${path}.labels`, message: 'must be an object of labels' });
      return [];
    }
    const alert = read(source, fields, envelope, path, problems);
    return alert === undefined ? [] : [alert];
  });
}

function wrapped(outer: Fields): Fields | undefined {
  const inner = fieldsOf(outer['alert']);
  return inner !== undefined && (Array.isArray(inner['alerts']) || 'title' in inner) ? inner : undefined;
}

const SERVICE_LABELS = [
  'service.name',
  'service_name',
  'service',
  'app_kubernetes_io_name',
  'app',
  'deployment',
  'kube_deployment',
  'workload_name',
  'container',
  'pipeline_name',
  'job',
] as const;
const TIME_KEYS = [
  'startsAt',
  'starts_at',
  'firedAt',
  'fired_at',
  'triggered_at',
  'occurred_at',
  'timestamp',
  'created_at',
  'creation_date',
  'date',
] as const;

function read(
  source: AlertSource,
  alert: Fields,
  envelope: Fields,
  path: string,
  problems: FieldProblem[],
): Alert | undefined {
  const labels = labelsOf(envelope, alert);
  const annotations = { ...textsOf(envelope['commonAnnotations']), ...textsOf(alert['annotations']) };
  const both = [alert, ...(alert === envelope ? [] : [envelope])];
  const rule =
    labels['alertname'] ??
    text(both, 'alert_name', 'ruleName', 'alertname', 'rule', 'alert_title', 'aggregation_key', 'name');
  // A group's title counts its alerts and says whether they fire: it is the name of none of them.
  const ofGroup = alert === envelope ? '' : labels['alertname'];
  const title = oneLine(
    text([alert], 'title', 'alert_title', 'event_title') ||
      annotations['summary'] ||
      text([alert], 'summary') ||
      ofGroup ||
      text(both, 'summary', 'title', 'alert_name', 'ruleName', 'name', 'message', 'alertname') ||
      rule ||
      '',
    TITLE_MAX,
  );
  if (title === '') {
    problems.push({ path: `${path}.title`, message: 'an alert needs a title, a summary, a message or an alertname' });
    return undefined;
  }
  const startedAt = timeOf(both, TIME_KEYS, path, problems);
  const endedAt = timeOf([alert], ['endsAt', 'ends_at', 'resolved_at'], path, problems);
  const state = text([alert], 'status', 'alert_transition', 'state', 'event_action') || text(both, 'status', 'state');
  const resolved = isResolved(state);
  const severity =
    labels['severity'] ||
    text(both, 'severity', 'priority', 'urgency', 'alert_type', 'level') ||
    labels['priority'] ||
    '';
  const given = text([alert], 'fingerprint', 'dedup_key', 'dedupKey', 'aggreg_key', 'incident_key', 'event_id');
  return {
    source,
    fingerprint: oneLine(given, 200) || fingerprintOf(source, rule ?? '', title, labels),
    status: resolved ? 'resolved' : 'firing',
    title,
    rule: oneLine(rule ?? '', TITLE_MAX) || title,
    service: oneLine(serviceOf(both, labels), 200),
    environment: oneLine(
      labels['deployment.environment.name'] ??
        labels['environment'] ??
        labels['env'] ??
        text(both, 'environment', 'env'),
      200,
    ),
    severity: severityOf(severity),
    startedAt,
    endedAt: resolved ? endedAt : null,
    description: (
      annotations['description'] ??
      annotations['message'] ??
      text(both, 'description', 'message', 'body', 'event_msg', 'text')
    ).slice(0, TEXT_MAX),
    url: webLink(
      text(both, 'generatorURL', 'dashboardURL', 'panelURL', 'ruleUrl', 'link', 'html_url', 'url', 'externalURL'),
    ),
    runbookUrl: webLink(
      annotations['runbook_url'] ??
        annotations['runbookUrl'] ??
        annotations['runbook'] ??
        text(both, 'runbook_url', 'runbook'),
    ),
    group: oneLine(text([envelope], 'groupKey', 'group_id'), 500),
    incidentRef: oneLine(labels['incident.id'] ?? labels['incident_id'] ?? text([alert], 'incident'), 200),
    labels,
    values: valuesOf(alert),
    onlyState: false,
  };
}

/** Grafana's figures: `values` by the names of its expressions, or the text that older versions send. */
function valuesOf(alert: Fields): string {
  const values = fieldsOf(alert['values']);
  const said = values === undefined ? text([alert], 'valueString') : JSON.stringify(textsOf(values));
  return said.slice(0, TITLE_MAX);
}

function pagerDuty(payload: unknown, problems: FieldProblem[]): readonly Alert[] {
  const outer = fieldsOf(payload);
  if (outer === undefined) {
    problems.push({ path: 'body', message: 'must be an object' });
    return [];
  }
  const event = fieldsOf(outer['event']);
  if (event !== undefined) {
    const data = fieldsOf(event['data']);
    if (data === undefined) {
      problems.push({ path: 'body.event.data', message: 'must be an object' });
      return [];
    }
    const eventType = text([event], 'event_type');
    // A test of the webhook, or a note, a responder, a status update: nothing of how the incident stands.
    const kind = text([data], 'type');
    if (!eventType.startsWith('incident.') || (kind !== '' && !/^incident(?:_reference)?$/.test(kind))) return [];
    const said = { type: eventType, at: event['occurred_at'] };
    const alert = pagerDutyIncident(data, said, 'body.event.data', problems);
    return alert === undefined ? [] : [alert];
  }
  const messages = outer['messages'];
  if (Array.isArray(messages)) {
    if (messages.length > ALERTS_MAX) {
      problems.push({ path: 'body.messages', message: `must hold at most ${ALERTS_MAX} messages` });
      return [];
    }
    return messages.flatMap((each: unknown, index) => {
      const path = `body.messages[${index}]`;
      const message = fieldsOf(each);
      const incident = fieldsOf(message?.['incident']);
      if (message === undefined || incident === undefined) {
        problems.push({ path: `${path}.incident`, message: 'must be an object' });
        return [];
      }
      const alert = pagerDutyIncident(incident, { type: text([message], 'event') }, `${path}.incident`, problems);
      return alert === undefined ? [] : [alert];
    });
  }
  if (Object.hasOwn(outer, 'payload') || Object.hasOwn(outer, 'event_action')) {
    const alert = pagerDutyEvent(outer, problems);
    return alert === undefined ? [] : [alert];
  }
  problems.push({ path: 'body.event', message: 'must be a PagerDuty event (event, messages or payload)' });
  return [];
}

const EVENT_ACTIONS = ['trigger', 'acknowledge', 'resolve'] as const;

/** Events API v2: what monitoring systems send to PagerDuty. Only a trigger has to say more than which alert it is about. */
function pagerDutyEvent(outer: Fields, problems: FieldProblem[]): Alert | undefined {
  const action = EVENT_ACTIONS.find((each) => each === outer['event_action']);
  if (action === undefined) {
    const message = `must be one of ${EVENT_ACTIONS.join(', ')}; changes go to /changes`;
    problems.push({ path: 'body.event_action', message });
    return undefined;
  }
  const key = text([outer], 'dedup_key');
  const inner = fieldsOf(outer['payload']);
  if (inner === undefined && action !== 'trigger') {
    if (key === '') {
      problems.push({ path: 'body.dedup_key', message: 'must say which alert it is' });
      return undefined;
    }
    const alert = read('pagerduty', { title: key, dedup_key: key, status: action }, {}, 'body', problems);
    return alert === undefined ? undefined : { ...alert, onlyState: true };
  }
  if (inner === undefined) {
    problems.push({ path: 'body.payload', message: 'must be an object' });
    return undefined;
  }
  const details = textsOf(inner['custom_details']);
  const merged = {
    ...fieldsOf(inner['custom_details']),
    ...inner,
    title: inner['summary'],
    labels: { ...details, service: details['service'] ?? text([inner], 'component', 'source') },
    dedup_key: key,
    status: action,
    link: outer['client_url'],
  };
  return read('pagerduty', merged, merged, 'body.payload', problems);
}

function pagerDutyIncident(
  data: Fields,
  event: { readonly type: string; readonly at?: unknown },
  path: string,
  problems: FieldProblem[],
): Alert | undefined {
  const service = fieldsOf(data['service']);
  const priority = fieldsOf(data['priority']);
  const merged = {
    ...data,
    title: text([data], 'title', 'summary', 'description'),
    dedup_key: text([data], 'incident_key', 'id'),
    labels: { service: service === undefined ? '' : text([service], 'summary', 'name') },
    status: isResolved(event.type) ? 'resolved' : text([data], 'status'),
    resolved_at: data['resolved_at'] ?? event.at,
    description: text([data], 'description') || text([fieldsOf(data['body']) ?? {}], 'details'),
    severity: (priority === undefined ? '' : text([priority], 'summary', 'name')) || text([data], 'urgency'),
  };
  return read('pagerduty', merged, merged, path, problems);
}

/** Labels of the group and of the alert, and Datadog's tags (`service:checkout,env:prod`). */
function labelsOf(envelope: Fields, alert: Fields): Readonly<Record<string, string>> {
  const labels = Object.create(null) as Record<string, string>;
  Object.assign(labels, textsOf(envelope['commonLabels']), textsOf(alert['labels']));
  const tags = alert['tags'] ?? envelope['tags'];
  const listed = typeof tags === 'string' ? tags.split(',') : Array.isArray(tags) ? (tags as unknown[]) : [];
  for (const tag of listed.slice(0, FIELDS_OF_ONE_MAX)) {
    const [key = '', ...rest] = typeof tag === 'string' ? tag.trim().split(':') : [];
    if (key !== '' && rest.length > 0) labels[key.slice(0, 200)] ??= rest.join(':').slice(0, TEXT_MAX);
  }
  return labels;
}

function serviceOf(places: readonly Fields[], labels: Readonly<Record<string, string>>): string {
  for (const key of SERVICE_LABELS) {
    const label = labels[key];
    if (label !== undefined && label !== '') return label;
  }
  for (const place of places) {
    const nested = fieldsOf(place['service']);
    if (nested !== undefined) return text([nested], 'name', 'summary');
  }
  return text(places, 'service', 'service_name', 'pipeline_name', 'subject_name');
}

/** Milliseconds since the epoch. A time that cannot be read is a problem; none, or the zero time of Go, is null. */
function timeOf(
  places: readonly Fields[],
  keys: readonly string[],
  path: string,
  problems: FieldProblem[],
): number | null {
  for (const place of places) {
    for (const key of keys) {
      const value = Object.hasOwn(place, key) ? place[key] : undefined;
      if (value === undefined || value === null || value === '') continue;
      const at = millisecondsOf(value);
      if (at === undefined) {
        problems.push({ path: `${path}.${key}`, message: 'must be an RFC 3339 time or seconds since the epoch' });
        return null;
      }
      return at < Date.UTC(2000, 0) ? null : at;
    }
  }
  return null;
}

function millisecondsOf(value: unknown): number | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && /^\d{9,19}(\.\d+)?$/.test(value))) {
    const number = Number(value);
    // Seconds, milliseconds, microseconds or nanoseconds, told apart by their size in this century.
    const milliseconds =
      number < 1e11 ? number * 1_000 : number < 1e14 ? number : number < 1e17 ? number / 1_000 : number / 1e6;
    return milliseconds >= 0 && milliseconds < Date.UTC(2100, 0) ? Math.round(milliseconds) : undefined;
  }
  if (typeof value !== 'string' || value.length > 64) return undefined;
  // What has no zone is in UTC, here as in most of these systems.
  const iso = /^\d{4}-\d\d-\d\d[ T][\d:.]+$/.test(value) ? `${value.replace(' ', 'T')}Z` : value;
  const parsed = Date.parse(iso.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(parsed) || parsed >= Date.UTC(2100, 0) ? undefined : parsed;
}

/** What identifies an alert whose sender does not say: its rule and labels. */
function fingerprintOf(
  source: AlertSource,
  rule: string,
  title: string,
  labels: Readonly<Record<string, string>>,
): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const said = JSON.stringify([source, rule === '' ? title : rule, sorted]);
  return createHash('sha256').update(said).digest('hex').slice(0, 32);
}
