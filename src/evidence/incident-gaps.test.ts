import { metrics } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import type { Figures } from '../record/service-signals.ts';
import { createRecordFixture, TENANT } from '../../test/support/record-fixture.ts';
import { createIncidentGaps } from './incident-gaps.ts';

const FINISHED: Figures<never> = { rows: [], query: '' };
const UNFINISHED: Figures<never> = { ...FINISHED, unfinished: 'took too long' };

test('a comparison that finishes by turns has a bounded number of gaps, the last of which stays open', async () => {
  const fixture = await createRecordFixture();
  const gaps = createIncidentGaps({ record: fixture.service, meter: metrics.getMeter('test') });
  const incident = await fixture.service.summary(TENANT, fixture.incidentId);
  if (incident === undefined) throw new Error('the fixture has no incident');
  for (let turn = 0; turn < 30; turn += 1) {
    const comparisons = { metrics: turn % 2 === 0 ? UNFINISHED : FINISHED };
    await gaps.noteUnfinished(TENANT, incident, { comparisons, atUnixNano: BigInt(turn) * 60_000_000_000n });
  }
  const { gaps: all } = await fixture.record();
  expect(all.map((gap) => gap.state)).toEqual([...Array.from({ length: 9 }, () => 'filled'), 'open']);
  expect(all[1]?.what).toBe(
    'Not compared since 1970-01-01T00:02:00Z, though it was before: gauges. The query took too long.',
  );
});
