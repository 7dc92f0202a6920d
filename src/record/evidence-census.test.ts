import { expect, test } from 'vitest';
import { createMemoryEvidenceLog } from '../../test/support/memory-evidence-log.ts';
import { createRecordFixture } from '../../test/support/record-fixture.ts';
import { createCensusReader } from './evidence-census.ts';
import type { EvidenceQueries } from './evidence-queries.ts';
import { observeEvidence } from './evidence-version.ts';
import type { EvidenceRow } from './evidence.ts';

test('an incident that outgrows what is counted in memory is counted by the store again', async () => {
  const stored = createMemoryEvidenceLog();
  const { log, versions } = observeEvidence(stored);
  let asked = 0;
  const queries: Pick<EvidenceQueries, 'outlines'> = {
    outlines(tenant, incidentId, max) {
      asked += 1;
      const rows = [...stored.rows.values()].filter((row) => row.tenant === tenant && row.incident === incidentId);
      const outlines = rows.map(({ id, kind, receivedAtUnixNano }) => ({ id, kind, receivedAtUnixNano, agent: null }));
      return Promise.resolve(outlines.length > max ? undefined : outlines);
    },
  };
  const never = () => Promise.reject(new Error('not asked for here'));
  const census = createCensusReader({
    evidenceLog: log,
    queries: { ...queries, mutatingCalls: never, queryAim: never },
    versions,
    countedRowsMax: 3,
  });
  const rowOf = await templateOf();
  const total = async (): Promise<number> => (await census.read('default', 'inc-1')).total;
  await log.put([rowOf(1)]);
  expect(await total()).toBe(1);
  await log.put([rowOf(2), rowOf(3)]);
  expect(await total()).toBe(3);
  expect(asked).toBe(1);
  await log.put([rowOf(4)]);
  expect(await total()).toBe(4);
  // Nothing is held for it any more that could grow, and its rows are not asked for again only to be too many.
  await log.put([rowOf(5)]);
  expect(await total()).toBe(5);
  expect(asked).toBe(1);
});

test('the rows of an incident that has too many of them are asked for once', async () => {
  const stored = createMemoryEvidenceLog();
  const { log, versions } = observeEvidence(stored);
  let asked = 0;
  const never = () => Promise.reject(new Error('not asked for here'));
  const census = createCensusReader({
    evidenceLog: log,
    queries: {
      outlines() {
        asked += 1;
        return Promise.resolve(undefined);
      },
      mutatingCalls: never,
      queryAim: never,
    },
    versions,
  });
  const rowOf = await templateOf();
  await log.put([rowOf(1)]);
  for (let reads = 0; reads < 3; reads += 1) expect((await census.read('default', 'inc-1')).total).toBe(1);
  expect(asked).toBe(1);
});

/** Rows like the fixture's, under `inc-1`. */
async function templateOf(): Promise<(number: number) => EvidenceRow> {
  const fixture = await createRecordFixture();
  const id = await fixture.evidence();
  const row = [...fixture.evidenceLog.rows.values()].find((each) => each.id === id);
  if (row === undefined) throw new Error('the fixture has no row');
  return (number) => ({ ...row, id: `row-${number}`, incident: 'inc-1' });
}
