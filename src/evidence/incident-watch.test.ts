import { metrics } from '@opentelemetry/api';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { IncidentSummary } from '../record/incident-record.ts';
import type { Figures, SignalFigures } from '../record/service-signals.ts';
import { createKeyedTurns } from '../record/keyed-turns.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createMemoryEvidenceLog } from '../../test/support/memory-evidence-log.ts';
import { createIncidentWatch, type IncidentWatchOptions } from './incident-watch.ts';

const LOOK_MILLISECONDS = 2_000;
const NOTHING: Figures<never> = { rows: [], query: '' };
const FIGURES: SignalFigures = {
  sampledOneIn: 1,
  compared: [],
  services: NOTHING,
  operations: NOTHING,
  ownTimes: NOTHING,
  edges: NOTHING,
  exceptions: NOTHING,
  logPatterns: NOTHING,
  metrics: NOTHING,
  gaps: NOTHING,
};

function incident(id: string): IncidentSummary {
  return {
    id,
    ref: id,
    title: id,
    status: 'active',
    severity: 'unknown',
    head: { seq: 1, hash: '' },
    services: [id],
    environments: [],
    startedAt: new Date(0).toISOString(),
    detectedAt: new Date(0).toISOString(),
    mitigatedAt: null,
    resolvedAt: null,
    updatedAt: new Date(0).toISOString(),
  };
}

const QUIET = { meter: metrics.getMeter('test'), logger: createLogger('silent') };

/** Incidents that are open, and which were looked at, in order, each look taking two seconds. */
function watching(
  open: IncidentSummary[],
  { meter, logger }: Pick<IncidentWatchOptions, 'meter' | 'logger'> = QUIET,
): { readonly looks: string[]; close(): Promise<void> } {
  const looks: string[] = [];
  const record: IncidentWatchOptions['record'] = {
    list: async (_tenant, { limit = 50, cursor = '0' }) => {
      const end = Number(cursor) + limit;
      return { items: open.slice(Number(cursor), end), next: end < open.length ? String(end) : null };
    },
    record: async () => undefined,
    summary: async () => undefined,
    append: async () => ({ kind: 'unknown_incident' }),
    index: { resolve: () => [] } as unknown as IncidentWatchOptions['record']['index'],
  };
  const watch = createIncidentWatch({
    signals: {
      figures: async ({ services }) => {
        looks.push(...services);
        vi.setSystemTime(Date.now() + LOOK_MILLISECONDS);
        return FIGURES;
      },
      traces: async () => [],
      exceptionTraces: async () => [],
      environments: async () => [],
      changes: async () => ({ version: NOTHING, feature_flag: NOTHING, delivery: NOTHING }),
    },
    evidenceLog: createMemoryEvidenceLog(),
    record,
    changeTurns: createKeyedTurns(),
    tenants: ['default'],
    meter,
    logger,
  });
  watch.start();
  return { looks, close: () => watch.close() };
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});

afterEach(() => {
  vi.useRealTimers();
});

test('after a look nobody but a new incident is looked at for three times as long, then who has waited longest', async () => {
  const open = [incident('first'), incident('second')];
  const { looks, close } = watching(open);
  await vi.advanceTimersByTimeAsync(1_000);
  // Both are new. The rest after the second look lasts from 5 s to 11 s.
  expect(looks).toEqual(['first', 'second']);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(looks).toEqual(['first', 'second']);
  open.push(incident('third'));
  await vi.advanceTimersByTimeAsync(1_000);
  // The rest begins anew: from 12 s to 18 s.
  expect(looks).toEqual(['first', 'second', 'third']);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(looks).toHaveLength(3);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(looks.slice(3)).toEqual(['first']);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(looks.slice(3)).toEqual(['first', 'second']);
  await close();
});

test('ongoing incidents beyond those that are watched are counted, and said once', async () => {
  const lines: string[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const metrics = createMetrics();
  const open = Array.from({ length: 405 }, (_, index) => incident(`incident-${index}`));
  const { close } = watching(open, { meter: metrics.meter, logger });
  for (let minute = 0; minute < 20; minute += 1) await vi.advanceTimersByTimeAsync(60_000);
  expect(await metrics.prometheusText()).toMatch(/^docket_evidence_unwatched_incidents\S* 205$/m);
  expect(lines.filter((line) => line.includes('"incidents":205'))).toHaveLength(1);
  open.splice(100);
  for (let minute = 0; minute < 2; minute += 1) await vi.advanceTimersByTimeAsync(60_000);
  expect(await metrics.prometheusText()).toMatch(/^docket_evidence_unwatched_incidents\S* 0$/m);
  await close();
  await metrics.close();
});
