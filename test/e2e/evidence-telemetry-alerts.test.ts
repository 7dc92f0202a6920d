import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import type { IncidentSummary } from '../../src/record/incident-record.ts';
import { logsOf, type LogSketch } from '../support/linker-harness.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';

const TENANT = 'default';
const HOUR = 3_600_000;
let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

/** An alert as a log record of the monitoring system, about `service`, begun `ago` milliseconds before now. */
async function send(service: string, attributes: LogSketch['attributes'] = {}, more: LogSketch = {}, ago = 0) {
  const record = logsOf({
    service: 'alertmanager',
    severity: 17,
    body: `${service} fails`,
    eventName: 'alert.firing',
    ...more,
    attributes: { 'alert.rule_name': 'many errors', 'service.name': service, ...attributes },
  });
  const at = String(BigInt(Date.now() - ago) * 1_000_000n);
  await bench.send(
    TENANT,
    'logs',
    JSON.parse(JSON.stringify(record).replace(/"timeUnixNano":"[^"]*"/g, `"timeUnixNano":"${at}"`)) as object,
  );
}

async function incidentsOf(service: string): Promise<readonly IncidentSummary[]> {
  return (await bench.record.list(TENANT, { service, limit: 10 })).items;
}

async function alertsOf(incident: string): Promise<readonly EvidenceRow[]> {
  return (await bench.temporary.store.evidenceLog.page(TENANT, incident, { kinds: ['alert'], limit: 10 })).items;
}

async function unfiledOf(service: string): Promise<readonly EvidenceRow[]> {
  return (await bench.temporary.store.evidenceLog.unfiled(TENANT, { kinds: ['alert'], service, limit: 10 })).items;
}

describe('an alert that comes as a log record', () => {
  test('opens an incident, once, and its end changes its row', async () => {
    const event = { 'alert.event_id': 'ev-1', 'alert.severity': 'critical', 'deployment.environment.name': 'prod' };
    await send('checkout', event);
    const [incident, ...others] = await incidentsOf('checkout');
    expect(others).toEqual([]);
    expect(incident).toMatchObject({ title: 'many errors checkout', severity: 'sev1', environments: ['prod'] });
    const found = await bench.record.record(TENANT, incident?.id ?? '');
    expect(found?.triggers).toMatchObject([{ source: 'alert', rule: 'many errors', fingerprint: 'ev-1' }]);
    const [firing] = await alertsOf(incident?.id ?? '');
    expect(firing).toMatchObject({
      service: 'checkout',
      actor: { kind: 'service', name: 'alertmanager' },
      outcome: 'error',
      link: { mode: 'bound', rule: 'alert fingerprint ev-1' },
    });
    expect(await unfiledOf('checkout')).toEqual([]);

    await send('checkout', event, { body: 'checkout still fails' });
    await send('checkout', event, { body: 'checkout works', eventName: 'alert.resolved' });
    expect(await incidentsOf('checkout')).toHaveLength(1);
    const rows = await alertsOf(incident?.id ?? '');
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ id: firing?.id, outcome: 'ok', occurredAtUnixNano: firing?.occurredAtUnixNano });
  });

  test('is known again after a restart, and by webhook too', async () => {
    await send('search', { 'alert.event_id': 'ev-2' });
    const [incident] = await incidentsOf('search');
    bench.restartLinker();
    await send('search', { 'alert.event_id': 'ev-2' }, { eventName: 'alert.resolved' });
    expect(await incidentsOf('search')).toHaveLength(1);
    expect((await alertsOf(incident?.id ?? '')).map((row) => row.outcome)).toEqual(['ok']);
    const payload = { title: 'search fails', fingerprint: 'ev-2', service: 'search', status: 'firing' };
    const actor = { kind: 'service', name: 'monitor', id: null } as const;
    const taken = await bench.intake.alerts(TENANT, actor, 'generic', payload);
    expect(taken).toMatchObject({ kind: 'taken', alerts: [{ incident: incident?.ref, effect: 'updated' }] });
  });

  test('feeds the incident that goes on at its service', async () => {
    const opened = await bench.record.open(
      TENANT,
      { kind: 'human', name: 'alice', id: null },
      { title: 'cart is slow', services: ['cart'] },
    );
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    await send('cart', { 'alert.event_id': 'ev-3' });
    expect(await incidentsOf('cart')).toHaveLength(1);
    const [row] = await alertsOf(opened.incident.id);
    expect(row?.link).toMatchObject({ mode: 'inferred', score: 0.8 });
    expect((await bench.record.record(TENANT, opened.incident.id))?.triggers).toHaveLength(1);
  });

  test('has what is beyond the bounds of a record cut or left out', async () => {
    await send(
      'bounds',
      { 'alert.url': 'https://alerts.example/\u0001' },
      { resource: { 'deployment.environment.name': 'e'.repeat(5_000) } },
    );
    const [incident] = await incidentsOf('bounds');
    expect(incident?.environments[0]).toMatch(/^e{199}…$/);
    const found = await bench.record.record(TENANT, incident?.id ?? '');
    expect(found?.triggers).toMatchObject([{ externalRef: null }]);
  });

  test('that the rules of the record refuse is a row and holds nothing up', async () => {
    const actor = { kind: 'human', name: 'alice', id: null } as const;
    const opened = await bench.record.open(TENANT, actor, { title: 'refuses', ref: 'INC-REFUSES' });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    // A time before there was telemetry.
    await send('refused', { 'incident.id': 'INC-REFUSES' }, {}, Date.now() - HOUR);
    expect(await alertsOf(opened.incident.id)).toHaveLength(1);
    expect((await bench.record.record(TENANT, opened.incident.id))?.triggers).toEqual([]);
    // What comes after it is taken as ever.
    await send('not refused', {});
    expect(await incidentsOf('not refused')).toHaveLength(1);
  });

  test('feeds the incident that it names', async () => {
    const actor = { kind: 'human', name: 'alice', id: null } as const;
    await bench.record.open(TENANT, actor, { title: 'named', ref: 'INC-NAMED' });
    await send('mail', { 'alert.event_id': 'ev-4', 'incident.id': 'INC-NAMED' });
    expect(await incidentsOf('mail')).toEqual([]);
    const [row, ...others] = await alertsOf((await bench.record.summary(TENANT, 'INC-NAMED'))?.id ?? '');
    expect(others).toEqual([]);
    expect(row?.link).toMatchObject({ mode: 'explicit' });
  });

  test('opens nothing when it names an incident that nobody opened: it waits for it', async () => {
    await send('queue', { 'alert.event_id': 'ev-5', 'incident.id': 'INC-YET' });
    expect(await incidentsOf('queue')).toEqual([]);
    expect(await unfiledOf('queue')).toHaveLength(1);
    const actor = { kind: 'human', name: 'alice', id: null } as const;
    await bench.record.open(TENANT, actor, { title: 'opened later', ref: 'INC-YET' });
    expect(await alertsOf((await bench.record.summary(TENANT, 'INC-YET'))?.id ?? '')).toHaveLength(1);
  });

  test.each([
    ['is over', 'orders-a', { eventName: 'alert.resolved' }, 0, {}],
    ['only says that alerting works', 'orders-b', {}, 0, { 'alert.rule_name': 'Watchdog' }],
    ['is from the past, as in a replay', 'orders-c', {}, 2 * HOUR, {}],
  ])('opens nothing when it %s', async (_what, service, more, ago, attributes) => {
    await send(service, { 'alert.event_id': service, ...attributes }, more, ago);
    expect(await incidentsOf(service)).toEqual([]);
    expect(await unfiledOf(service)).toHaveLength(1);
  });

  test('without a service of its own is not about the system that sends it', async () => {
    const record = logsOf({
      service: 'alertmanager',
      eventName: 'alert.firing',
      body: 'disk full',
      attributes: { 'alert.rule_name': 'disk', 'alert.entity_name': 'node-7' },
    });
    const now = `"timeUnixNano":"${BigInt(Date.now()) * 1_000_000n}"`;
    await bench.send(
      TENANT,
      'logs',
      JSON.parse(JSON.stringify(record).replace(/"timeUnixNano":"[^"]*"/g, now)) as object,
    );
    const { items } = await bench.record.list(TENANT, { limit: 50 });
    expect(items.find((each) => each.title === 'disk node-7')).toMatchObject({ services: [], severity: 'sev4' });
  });
});
