import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMemoryEvidenceLog } from '../../../test/support/memory-evidence-log.ts';
import { ALICE, createRecordFixture, START, TENANT } from '../../../test/support/record-fixture.ts';
import type { EvidenceLog } from '../../record/evidence-log.ts';
import { createKeyedTurns } from '../../record/keyed-turns.ts';
import type { ChangeFigures, SeenChange, SignalScope } from '../../record/service-signals.ts';
import { createChangeIntake } from './change-intake.ts';
import type { ChangeReport } from './change-row.ts';
import { createChangeRows } from './change-rows.ts';

const AT = BigInt(START) * 1_000_000n;
const MINUTE = 60_000_000_000n;

const SEEN: SeenChange = {
  kind: 'version',
  service: 'checkout',
  environment: 'production',
  subject: 'service.version',
  before: '1.0.0',
  after: '1.1.0',
  firstSeenUnixNano: AT,
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  signal: 'traces',
  sight: 1,
  attributes: {},
};
const FIGURES: ChangeFigures = {
  version: { rows: [SEEN], query: 'SELECT 1' },
  feature_flag: { rows: [], query: '' },
  delivery: { rows: [], query: '' },
};
const SCOPE: SignalScope = {
  tenant: TENANT,
  services: ['checkout'],
  environments: ['production'],
  baselineFromUnixNano: AT - 60n * MINUTE,
  fromUnixNano: AT - 10n * MINUTE,
  toUnixNano: AT + 10n * MINUTE,
  asOfUnixNano: AT + 10n * MINUTE,
};
const REPORT: ChangeReport = {
  kind: 'deploy',
  title: 'Roll out',
  service: 'checkout',
  environment: 'production',
  before: '1.0.0',
  after: '1.1.0',
  atUnixNano: AT - MINUTE,
  by: 'bob',
  url: '',
  id: '',
  incident: '',
};

test('a change that is reported between looking for reports and writing what telemetry shows is one row of both', async () => {
  const { service: record, incidentId } = await createRecordFixture();
  const evidenceLog = createMemoryEvidenceLog();
  let letGo = (): void => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  /** Reports were looked for, and what was found is not written yet. */
  const slow: EvidenceLog = {
    ...evidenceLog,
    async page(...asked) {
      const found = await evidenceLog.page(...asked);
      await held;
      return found;
    },
  };
  const turns = createKeyedTurns();
  const signals = { changes: async () => FIGURES };
  const rows = createChangeRows({ signals, evidenceLog: slow, index: record.index, turns });
  const intake = createChangeIntake({ evidenceLog, record, turns });

  const looked = rows.write(SCOPE, incidentId, ['checkout']);
  for (let at = 0; at < 10; at += 1) await turn();
  const stored = intake.store(TENANT, REPORT, ALICE, AT);
  for (let at = 0; at < 10; at += 1) await turn();
  letGo();
  await looked;
  expect((await stored).incidents).toEqual([incidentId]);

  const { items } = await evidenceLog.page(TENANT, incidentId, { kinds: ['change'], limit: 10 });
  expect(items).toHaveLength(1);
  expect(items[0]?.summary).toContain('reported as "Roll out" by');
  expect(items[0]?.source.traceId).toBe(SEEN.traceId);
});
