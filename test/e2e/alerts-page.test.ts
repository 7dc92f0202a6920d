import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { parseCatalogue } from '../../src/evidence/catalogue/parse-catalogue.ts';

/** The examples of docs/alerts.md, as they stand there. */
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'alerts.md'), 'utf8');
const REPORTER = { kind: 'service', name: 'monitor', id: null } as const;

let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

/** The example under a heading. */
function example(heading: string, language: string): string {
  const section = page.slice(page.indexOf(`# ${heading}\n`));
  const found = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1];
  if (found === undefined) throw new Error(`docs/alerts.md has no ${language} example under ${heading}`);
  return found;
}

test('the generic example opens an incident, and ends with the same fingerprint', async () => {
  const alert = JSON.parse(example('Anything else', 'json')) as object;
  const taken = await bench.intake.alerts('default', REPORTER, 'generic', alert);
  expect(taken).toMatchObject({ kind: 'taken', alerts: [{ effect: 'opened', fingerprint: 'checkout-5xx' }] });
  const { items } = await bench.record.list('default', { service: 'checkout', limit: 10 });
  expect(items).toMatchObject([{ title: 'Checkout answers 500', severity: 'sev1', environments: ['prod'] }]);
  const over = await bench.intake.alerts('default', REPORTER, 'generic', { ...alert, status: 'resolved' });
  expect(over).toMatchObject({ kind: 'taken', alerts: [{ effect: 'updated', status: 'resolved' }] });
});

test('the Datadog example has what the page says, as Datadog fills it in', async () => {
  const values: Record<string, string> = {
    ALERT_ID: '1234',
    ALERT_SCOPE: 'service:cart,env:prod',
    ALERT_TRANSITION: 'Triggered',
    ALERT_PRIORITY: 'P2',
    ALERT_TYPE: 'error',
    EVENT_TITLE: '[P2] [Triggered on {service:cart,env:prod}] Cart is slow',
    TEXT_ONLY_MSG: 'p95 is 3 s',
    DATE: '1795341600000',
    LINK: 'https://app.datadoghq.com/monitors/1234',
    TAGS: 'env:prod,monitor,service:cart',
  };
  const text = example('Datadog', 'json').replaceAll(/\$([A-Z_]+)/g, (_, name: string) => values[name] ?? '?');
  expect(text).not.toContain('?');
  const taken = await bench.intake.alerts('default', REPORTER, 'datadog', JSON.parse(text));
  expect(taken).toMatchObject({
    kind: 'taken',
    alerts: [{ effect: 'opened', fingerprint: '1234 service:cart,env:prod' }],
  });
  const { items } = await bench.record.list('default', { service: 'cart', limit: 10 });
  expect(items).toMatchObject([
    {
      title: 'Cart is slow on {service:cart,env:prod}',
      severity: 'sev2',
      environments: ['prod'],
      startedAt: '2026-11-22T10:00:00Z',
    },
  ]);
});

test('the change is taken', async () => {
  const change = JSON.parse(example('Changes', 'json')) as object;
  expect(await bench.intake.change('default', REPORTER, change)).toMatchObject({ kind: 'taken' });
});

test('the plain catalogue is read whole', () => {
  const { entries, unreadable } = parseCatalogue('services.yaml', example('The service catalogue', 'yaml'));
  expect(unreadable).toBe(0);
  expect(entries.get('checkout')).toMatchObject({
    owners: ['shop'],
    onCall: '#shop-on-call',
    dependsOn: ['payments', 'redis'],
    runbooks: [{ title: 'Checkout answers 5xx', url: 'https://wiki.example/runbooks/checkout-5xx' }],
  });
});
