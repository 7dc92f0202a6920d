import { metrics } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { ALICE, createRecordFixture, START, TENANT } from '../../test/support/record-fixture.ts';
import { createKeyedTurns } from '../record/keyed-turns.ts';
import { createWebhookIntake } from './webhook-intake.ts';

/** `aheadMs`: by how much the clock of the intake is ahead of the record's. */
async function intakeOfAlerts(aheadMs = 0) {
  const { service: record, evidenceLog, now } = await createRecordFixture();
  const intake = createWebhookIntake({
    evidenceLog,
    record,
    scrub: (text) => text,
    changeTurns: createKeyedTurns(),
    meter: metrics.getMeter('test'),
    clock: () => now().getTime() + aheadMs,
  });
  return {
    record,
    evidenceLog,
    async take(alert: object) {
      const taken = await intake.alerts(TENANT, ALICE, 'generic', alert);
      if (taken.kind !== 'taken') throw new Error(JSON.stringify(taken));
      const [only] = taken.alerts;
      if (only === undefined) throw new Error('no alert');
      return only;
    },
  };
}

const ALERT = { title: 'Pool is empty', fingerprint: 'f1', service: 'pool', environment: 'staging' };

test.each([
  ['a description that is cut within a surrogate pair', { description: `${'x'.repeat(3_999)}😀 and on` }],
  ['half a surrogate pair in a description', { description: 'x\ud800y' }],
  ['half a surrogate pair in a link', { url: 'https://x.example/\ud800' }],
  ['half a surrogate pair in a label', { labels: { 'k\udc00': 'v\ud800' } }],
])('an alert with %s is taken', async (_, more) => {
  const { take, evidenceLog } = await intakeOfAlerts();
  const { evidence, effect } = await take({ ...ALERT, ...more });
  expect(effect).toBe('opened');
  const row = [...evidenceLog.rows.values()].find(({ id }) => id === evidence);
  expect(JSON.stringify(row, (_key, value: unknown) => (typeof value === 'bigint' ? '' : value))).not.toMatch(
    /\\ud[89a-f]/,
  );
});

test('an alert that fires again in other words after its incident ended opens another one of the same environment', async () => {
  const { take, record } = await intakeOfAlerts();
  const startsAt = new Date(START - 60_000).toISOString();
  const first = await take({ ...ALERT, startsAt });
  await record.append(TENANT, first.incident ?? '', ALICE, {
    type: 'incident.status',
    body: { status: 'declined', reason: 'Noise' },
  });
  const again = await take({ ...ALERT, startsAt, title: 'Pool is empty again' });
  expect(again).toMatchObject({ effect: 'opened' });
  expect(again.incident).not.toBe(first.incident);
  expect((await record.summary(TENANT, again.incident ?? ''))?.environments).toEqual(['staging']);
});

test('an alert that the rules of the record refuse is kept without an incident, and its sender has no reason to send it again', async () => {
  const { take, evidenceLog } = await intakeOfAlerts(3_600_000);
  const taken = await take({ ...ALERT, startsAt: new Date(START + 3_000_000).toISOString() });
  expect(taken).toMatchObject({ effect: 'unfiled', incident: null });
  const { items } = await evidenceLog.unfiled(TENANT, { kinds: ['alert'], limit: 10 });
  expect(items.map(({ id }) => id)).toEqual([taken.evidence]);
});
