import { describe, expect, test } from 'vitest';
import type { AlertSource } from '../../record/webhook-intake.ts';
import type { Alert } from './alert.ts';
import { parseAlerts } from './parse-alerts.ts';

const event = (eventType: string, data: object): object => ({ event: { id: 'e', event_type: eventType, data } });

test.each([
  ['pagey.ping', { message: 'Hello from your friend Pagey!', type: 'ping' }],
  ['incident.annotated', { id: 'N', type: 'incident_note', content: 'looking', incident: { id: 'Q1' } }],
  ['incident.responder.added', { type: 'incident_responder', incident: { id: 'Q1' }, message: 'join us' }],
  ['service.updated', { id: 'P1', type: 'service', summary: 'checkout' }],
])('a PagerDuty event %s is no alert', (eventType, data) => {
  expect(parseAlerts('pagerduty', event(eventType, data))).toEqual({ ok: true, alerts: [] });
});

test.each([
  ['incident.triggered', 'firing'],
  ['incident.acknowledged', 'firing'],
  ['incident.resolved', 'resolved'],
])('a PagerDuty event %s says that the incident is %s', (eventType, status) => {
  const data = {
    id: 'Q1',
    type: 'incident',
    title: 'Checkout is slow',
    status: 'triggered',
    service: { summary: 'checkout' },
  };
  expect(parseAlerts('pagerduty', event(eventType, data))).toMatchObject({
    ok: true,
    alerts: [{ title: 'Checkout is slow', service: 'checkout', fingerprint: 'Q1', status }],
  });
});

/** The one alert of a payload. */
function alertOf(source: AlertSource, payload: object): Alert {
  const parsed = parseAlerts(source, payload);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.fields));
  const [alert, ...others] = parsed.alerts;
  if (alert === undefined || others.length > 0) throw new Error(`${parsed.alerts.length} alerts`);
  return alert;
}

describe('a PagerDuty incident', () => {
  test('is read from a v3 webhook with its service, priority, link, and when it was resolved', () => {
    const data = {
      id: 'PGR0VU2',
      type: 'incident',
      self: 'https://api.pagerduty.com/incidents/PGR0VU2',
      html_url: 'https://acme.pagerduty.com/incidents/PGR0VU2',
      number: 2,
      status: 'resolved',
      incident_key: 'd3640fbd41094207a1c11e58e46b1662',
      created_at: '2026-11-22T15:16:27Z',
      title: 'A little bump in the road',
      service: { html_url: 'https://acme.pagerduty.com/services/PF9', id: 'PF9', summary: 'API Service' },
      assignees: [{ id: 'PTUXL6G', summary: 'User 123', type: 'user_reference' }],
      priority: { id: 'PSO75BM', summary: 'P1', type: 'priority_reference' },
      urgency: 'high',
      conference_bridge: { conference_number: '+1 1234123412', conference_url: 'https://example.com' },
      resolve_reason: null,
    };
    const webhook = event('incident.resolved', data) as { event: object };
    const payload = { event: { ...webhook.event, occurred_at: '2026-11-22T15:45:22.169Z', client: null } };
    expect(alertOf('pagerduty', payload)).toMatchObject({
      status: 'resolved',
      title: 'A little bump in the road',
      service: 'API Service',
      severity: 'sev1',
      fingerprint: 'd3640fbd41094207a1c11e58e46b1662',
      url: 'https://acme.pagerduty.com/incidents/PGR0VU2',
      startedAt: Date.parse('2026-11-22T15:16:27Z'),
      endedAt: Date.parse('2026-11-22T15:45:22.169Z'),
    });
  });

  test.each([
    ['resolve', 'resolved'],
    ['acknowledge', 'firing'],
  ])('of the Events API is known by its key alone when it is to %s', (action, status) => {
    const payload = { routing_key: 'r', event_action: action, dedup_key: 'checkout/latency' };
    expect(alertOf('pagerduty', payload)).toMatchObject({ fingerprint: 'checkout/latency', status, onlyState: true });
  });

  test.each([
    [{ routing_key: 'r', event_action: 'trigger' }, 'body.payload'],
    [{ routing_key: 'r', event_action: 'resolve' }, 'body.dedup_key'],
    [{ routing_key: 'r', event_action: 'explode', payload: { summary: 'x' } }, 'body.event_action'],
    // A change event, which has a place of its own.
    [
      { routing_key: 'r', payload: { summary: 'Build Success', source: 'ci', timestamp: '2026-11-22T15:16:27Z' } },
      'body.event_action',
    ],
  ])('of the Events API is refused with the field that is wrong: %j', (payload, path) => {
    expect(parseAlerts('pagerduty', payload)).toMatchObject({ ok: false, fields: [{ path }] });
  });

  test('of the Events API is about the service that its details name', () => {
    const inner = { summary: 'CPU high', source: 'host-1', severity: 'critical', custom_details: { service: 'cart' } };
    const payload = { routing_key: 'r', event_action: 'trigger', dedup_key: 'k', payload: inner };
    expect(alertOf('pagerduty', payload)).toMatchObject({ service: 'cart', severity: 'sev1', onlyState: false });
  });
});

describe('a Datadog notice', () => {
  /** What Datadog sends when nobody wrote a template. */
  const byDefault = (title: string, more: object = {}): object => ({
    body: '%%%\np95 is above 2 s\n@webhook-docket\n%%%',
    last_updated: '1795360800000',
    event_type: 'metric_alert_monitor',
    title,
    date: '1795360800000',
    org: { id: '11023', name: 'Shop' },
    id: '7354682211',
    ...more,
  });

  test('of the default template has its state in the title, and one fingerprint from trigger to recovery', () => {
    const triggered = alertOf('datadog', byDefault('[P2] [Triggered on {host:web-1}] p95 of checkout'));
    expect(triggered).toMatchObject({
      status: 'firing',
      title: 'p95 of checkout on {host:web-1}',
      severity: 'sev2',
      startedAt: 1_795_360_800_000,
    });
    expect(triggered.description).toBe('p95 is above 2 s\n@webhook-docket');
    const recovered = alertOf(
      'datadog',
      byDefault('[P2] [Recovered on {host:web-1}] p95 of checkout', { id: '7354682212', date: '1795361400000' }),
    );
    expect(recovered).toMatchObject({
      status: 'resolved',
      fingerprint: triggered.fingerprint,
      endedAt: 1_795_361_400_000,
    });
    const other = alertOf('datadog', byDefault('[P2] [Triggered on {host:web-2}] p95 of checkout'));
    expect(other.fingerprint).not.toBe(triggered.fingerprint);
  });

  test.each([
    ['Triggered', 'firing'],
    ['Re-Triggered', 'firing'],
    ['No Data', 'firing'],
    ['Re-No Data', 'firing'],
    ['Warn', 'firing'],
    ['Renotify', 'firing'],
    ['Recovered', 'resolved'],
    ['Warn Recovered', 'resolved'],
  ])('with the transition %s is %s, whatever else is in the template', (transition, status) => {
    const payload = {
      event_id: String(Math.random()),
      alert_id: '1234',
      alert_scope: 'service:cart,env:prod',
      alert_transition: transition,
      alert_priority: 'P1',
      priority: 'normal',
      status: 'p95 over service:cart was > 2 at least once during the last 5m',
      title: `[${transition}] p95 of cart`,
      tags: 'service:cart,env:prod',
      aggreg_key: '$AGGREG_KEY',
    };
    expect(alertOf('datadog', payload)).toMatchObject({
      status,
      fingerprint: '1234 service:cart,env:prod',
      service: 'cart',
      environment: 'prod',
      severity: 'sev1',
      title: 'p95 of cart',
    });
  });
});

test('an alert of a Grafana group has its own name where nothing sums it up, and the figures that raised it', () => {
  const payload = {
    receiver: 'docket',
    status: 'firing',
    orgId: 1,
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'High CPU usage', grafana_folder: 'shop', service: 'cart' },
        annotations: {},
        startsAt: '2026-11-22T09:56:03.157076+02:00',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'https://grafana.example/alerting/d1rdpdv7k/edit',
        fingerprint: 'bc97ff14869b13e3',
        silenceURL: 'https://grafana.example/alerting/silence/new',
        dashboardURL: '',
        panelURL: '',
        values: { B: 47.04, C: 1 },
      },
    ],
    groupLabels: {},
    commonLabels: { service: 'cart' },
    commonAnnotations: {},
    externalURL: 'https://grafana.example/',
    version: '1',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    title: '[FIRING:1]  (High CPU usage cart)',
    state: 'alerting',
    message: '**Firing**',
  };
  expect(alertOf('grafana', payload)).toMatchObject({
    title: 'High CPU usage',
    rule: 'High CPU usage',
    service: 'cart',
    fingerprint: 'bc97ff14869b13e3',
    values: '{"B":"47.04","C":"1"}',
    startedAt: Date.parse('2026-11-22T07:56:03.157Z'),
    endedAt: null,
    url: 'https://grafana.example/alerting/d1rdpdv7k/edit',
    group: '{}:{}',
  });
});
