import { metrics } from '@opentelemetry/api';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/create-api.ts';
import { createOpenIdentity } from '../../src/api/identity.ts';
import { parseCatalogue } from '../../src/evidence/catalogue/parse-catalogue.ts';
import { parseAlerts } from '../../src/evidence/alerts/parse-alerts.ts';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { sharedData } from '../support/shared-data.ts';

const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const catalogueText = `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: cart
  annotations:
    pagerduty.com/service-id: PCART
  links:
    - url: https://wiki.example/runbooks/cart
      title: Cart runbook
spec:
  owner: group:default/shop
  dependsOn: [component:default/redis]
---
kind: Component
metadata:
  name: bare
`;

let bench: IncidentBench;
let app: ReturnType<typeof createApi>;

beforeAll(async () => {
  bench = await openIncidentBench();
  app = createApi({
    record: bench.record,
    evidence: bench.temporary.store.evidenceLog,
    telemetry: bench.temporary.store.telemetryReader,
    webhooks: { alerts: (...of) => bench.intake.alerts(...of), change: (...of) => bench.intake.change(...of) },
    catalogue: bench.catalogue,
    identify: createOpenIdentity('default', (name) => name),
    health: () => ({ ready: true, components: [] }),
    metricsText: async () => '',
    version: 'test',
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
    loopbackOnly: false,
  });
  const given = await post('/catalogue', {
    source: 'cart-repository',
    fileName: 'catalog-info.yaml',
    text: catalogueText,
  });
  expect(given).toEqual({ status: 200, body: { services: ['cart', 'bare'], unreadable: 0 } });
});

afterAll(async () => {
  await bench?.dispose();
});

async function post(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await app.request(`/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function rows(incident: string, kind: EvidenceRow['kind'], tenant = 'default'): Promise<readonly EvidenceRow[]> {
  const found = await bench.record.record(tenant, incident);
  const page = await bench.temporary.store.evidenceLog.page(tenant, found?.id ?? '', { kinds: [kind], limit: 100 });
  return page.items;
}

const firing = (service: string, fingerprint: string, extra: object = {}) => ({
  version: '4',
  groupKey: `{}:{service="${service}"}`,
  status: 'firing',
  receiver: 'docket',
  commonLabels: { severity: 'critical' },
  alerts: [
    {
      status: 'firing',
      labels: { alertname: 'HighErrorRate', service },
      annotations: { summary: `${service} fails`, description: 'token ghp_Zx9Yw8Vu7TZx9Yw8Vu7TZx9Yw8Vu7Ts6R5q4' },
      startsAt: '2026-11-22T10:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      fingerprint,
      ...extra,
    },
  ],
});

describe('a bad payload', () => {
  test.each([
    ['alertmanager', [], 'body'],
    ['alertmanager', {}, 'body.alerts'],
    ['alertmanager', { alerts: [] }, 'body.alerts'],
    ['alertmanager', { alerts: [7, { labels: 'x' }] }, 'body.alerts[0]'],
    ['alertmanager', { alerts: [{ labels: { alertname: 'A' }, startsAt: 'yesterday' }] }, 'body.alerts[0].startsAt'],
    ['grafana', { alerts: 'none' }, 'body.alerts'],
    ['pagerduty', { hello: 1 }, 'body.event'],
    ['pagerduty', { event: { data: null } }, 'body.event.data'],
    ['pagerduty', { messages: [{}] }, 'body.messages[0].incident'],
    ['generic', {}, 'body.title'],
    ['generic', { title: 'x', startsAt: {} }, 'body.startsAt'],
  ])('for %s is refused with the fields that are wrong: %j', async (source, payload, path) => {
    const answer = await post(`/alerts/${source}`, payload);
    expect(answer.status).toBe(422);
    expect(answer.body['code']).toBe('webhook.invalid');
    const errors = answer.body['errors'] as { path: string }[];
    expect(errors.map((error) => error.path)[0]).toMatch(
      source === 'alertmanager' && Array.isArray(payload)
        ? /^body/
        : new RegExp(`^${path.replaceAll(/[[\]]/g, '\\$&')}$`),
    );
  });

  test('of a source nobody knows, or of a change without service, is refused', async () => {
    expect((await post('/alerts/unknown', { title: 'x' })).status).toBe(400);
    const answer = await post('/changes', { title: 'x', at: 'soon', more: 1 });
    expect(answer.status).toBe(422);
    expect((answer.body['errors'] as { path: string }[]).map((error) => error.path)).toEqual(
      expect.arrayContaining(['body.service', 'body.at']),
    );
  });
});

describe('an alert', () => {
  test('opens an incident once, however often it comes, and its resolution is seen on its row', async () => {
    const first = await post('/alerts/alertmanager', firing('pay', 'fp-1'));
    expect(first.status).toBe(200);
    const [taken] = first.body['alerts'] as { incident: string; effect: string; evidence: string }[];
    expect(taken?.effect).toBe('opened');
    const incident = taken?.incident ?? '';
    const again = await post('/alerts/alertmanager', firing('pay', 'fp-1'));
    expect(again.body['alerts']).toMatchObject([{ incident, effect: 'updated', evidence: taken?.evidence }]);
    const resolved = firing('pay', 'fp-1', { status: 'resolved', endsAt: '2026-11-22T10:20:00Z' });
    expect((await post('/alerts/alertmanager', resolved)).body['alerts']).toMatchObject([
      { incident, effect: 'updated', status: 'resolved' },
    ]);
    const alerts = await rows(incident, 'alert');
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ outcome: 'ok', service: 'pay', link: { mode: 'bound' }, trust: 'imported' });
    expect(JSON.stringify(alerts[0]?.content)).not.toContain('ghp_Zx9');
    const found = await bench.record.record('default', incident);
    expect(found).toMatchObject({ severity: 'sev1', services: ['pay'], startedAt: '2026-11-22T10:00:00Z' });
    expect(found?.triggers).toHaveLength(1);
    expect(found?.triggers[0]).toMatchObject({ fingerprint: 'fp-1', rule: 'HighErrorRate', service: 'pay' });
  });

  test('that only says when each notice was sent is one row until it recovers, and another when it fires again', async () => {
    const notice = (transition: string, minute: number) => ({
      id: `notice-${minute}`,
      alert_id: '77',
      alert_scope: 'service:ledger',
      alert_transition: transition,
      alert_type: transition === 'Recovered' ? 'success' : 'error',
      title: `[${transition}] Ledger is slow`,
      date: String(Date.UTC(2026, 10, 22, 10, minute)),
      tags: 'service:ledger',
    });
    const taken = async (transition: string, minute: number) => {
      const answer = await post('/alerts/datadog', notice(transition, minute));
      expect(answer).toMatchObject({ status: 200 });
      return (answer.body['alerts'] as { incident: string; effect: string; evidence: string }[])[0];
    };
    const first = await taken('Triggered', 0);
    expect(first?.effect).toBe('opened');
    expect(await taken('Renotify', 10)).toMatchObject({ effect: 'updated', evidence: first?.evidence });
    expect(await taken('Recovered', 20)).toMatchObject({ effect: 'updated', evidence: first?.evidence });
    const again = await taken('Triggered', 30);
    expect(again).toMatchObject({ effect: 'updated', incident: first?.incident });
    expect(again?.evidence).not.toBe(first?.evidence);
    const told = (await rows(first?.incident ?? '', 'alert')).map((row) => [
      row.summary,
      row.outcome,
      new Date(Number(row.occurredAtUnixNano / 1_000_000n)).getUTCMinutes(),
      row.facts['severity'],
    ]);
    expect(told).toEqual([
      ['Firing: Ledger is slow', 'error', 30, 'sev2'],
      ['Resolved: Ledger is slow', 'ok', 0, 'sev2'],
    ]);
  });

  test.each(['incident_key', 'dedup_key', 'aggreg_key', 'alert_cycle_key'])(
    'is told apart by its %s as it was sent',
    async (key) => {
      const fingerprint = `d3640fbd41094207a1c11e58e46b${key.length}662`;
      const alert = { title: 'Keys fail', [key]: fingerprint };
      const answer = await post(key.startsWith('a') ? '/alerts/datadog' : '/alerts/generic', alert);
      expect(answer.body['alerts']).toMatchObject([{ fingerprint }]);
    },
  );

  test('that names an incident nobody has opened opens it under that name, whatever goes on at its service', async () => {
    await post('/alerts/generic', { title: 'Till is slow', fingerprint: 'till-1', service: 'till' });
    const labels = { 'incident.id': 'OPS-7' };
    const named = { title: 'Till fails', fingerprint: 'till-2', service: 'till', labels };
    expect((await post('/alerts/generic', named)).body['alerts']).toMatchObject([
      { effect: 'opened', incident: 'OPS-7' },
    ]);
    const another = { ...named, fingerprint: 'till-3' };
    expect((await post('/alerts/generic', another)).body['alerts']).toMatchObject([
      { effect: 'fed', incident: 'OPS-7' },
    ]);
    expect(await rows('OPS-7', 'alert')).toHaveLength(2);
    const odd = { title: 'Till', fingerprint: 'till-4', labels: { 'incident.id': 'see the page, please' } };
    expect((await post('/alerts/generic', odd)).body['alerts']).toMatchObject([
      { effect: 'opened', incident: expect.stringMatching(/^INC-\d+$/) },
    ]);
  });

  test('that may be of several incidents says so on the record of the one that gets it', async () => {
    for (const [ref, environment] of [
      ['SHELF-1', 'prod'],
      ['SHELF-2', 'staging'],
    ] as const) {
      await bench.record.open('default', ALICE, {
        title: 'Shelf',
        ref,
        services: ['shelf'],
        environments: [environment],
        startedAt: '2026-11-22T09:50:00Z',
      });
    }
    const alert = { title: 'Shelf fails', service: 'shelf', startsAt: '2026-11-22T10:00:00Z' };
    const sure = await post('/alerts/generic', { ...alert, fingerprint: 'shelf-1', environment: 'prod' });
    expect(sure.body['alerts']).toMatchObject([{ effect: 'fed', incident: 'SHELF-1' }]);
    expect((await bench.record.record('default', 'SHELF-1'))?.gaps).toEqual([]);
    const [taken] = (await post('/alerts/generic', { ...alert, fingerprint: 'shelf-2' })).body['alerts'] as {
      incident: string;
    }[];
    const [here, there] = taken?.incident === 'SHELF-1' ? ['SHELF-1', 'SHELF-2'] : ['SHELF-2', 'SHELF-1'];
    expect((await bench.record.record('default', here))?.gaps).toMatchObject([
      { what: expect.stringContaining(`may belong to ${there}: it names no environment`), state: 'open' },
    ]);
    expect((await bench.record.record('default', there))?.gaps).toEqual([]);
    const found = await rows(here, 'alert');
    expect(found.find((row) => row.facts['fingerprint'] === 'shelf-2' || row.link?.score === 0.4)?.link).toMatchObject({
      mode: 'inferred',
      score: 0.4,
    });
  });

  test('that was opened by other words before its incident ended opens another in its environment', async () => {
    const alert = {
      title: 'Depot fails',
      fingerprint: 'depot',
      service: 'depot',
      environment: 'prod',
      startsAt: '2026-11-22T10:00:00Z',
    };
    const [first] = (await post('/alerts/generic', alert)).body['alerts'] as { incident: string }[];
    await bench.record.append('default', first?.incident ?? '', ALICE, {
      type: 'incident.status',
      body: { status: 'declined', reason: 'noise' },
    });
    const [second] = (await post('/alerts/generic', { ...alert, title: 'Depot fails again' })).body['alerts'] as {
      incident: string;
    }[];
    expect(second?.incident).not.toBe(first?.incident);
    expect((await bench.record.summary('default', second?.incident ?? ''))?.environments).toEqual(['prod']);
  });

  test('is ended by a notice that has its key only, also after the incident was resolved, and after a restart', async () => {
    const trigger = {
      routing_key: 'r',
      event_action: 'trigger',
      dedup_key: 'fees/latency',
      payload: {
        summary: 'Fees are slow',
        source: 'web-1',
        component: 'fees',
        severity: 'error',
        timestamp: '2026-11-22T10:00:00Z',
      },
      links: [{ href: 'https://wiki.example/fees' }],
      client_url: 'https://monitor.example/fees',
    };
    const opened = await post('/alerts/pagerduty', trigger);
    const [taken] = opened.body['alerts'] as { incident: string; evidence: string }[];
    const incident = taken?.incident ?? '';
    for (const status of ['active', 'mitigated', 'resolved']) {
      const moved = await bench.record.append('default', incident, ALICE, {
        type: 'incident.status',
        body: { status },
      });
      expect(moved.kind, JSON.stringify(moved)).toBe('appended');
    }
    bench.restartIntake();
    const resolve = { routing_key: 'r', event_action: 'resolve', dedup_key: 'fees/latency' };
    expect((await post('/alerts/pagerduty', resolve)).body['alerts']).toMatchObject([
      { effect: 'updated', incident, evidence: taken?.evidence, status: 'resolved' },
    ]);
    const found = await rows(incident, 'alert');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      summary: 'Resolved: Fees are slow',
      outcome: 'ok',
      service: 'fees',
      facts: { severity: 'sev2', status: 'resolved', externalRef: 'https://monitor.example/fees' },
    });
    expect(found[0]?.endedAtUnixNano).not.toBeNull();
  });

  test('of a service with an incident that goes on feeds it, as does another of its group', async () => {
    await bench.record.open('default', ALICE, { title: 'Orders fail', ref: 'INC-ORDERS', services: ['orders'] });
    const storm = firing('orders', 'fp-2', { startsAt: new Date().toISOString() });
    const both = { ...storm, alerts: [...storm.alerts, { ...storm.alerts[0], fingerprint: 'fp-3' }] };
    expect((await post('/alerts/alertmanager', both)).body['alerts']).toMatchObject([
      { incident: 'INC-ORDERS', effect: 'fed' },
      { incident: 'INC-ORDERS', effect: 'fed' },
    ]);
    expect((await rows('INC-ORDERS', 'alert')).map((row) => row.link?.mode)).toEqual(['inferred', 'inferred']);
    expect((await bench.record.record('default', 'INC-ORDERS'))?.triggers).toHaveLength(2);
  });

  test('that is over, or only says that alerting works, opens nothing', async () => {
    const over = firing('quiet', 'fp-4', { status: 'resolved' });
    expect((await post('/alerts/alertmanager', over)).body['alerts']).toMatchObject([
      { incident: null, effect: 'unfiled' },
    ]);
    const watchdog = { alerts: [{ status: 'firing', labels: { alertname: 'Watchdog' } }] };
    expect((await post('/alerts/alertmanager', watchdog)).body['alerts']).toMatchObject([{ effect: 'unfiled' }]);
  });

  test.each([
    [
      'pagerduty',
      {
        event: {
          event_type: 'incident.triggered',
          occurred_at: '2026-11-22T10:00:00Z',
          data: {
            id: 'PX',
            title: 'DB down',
            urgency: 'high',
            service: { summary: 'db' },
            created_at: '2026-11-22T10:00:00Z',
          },
        },
      },
      { fingerprint: 'PX', service: 'db', severity: 'sev2', status: 'firing', title: 'DB down' },
    ],
    [
      'pagerduty',
      {
        routing_key: 'r',
        event_action: 'resolve',
        dedup_key: 'dk',
        payload: { summary: 'CPU high', source: 'host1', component: 'api', severity: 'error' },
      },
      { fingerprint: 'dk', service: 'api', severity: 'sev2', status: 'resolved' },
    ],
    [
      'datadog',
      {
        id: '1',
        title: '[Triggered] p95 high',
        alert_transition: 'Triggered',
        aggreg_key: 'agg',
        alert_type: 'warning',
        date: 1_763_800_000_000,
        tags: 'env:prod,service:cart',
      },
      { fingerprint: 'agg', service: 'cart', environment: 'prod', severity: 'sev3', startedAt: 1_763_800_000_000 },
    ],
    [
      'grafana',
      { title: 'Legacy', state: 'ok', ruleName: 'cpu', ruleUrl: 'https://grafana.example/d/1' },
      { status: 'resolved', rule: 'cpu', url: 'https://grafana.example/d/1' },
    ],
  ] as const)('of %s is read', (source, payload, expected) => {
    const parsed = parseAlerts(source, payload);
    expect(parsed).toMatchObject({ ok: true, alerts: [expected] });
  });

  test.skipIf(!sharedData.present)('recorded from real systems is read, or refused with a field', () => {
    const lines = readFileSync(sharedData.path('incidents', 'alerts.jsonl'), 'utf8').trim().split('\n');
    let read = 0;
    for (const line of lines) {
      const { payload } = JSON.parse(line) as { payload: Record<string, unknown> };
      const parsed = parseAlerts('generic', payload);
      if (Object.keys(payload).length === 0) {
        expect(parsed).toMatchObject({ ok: false, fields: [{ path: 'body.title' }] });
        continue;
      }
      expect(parsed, line.slice(0, 200)).toMatchObject({ ok: true });
      if (!parsed.ok) continue;
      for (const alert of parsed.alerts) expect(alert.title).not.toBe('');
      read += 1;
    }
    expect(read).toBe(56);
  });
});

describe('a change', () => {
  test('is filed under the incidents of its service, and kept for those opened later', async () => {
    await bench.record.open('default', ALICE, { title: 'Search fails', ref: 'INC-SEARCH', services: ['search'] });
    const at = new Date(Date.now() - 60_000).toISOString();
    const body = { title: 'Deploy', service: 'search', before: '1', after: '2', at, id: 'run-1' };
    const answer = await post('/changes', body);
    expect(answer).toMatchObject({ status: 201, body: { incidents: ['INC-SEARCH'] } });
    await post('/changes', { ...body, title: 'Deploy done' });
    const changes = await rows('INC-SEARCH', 'change');
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({
      summary: 'search: Deploy done (1 to 2)',
      link: { mode: 'inferred', score: 0.8 },
      facts: { before: '1', after: '2' },
    });

    expect((await post('/changes', { ...body, service: 'mail', id: 'run-2' })).body['incidents']).toEqual([]);
    await bench.record.open('default', ALICE, { title: 'Mail fails', ref: 'INC-MAIL', services: ['mail'] });
    await bench.watch.refresh('default', 'INC-MAIL');
    expect((await rows('INC-MAIL', 'change')).map((row) => row.link?.mode)).toEqual(['inferred']);
  });

  test('of version, flag or delivery that telemetry shows is a row with before, after, when and where', async () => {
    const tenant = 'default';
    const start = Date.now() - 20 * 60_000;
    await bench.record.open(tenant, ALICE, {
      title: 'Cart fails',
      ref: 'INC-CART',
      services: ['cart', 'bare'],
      startedAt: new Date(start).toISOString(),
    });
    const span = (minutes: number, version: string, number: number, attributes: object[], flag: string) => ({
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: 'cart' } },
          { key: 'service.version', value: { stringValue: version } },
          { key: 'deployment.environment.name', value: { stringValue: 'prod' } },
        ],
      },
      scopeSpans: [
        {
          spans: [
            {
              traceId: String(number).padStart(32, 'a'),
              spanId: String(number).padStart(16, 'b'),
              name: 'GET /cart',
              kind: 2,
              startTimeUnixNano: String(BigInt(start + minutes * 60_000) * 1_000_000n),
              endTimeUnixNano: String(BigInt(start + minutes * 60_000) * 1_000_000n + 1_000_000n),
              attributes,
              events: [
                {
                  name: 'feature_flag',
                  timeUnixNano: String(BigInt(start + minutes * 60_000) * 1_000_000n),
                  attributes: [
                    { key: 'feature_flag.key', value: { stringValue: 'new-cart' } },
                    { key: 'feature_flag.result.variant', value: { stringValue: flag } },
                  ],
                },
              ],
            },
          ],
        },
      ],
    });
    const run = [
      { key: 'cicd.pipeline.name', value: { stringValue: 'deploy' } },
      { key: 'cicd.pipeline.run.id', value: { stringValue: '77' } },
    ];
    await bench.send(tenant, 'traces', {
      resourceSpans: [span(-10, '1.0', 1, [], 'off'), span(1, '1.1', 2, run, 'off'), span(2, '1.1', 3, [], 'on')],
    });
    await bench.watch.refresh(tenant, 'INC-CART');
    await bench.watch.refresh(tenant, 'INC-CART');
    const found = (await rows('INC-CART', 'change')).map((row) => `${row.summary} ${row.source.spanId}`);
    expect(found.sort()).toEqual([
      'cart in prod: deploy 77 bbbbbbbbbbbbbbb2',
      'cart in prod: flag new-cart from off to on bbbbbbbbbbbbbbb3',
      'cart in prod: version 1.0 to 1.1 bbbbbbbbbbbbbbb2',
    ]);
  });
});

describe('the catalogue', () => {
  test('gives owners and runbooks to an incident, and gaps where it has none', async () => {
    const [ownership] = await rows('INC-CART', 'ownership');
    expect(ownership).toMatchObject({ summary: 'cart is owned by shop, on call: pagerduty: PCART', trust: 'imported' });
    expect((await rows('INC-CART', 'runbook')).map((row) => row.facts['externalRef'])).toEqual([
      'https://wiki.example/runbooks/cart',
    ]);
    const gaps = (await bench.record.record('default', 'INC-CART'))?.gaps.map((gap) => gap.what);
    expect(gaps).toEqual(['Nobody is known to own bare.', 'No runbook is known for bare.']);
  });

  test('is read from CODEOWNERS and plain YAML, and broken parts are counted', () => {
    const owners = parseCatalogue('CODEOWNERS', '# all\n* @all\n/services/cart/ @shop @ops\n/docs/x.md @docs\n');
    expect([...owners.entries.values()].map((entry) => [entry.name, entry.owners])).toEqual([
      ['cart', ['@shop', '@ops']],
    ]);
    const plain = parseCatalogue(
      'services.yaml',
      'services:\n  pay:\n    owner: money\n    on_call: "#pay"\n    runbook: https://wiki.example/pay\n---\n{ broken: [\n',
    );
    expect(plain.unreadable).toBe(1);
    expect(plain.entries.get('pay')).toMatchObject({
      owners: ['money'],
      onCall: '#pay',
      runbooks: [{ title: 'runbook', url: 'https://wiki.example/pay' }],
    });
    const named = parseCatalogue(
      'services.yml',
      'services: [{name: a, oncall: "#a", runbook_url: "https://wiki.example/a"}]',
    );
    expect(named.entries.get('a')).toMatchObject({ onCall: '#a', runbooks: [{ url: 'https://wiki.example/a' }] });
    expect(parseCatalogue('x.yaml', 'services:\n  a: {runbook: "javascript:x"}').entries.get('a')?.runbooks).toEqual(
      [],
    );
  });
});
