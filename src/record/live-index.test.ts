import { expect, test } from 'vitest';
import { ALICE, AGENT, createRecordFixture, evidenceRow, TENANT } from '../../test/support/record-fixture.ts';
import type { LinkKeys } from './incident-index.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const NONE: LinkKeys = {
  refs: [],
  traceId: '',
  conversationId: '',
  sessionId: '',
  agent: '',
  service: '',
  environment: '',
  occurredAtUnixNano: 0n,
  namedTraceIds: [],
};

test('an act that names a ref or an id belongs to it explicitly, whatever else binds it', async () => {
  const { service, incidentId } = await createRecordFixture();
  await service.bind(TENANT, 'INC-1', ALICE, { traceId: TRACE });
  for (const ref of ['INC-1', incidentId]) {
    const links = service.index.resolve(TENANT, { ...NONE, refs: [ref], traceId: TRACE });
    expect(links).toEqual([{ incidentId, link: { mode: 'explicit', rule: 'attribute incident.id', score: 1 } }]);
  }
  expect(service.index.resolve('other', { ...NONE, refs: ['INC-1'] })).toEqual([]);
  expect(service.index.resolve(TENANT, { ...NONE, traceId: TRACE })).toMatchObject([{ link: { mode: 'bound' } }]);
  expect(service.index.resolve(TENANT, { ...NONE, namedTraceIds: [TRACE] })).toMatchObject([
    { link: { mode: 'inferred' } },
  ]);
});

test('an agent or service is bound within its window only, and no longer once the incident is over', async () => {
  const { service, did } = await createRecordFixture();
  await service.bind(TENANT, 'INC-1', ALICE, { agent: 'a', from: '2026-11-22T14:00:00Z', to: '2026-11-22T15:00:00Z' });
  await service.bind(TENANT, 'INC-1', ALICE, { service: 's', environment: 'production' });
  const at = (time: string) => BigInt(Date.parse(time)) * 1_000_000n;
  const links = (keys: Partial<LinkKeys>) => service.index.resolve(TENANT, { ...NONE, ...keys }).length;
  expect(links({ agent: 'a', occurredAtUnixNano: at('2026-11-22T14:30:00Z') })).toBe(1);
  expect(links({ agent: 'a', occurredAtUnixNano: at('2026-11-22T13:59:59Z') })).toBe(0);
  expect(links({ agent: 'a', occurredAtUnixNano: at('2026-11-22T15:00:01Z') })).toBe(0);
  const later = { service: 's', environment: 'production', occurredAtUnixNano: at('2026-11-23T00:00:00Z') };
  expect(links(later)).toBe(1);
  expect(links({ ...later, environment: 'staging' })).toBe(0);
  await did(ALICE, 'incident.status', { status: 'cancelled' });
  expect(links(later)).toBe(0);
});

test('opening and binding file what arrived before, before they answer', async () => {
  const { service, evidenceLog } = await createRecordFixture();
  const source = { traceId: TRACE, spanId: '', signal: 'traces', alsoSeenAs: [] } as const;
  await evidenceLog.put([
    evidenceRow({ id: '1'.repeat(32), namedRefs: ['INC-77'], state: 'unfiled', link: null }),
    evidenceRow({ id: '2'.repeat(32), source, state: 'unfiled', link: null }),
  ]);
  const opened = await service.open(TENANT, ALICE, { title: 'x', ref: 'INC-77' });
  expect(opened).toMatchObject({ kind: 'opened', filed: 1 });
  const bound = await service.bind(TENANT, 'INC-77', ALICE, { traceId: TRACE });
  expect(bound).toMatchObject({ kind: 'created', filed: 1 });
  expect(await service.bind(TENANT, 'INC-77', ALICE, { traceId: TRACE })).toMatchObject({ kind: 'existing', seq: 2 });
  expect((await service.record(TENANT, 'INC-77'))?.evidence).toMatchObject({ total: 2, agents: [AGENT.name] });
});

test('a row stored between an opening and its filing is filed by relink', async () => {
  const { service, evidenceLog } = await createRecordFixture();
  const before = service.index.version;
  expect(service.index.resolve(TENANT, { ...NONE, refs: ['INC-9'] })).toEqual([]);
  await service.open(TENANT, ALICE, { title: 'x', ref: 'INC-9' });
  await evidenceLog.put([evidenceRow({ id: '3'.repeat(32), namedRefs: ['INC-9'], state: 'unfiled', link: null })]);
  expect(service.index.version).toBeGreaterThan(before);
  await service.index.relink(before);
  expect((await service.record(TENANT, 'INC-9'))?.evidence.total).toBe(1);
});
