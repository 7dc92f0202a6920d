import { metrics } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/create-api.ts';
import { createOpenIdentity } from '../../src/api/identity.ts';
import { createCatalogueService } from '../../src/evidence/catalogue/catalogue-service.ts';
import type { Actor } from '../../src/record/actor.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';

/** The service catalogue by API, on the real store. */
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const PAYMENTS = `services:
  payments:
    owner: money
    on_call: "#money-on-call"
    runbook: https://wiki.example/payments
`;
let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench({ tenants: ['default', 'other'] });
});

afterAll(async () => {
  await bench?.dispose();
});

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  of = 'default',
) {
  const app = createApi({
    record: bench.record,
    evidence: bench.temporary.store.evidenceLog,
    telemetry: bench.temporary.store.telemetryReader,
    catalogue: bench.catalogue,
    identify: createOpenIdentity(of, (name) => name),
    health: () => ({ ready: true, components: [] }),
    metricsText: async () => '',
    version: 'test',
    logger: createLogger('silent'),
    meter: metrics.getMeter('test'),
    loopbackOnly: false,
  });
  const response = await app.request(`/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...headers },
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as Record<string, unknown> };
}

function give(source: string, fileName: string, text: string) {
  return call('POST', '/catalogue', { source, fileName, text });
}

async function services(): Promise<readonly Record<string, unknown>[]> {
  return (await call('GET', '/catalogue')).body['services'] as Record<string, unknown>[];
}

describe('the catalogue by API', () => {
  test('takes plain YAML, Backstage and CODEOWNERS, and says of each service what all of them say', async () => {
    expect(await give('plain', 'services.yaml', PAYMENTS)).toMatchObject({
      status: 200,
      body: { services: ['payments'] },
    });
    const backstage =
      'kind: Component\nmetadata: {name: payments}\nspec: {owner: group:default/finance}\n---\n{ broken: [';
    expect((await give('backstage', 'catalog-info.yaml', backstage)).body).toEqual({
      services: ['payments'],
      unreadable: 1,
    });
    await give('owners', '.github/CODEOWNERS', '/services/payments/ @money-team\n/services/cart/ @shop\n');
    expect(await services()).toMatchObject([
      { name: 'cart', owners: ['@shop'] },
      {
        name: 'payments',
        owners: ['finance', '@money-team', 'money'],
        onCall: '#money-on-call',
        runbooks: [{ title: 'runbook', url: 'https://wiki.example/payments' }],
      },
    ]);
    const { sources } = (await call('GET', '/catalogue')).body as { sources: { source: string; putBy: string }[] };
    expect(sources.map(({ source, putBy }) => [source, putBy])).toEqual([
      ['backstage', 'anonymous'],
      ['owners', 'anonymous'],
      ['plain', 'anonymous'],
    ]);
  });

  test('gives an incident its owners and runbooks, and gaps where there are none', async () => {
    const opened = await bench.record.open('default', ALICE, { title: 'x', services: ['payments', 'ledger'] });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    await bench.watch.refresh('default', opened.incident.id);
    const { items } = await bench.temporary.store.evidenceLog.page('default', opened.incident.id, {
      kinds: ['ownership', 'runbook'],
      limit: 10,
    });
    expect(items.map((row) => row.summary).sort()).toEqual([
      'Runbook of payments: runbook',
      'payments is owned by finance, @money-team, money, on call: #money-on-call',
    ]);
    const gaps = (await bench.record.record('default', opened.incident.id))?.gaps.map((gap) => gap.what);
    expect(gaps).toEqual(['Nobody is known to own ledger.', 'No runbook is known for ledger.']);
  });

  test('fills the gaps of an incident when it learns the owner and the runbook later, once and by the rows that say so', async () => {
    const onCall = 'services:\n  stock:\n    on_call: "#stock"\n';
    await give('late', 'services.yaml', onCall);
    const opened = await bench.record.open('default', ALICE, { title: 'x', services: ['stock'] });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const incident = opened.incident.id;
    const gaps = async () => (await bench.record.record('default', incident))?.gaps ?? [];
    await bench.watch.refresh('default', incident);
    await bench.watch.refresh('default', incident);
    expect((await gaps()).map((gap) => [gap.what, gap.state])).toEqual([
      ['Nobody is known to own stock.', 'open'],
      ['No runbook is known for stock.', 'open'],
    ]);

    await give('late', 'services.yaml', `${onCall}    owner: warehouse\n`);
    await bench.watch.refresh('default', incident);
    expect((await gaps()).map((gap) => gap.state)).toEqual(['filled', 'open']);

    await give('late', 'services.yaml', `${onCall}    owner: warehouse\n    runbook: https://wiki.example/stock\n`);
    await bench.watch.refresh('default', incident);
    await bench.watch.refresh('default', incident);
    const { items } = await bench.temporary.store.evidenceLog.page('default', incident, { limit: 10 });
    const idOf = (kind: string) => items.filter((row) => row.kind === kind).map((row) => row.id);
    expect(
      (await gaps()).map(({ state, closed }) => [state, closed?.by.name, closed?.reason, closed?.evidence]),
    ).toEqual([
      ['filled', 'docket', 'stock is owned by warehouse, on call: #stock', idOf('ownership')],
      ['filled', 'docket', 'Runbook of stock: runbook', idOf('runbook')],
    ]);
    expect(items.find((row) => row.kind === 'ownership')?.facts['owners']).toEqual(['warehouse']);
    expect((await call('DELETE', '/catalogue/late')).status).toBe(204);
  });

  test('tells an incident that goes on of another owner, another runbook, and of what it no longer has', async () => {
    const entry = (owner: string, runbook: string) =>
      give(
        'moving',
        'services.yaml',
        `services:\n  billing:\n    owner: ${owner}\n    runbook: https://wiki.example/${runbook}\n`,
      );
    await entry('money', 'old');
    const opened = await bench.record.open('default', ALICE, { title: 'x', services: ['billing'] });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const rows = async () => {
      const request = { kinds: ['ownership', 'runbook'], limit: 10 } as const;
      const { items } = await bench.temporary.store.evidenceLog.page('default', opened.incident.id, request);
      return items.map((row) => `${row.summary} ${String(row.facts['externalRef'] ?? '')}`).sort();
    };
    await bench.watch.refresh('default', opened.incident.id);
    await entry('treasury', 'new');
    await bench.watch.refresh('default', opened.incident.id);
    await bench.watch.refresh('default', opened.incident.id);
    expect(await rows()).toEqual([
      'No longer in the catalogue: Runbook of billing: runbook https://wiki.example/old',
      'Runbook of billing: runbook https://wiki.example/new',
      'billing is owned by treasury ',
    ]);
    await entry('treasury', 'old');
    await bench.watch.refresh('default', opened.incident.id);
    expect((await rows()).filter((row) => row.startsWith('Runbook'))).toEqual([
      'Runbook of billing: runbook https://wiki.example/old',
    ]);
    expect((await call('DELETE', '/catalogue/moving')).status).toBe(204);
  });

  test('leaves a gap that a person accepted as it is', async () => {
    const opened = await bench.record.open('default', ALICE, { title: 'x', services: ['depot'] });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    const incident = opened.incident.id;
    await bench.watch.refresh('default', incident);
    const gap = (await bench.record.record('default', incident))?.gaps[0]?.id ?? '';
    await bench.record.append('default', incident, ALICE, {
      type: 'gap.accept',
      body: { gap, reason: 'It is retired.' },
    });
    await give('late', 'services.yaml', 'services:\n  depot:\n    owner: warehouse\n');
    await bench.watch.refresh('default', incident);
    expect((await bench.record.record('default', incident))?.gaps[0]).toMatchObject({
      state: 'accepted',
      closed: { reason: 'It is retired.' },
    });
    expect((await call('DELETE', '/catalogue/late')).status).toBe(204);
  });

  test('takes a document under a known name in the place of the one before, and forgets one that is removed', async () => {
    await give('plain', 'services.yaml', PAYMENTS.replace('money', 'treasury'));
    expect((await services())[1]?.['owners']).toEqual(['finance', '@money-team', 'treasury']);
    expect((await call('DELETE', '/catalogue/owners')).status).toBe(204);
    expect((await services()).map((each) => each['name'])).toEqual(['payments']);
    expect((await call('DELETE', '/catalogue/owners')).status).toBe(404);
  });

  test('is the same after a restart', async () => {
    const again = createCatalogueService({
      store: bench.temporary.store.catalogueStore,
      scrub: (text) => text,
      logger: createLogger('silent'),
      pollMilliseconds: 0,
    });
    await again.start();
    expect(again.services('default')).toEqual(bench.catalogue.services('default'));
    expect(again.sources('default').map(({ source }) => source)).toEqual(['backstage', 'plain']);
  });

  test('is of its tenant alone', async () => {
    expect((await call('GET', '/catalogue', undefined, {}, 'other')).body).toEqual({ sources: [], services: [] });
    const opened = await bench.record.open('other', ALICE, { title: 'x', services: ['payments'] });
    if (opened.kind !== 'opened') throw new Error(opened.kind);
    await bench.watch.refresh('other', opened.incident.id);
    expect((await bench.record.record('other', opened.incident.id))?.gaps).toEqual([]);
  });

  test('keeps no credential that a document holds', async () => {
    const token = `ghp_${'Lm4Xp9Qz2K'.repeat(3)}t7R1v5`;
    await give('leaky', 'services.yaml', `services:\n  leaky:\n    owner: a\n    description: use ${token}\n`);
    expect(JSON.stringify(await services())).not.toContain(token);
    const stored = await bench.temporary.store.query<{ entries: string }>(
      'SELECT entries FROM catalogue_sources LIMIT 100',
    );
    expect(JSON.stringify(stored)).toContain('[redacted:');
    expect(JSON.stringify(stored)).not.toContain(token);
  });

  test.each([
    ['no service in it', { source: 'a', fileName: 'x.yaml', text: 'kind: Group\n' }, 422],
    ['no YAML', { source: 'a', fileName: 'x.yaml', text: '{ broken: [' }, 422],
    ['too many aliases', { source: 'a', fileName: 'x.yaml', text: bomb() }, 422],
    ['a name that is none', { source: 'a b', fileName: 'x.yaml', text: PAYMENTS }, 422],
    ['fields that are not known', { source: 'a', fileName: 'x.yaml', text: PAYMENTS, url: 'x' }, 422],
    ['no text', { source: 'a', fileName: 'x.yaml' }, 422],
  ])('refuses a document with %s', async (_what, body, status) => {
    expect((await call('POST', '/catalogue', body)).status).toBe(status);
  });

  test('takes nothing from agents', async () => {
    const agent = { 'x-docket-actor-kind': 'agent' };
    const body = { source: 'a', fileName: 'services.yaml', text: PAYMENTS };
    expect((await call('POST', '/catalogue', body, agent)).body).toMatchObject({ code: 'catalogue.not_allowed' });
    expect((await call('DELETE', '/catalogue/plain', undefined, agent)).status).toBe(403);
  });
});

/** Nine levels of nine references each. */
function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, at) =>
    at === 0 ? 'a0: &a0 [x]' : `a${at}: &a${at} [${Array.from({ length: 9 }, () => `*a${at - 1}`).join(', ')}]`,
  );
  return `${levels.join('\n')}\nservices: *a8\n`;
}
