import { expect, test } from 'vitest';
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
