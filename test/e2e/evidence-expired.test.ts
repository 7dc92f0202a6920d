import { metrics } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIncidentWatch } from '../../src/evidence/incident-watch.ts';
import type { Actor } from '../../src/record/actor.ts';
import { createKeyedTurns } from '../../src/record/keyed-turns.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { attribute } from '../support/otlp-json.ts';

/** An incident that goes on for longer than telemetry is kept. */
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const MINUTE = 60_000;
const NOW = Date.now();
const START = NOW - 10 * MINUTE;
let bench: IncidentBench;
let now = NOW;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

function watch(retentionSeconds: number) {
  const { signalReader, evidenceLog } = bench.temporary.store;
  return createIncidentWatch({
    changeTurns: createKeyedTurns(),
    signals: signalReader,
    evidenceLog,
    record: bench.record,
    tenants: ['default'],
    pollMilliseconds: 0,
    retentionSeconds,
    meter: metrics.getMeter('test'),
    logger: createLogger('silent'),
    clock: () => now,
  });
}

/** A request a ten seconds over [from, to). */
async function requests(from: number, to: number, failed: boolean): Promise<void> {
  const spans = Array.from({ length: Math.floor((to - from) / 10_000) }, (_, index) => ({
    traceId: `${from}${index}`.padStart(32, 'a'),
    spanId: `${index}`.padStart(16, 'b'),
    name: 'POST /pay',
    kind: 2,
    startTimeUnixNano: String(BigInt(from + index * 10_000) * 1_000_000n),
    endTimeUnixNano: String(BigInt(from + index * 10_000 + 20) * 1_000_000n),
    ...(failed ? { status: { code: 2 } } : {}),
  }));
  const resource = { attributes: [attribute('service.name', 'checkout')] };
  await bench.send('default', 'traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
}

test('what its services showed stays as it was told, with query and trace, when the telemetry is gone', async () => {
  await requests(NOW - 60 * MINUTE, START, false);
  await requests(START, NOW - MINUTE, true);
  const startedAt = new Date(START).toISOString();
  const opened = await bench.record.open('default', ALICE, { title: 'x', services: ['checkout'], startedAt });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  const { id } = opened.incident;
  const rows = async () => (await bench.temporary.store.evidenceLog.page('default', id, { limit: 100 })).items;
  now = Date.now();
  await watch(2 * 3_600).refresh('default', id);
  const told = await rows();
  const failing = told.find((row) => row.summary.startsWith('checkout POST /pay: 100 % of'));
  expect(failing?.content['query']?.value).toContain('otel_traces');
  expect(failing?.source.traceId).not.toBe('');

  // As time would do it.
  await bench.temporary.command('ALTER TABLE otel_traces MODIFY TTL toDateTime(ReceivedAt) - toIntervalDay(1)');
  await bench.temporary.command('OPTIMIZE TABLE otel_traces FINAL');
  now = NOW + 3 * 3_600_000;
  // Of one process, and after a restart.
  const later = watch(2 * 3_600);
  await later.refresh('default', id);
  await later.refresh('default', id);
  expect(await rows()).toEqual(told);
  // Kept for longer, it would be told to have ended.
  await watch(30 * 86_400).refresh('default', id);
  expect((await rows()).map((row) => row.summary)).toContainEqual(expect.stringMatching(/^No longer so/));
});

test('an incident of the past is compared once, by telemetry that came lately', async () => {
  const past = NOW - 21 * 24 * 3_600_000;
  // Above, everything of traces expires at once.
  await bench.temporary.command('ALTER TABLE otel_traces MODIFY TTL toDateTime(ReceivedAt) + toIntervalDay(30)');
  await requests(past - 50 * MINUTE, past, false);
  await requests(past, past + 9 * MINUTE, true);
  const startedAt = new Date(past).toISOString();
  const opened = await bench.record.open('default', ALICE, { title: 'past', services: ['checkout'], startedAt });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  now = Date.now();
  await watch(3_600).refresh('default', opened.incident.id);
  const { items } = await bench.temporary.store.evidenceLog.page('default', opened.incident.id, { limit: 100 });
  expect(items.map((row) => row.summary)).toContainEqual(expect.stringMatching(/^checkout POST \/pay: 100 % of/));
});
