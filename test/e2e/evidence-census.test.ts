import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCensusReader } from '../../src/record/evidence-census.ts';
import { observeEvidence } from '../../src/record/evidence-version.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { evidenceRow, TENANT } from '../support/record-fixture.ts';
import { openTemporaryStore, type TemporaryStore } from '../support/temporary-store.ts';

let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await openTemporaryStore();
});

afterAll(async () => {
  await temporary.dispose();
});

let incidents = 0;

const row = fc.record({
  id: fc.integer({ min: 0, max: 60 }),
  kind: fc.constantFrom('tool_call' as const, 'change' as const, 'note' as const),
  agent: fc.constantFrom('sre-agent', 'db-agent', null),
  minute: fc.integer({ min: 0, max: 40 }),
  received: fc.integer({ min: 0, max: 5 }),
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('put' as const), rows: fc.array(row, { minLength: 1, maxLength: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('link' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('file' as const), id: fc.integer({ min: 100, max: 110 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), id: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const) }) },
);

function idOf(incident: string, id: number): string {
  return `${incident}-${id}`;
}

function made(
  incident: string,
  filed: boolean,
  { id, kind, agent, minute, received }: typeof row extends fc.Arbitrary<infer T> ? T : never,
): EvidenceRow {
  return evidenceRow({
    tenant: TENANT,
    incident: filed ? incident : '',
    state: filed ? 'linked' : 'unfiled',
    id: idOf(incident, id),
    kind,
    actor: agent === null ? { kind: 'human', name: 'alice', id: null } : { kind: 'agent', name: agent, id: null },
    occurredAtUnixNano: 1_795_000_000_000_000_000n + BigInt(minute) * 60_000_000_000n,
    // A row that comes again is another version of it; the store keeps either of two received at one moment.
    receivedAtUnixNano: 1_795_000_000_000_000_000n + BigInt(received * 1_000_000 + minute * 1_000 + id),
    summary: `row ${id} of minute ${minute}`,
    namedRefs: filed ? [] : [incident],
  });
}

test('the census kept up in memory says what the store says, whatever is written, filed and removed meanwhile', async () => {
  const { store } = temporary;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      incidents += 1;
      const incident = `census-${incidents}`;
      const observed = observeEvidence(store.evidenceLog);
      const kept = createCensusReader({
        evidenceLog: observed.log,
        queries: store.evidenceQueries,
        versions: observed.versions,
      });
      const asked = createCensusReader({ evidenceLog: store.evidenceLog });
      const removed = new Set<string>();
      await observed.log.put(
        [100, 103, 106, 109].map((id) =>
          made(incident, false, { id, kind: 'note', agent: null, minute: 1, received: 0 }),
        ),
      );
      const reads: Promise<unknown>[] = [kept.read(TENANT, incident)];
      for (const each of steps) {
        if (each.do === 'put') {
          const rows = each.rows.map((one) => made(incident, true, one)).filter(({ id }) => !removed.has(id));
          // A statement keeps the last of two rows with one id; the linker never sends two.
          await observed.log.put([...new Map(rows.map((one) => [one.id, one])).values()]);
        } else if (each.do === 'link') {
          await observed.log.link(
            TENANT,
            incident,
            { kind: 'ref', refs: [incident] },
            { mode: 'explicit', rule: 'r', score: 1 },
          );
        } else if (each.do === 'file') {
          await observed.log.file(TENANT, incident, [idOf(incident, each.id)], { mode: 'manual', rule: 'r', score: 1 });
        } else if (each.do === 'remove') {
          removed.add(idOf(incident, each.id));
          await observed.log.remove(TENANT, [idOf(incident, each.id)]);
        } else {
          // Not waited for: rows are written while the store is asked.
          reads.push(kept.read(TENANT, incident));
          continue;
        }
        if (reads.length % 2 === 0) {
          expect(await kept.read(TENANT, incident)).toEqual(await asked.read(TENANT, incident));
        }
      }
      await Promise.all(reads);
      expect(await kept.read(TENANT, incident)).toEqual(await asked.read(TENANT, incident));
    }),
    { numRuns: 25 },
  );
});

test('a row that is written shows in the census without asking the store again', async () => {
  const { store } = temporary;
  const observed = observeEvidence(store.evidenceLog);
  let questions = 0;
  const counting = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, key) {
        const method: unknown = Reflect.get(of, key);
        if (typeof method !== 'function') return method;
        return (...request: unknown[]) => {
          questions += 1;
          return Reflect.apply(method, of, request) as unknown;
        };
      },
    });
  const kept = createCensusReader({
    evidenceLog: counting(store.evidenceLog),
    queries: counting(store.evidenceQueries),
    versions: observed.versions,
  });
  const incident = 'census-questions';
  await observed.log.put([made(incident, true, { id: 1, kind: 'note', agent: null, minute: 1, received: 0 })]);
  expect((await kept.read(TENANT, incident)).total).toBe(1);
  const before = questions;
  await observed.log.put([made(incident, true, { id: 2, kind: 'change', agent: 'db-agent', minute: 2, received: 0 })]);
  expect(await kept.read(TENANT, incident)).toMatchObject({
    total: 2,
    counts: { note: 1, change: 1 },
    agents: ['db-agent'],
  });
  expect(questions).toBe(before);
});
