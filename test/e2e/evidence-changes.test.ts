import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../src/record/actor.ts';
import type { EvidenceRow } from '../../src/record/evidence.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { attribute } from '../support/otlp-json.ts';

/** Versions and flags that services' telemetry shows over an hour, and the `change` rows an incident comes to have of them. */
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const START = Date.now() - 40 * 60_000;
let bench: IncidentBench;

beforeAll(async () => {
  bench = await openIncidentBench();
});

afterAll(async () => {
  await bench?.dispose();
});

interface Sighting {
  /** Minutes since the incident began. */
  readonly at: number;
  /** The version the service has then, or the variant that it evaluates its flag to. */
  readonly value: string;
}

/** One span a step over [from, to). */
function seen(value: string, from: number, to: number, step = 0.5): readonly Sighting[] {
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => ({ at: from + index * step, value }));
}

let spans = 0;

/** Sends the sightings as spans of the service. */
async function send(service: string, sightings: readonly Sighting[], flag?: string): Promise<void> {
  const resourceSpans = sightings.map(({ at, value }) => {
    spans += 1;
    const nano = BigInt(Math.round(START + at * 60_000)) * 1_000_000n;
    return {
      resource: {
        attributes: [
          attribute('service.name', service),
          attribute('service.version', flag === undefined ? value : '1.0.0'),
          attribute('deployment.environment.name', 'prod'),
        ],
      },
      scopeSpans: [
        {
          spans: [
            {
              traceId: String(spans).padStart(32, 'a'),
              spanId: String(spans).padStart(16, 'b'),
              name: 'GET /',
              kind: 2,
              startTimeUnixNano: String(nano),
              endTimeUnixNano: String(nano + 1_000_000n),
              events:
                flag === undefined
                  ? []
                  : [
                      {
                        timeUnixNano: String(nano),
                        name: 'feature_flag.evaluation',
                        attributes: [
                          attribute('feature_flag.key', flag),
                          attribute('feature_flag.result.variant', value),
                        ],
                      },
                    ],
            },
          ],
        },
      ],
    };
  });
  await bench.send('default', 'traces', { resourceSpans });
}

async function open(service: string): Promise<string> {
  const opened = await bench.record.open('default', ALICE, {
    title: `${service} fails`,
    services: [service],
    startedAt: new Date(START).toISOString(),
  });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  return opened.incident.id;
}

/** The incident's changes, oldest first. */
async function rowsOf(incident: string): Promise<readonly EvidenceRow[]> {
  const { items } = await bench.temporary.store.evidenceLog.page('default', incident, {
    kinds: ['change'],
    limit: 100,
  });
  return [...items].reverse();
}

/** Sends the sightings, and answers what an incident of the service then has of them, each with its minute. */
async function changesOf(service: string, sightings: readonly Sighting[], flag?: string): Promise<readonly string[]> {
  await send(service, sightings, flag);
  const incident = await open(service);
  await bench.watch.refresh('default', incident);
  await bench.watch.refresh('default', incident);
  return (await rowsOf(incident)).map(
    (row) => `${Number(row.occurredAtUnixNano / 1_000_000n - BigInt(START)) / 60_000}: ${row.summary}`,
  );
}

/** Reports a change `at` minutes since the incident began; answers the id of the row that tells it. */
async function report(service: string, at: number, more: Record<string, string>): Promise<string> {
  const taken = await bench.intake.change('default', ALICE, {
    title: 'Roll out',
    service,
    at: new Date(START + at * 60_000).toISOString(),
    ...more,
  });
  if (taken.kind !== 'taken') throw new Error(taken.kind);
  return taken.evidence;
}

test('a version that returns after another one had taken its place is a change', async () => {
  const found = await changesOf('cart', [...seen('A', -30, 2), ...seen('B', 2, 12), ...seen('A', 12, 20)]);
  expect(found).toEqual(['2: cart in prod: version A to B', '12: cart in prod: version B to A, seen before']);
});

test('a flag that is switched on and off again is two changes', async () => {
  const found = await changesOf(
    'basket',
    [...seen('off', -30, 2), ...seen('on', 2, 12), ...seen('off', 12, 20)],
    'fast',
  );
  expect(found).toEqual([
    '2: basket in prod: flag fast from off to on',
    '12: basket in prod: flag fast from on to off, seen before',
  ]);
});

test('a flag that gives users one variant or the other by turns is one change', async () => {
  const found = await changesOf('trial', [...seen('A', -30, 30), ...seen('B', 2.2, 30)], 'experiment');
  expect(found).toEqual(['2.2: trial in prod: flag experiment from A to B']);
});

test('a version that is rolled out again after a rollback is a change of its own', async () => {
  const found = await changesOf('checkout', [
    ...seen('A', -30, 2),
    ...seen('B', 2, 10),
    ...seen('A', 10, 20),
    ...seen('B', 20, 25),
    ...seen('C', 25, 30),
  ]);
  expect(found).toEqual([
    '2: checkout in prod: version A to B',
    '10: checkout in prod: version B to A, seen before',
    '20: checkout in prod: version A to B, seen before',
    '25: checkout in prod: version B to C',
  ]);
});

test('a rollback that takes minutes, both versions by turns, is one change', async () => {
  const found = await changesOf('rolling-back', [...seen('A', -30, 2), ...seen('B', 2, 18), ...seen('A', 12.2, 30)]);
  expect(found).toEqual([
    '2: rolling-back in prod: version A to B',
    '12.2: rolling-back in prod: version B to A, seen before',
  ]);
});

test('a rolling deploy, both versions by turns for a quarter of an hour, is one change', async () => {
  const found = await changesOf('rolling', [...seen('A', -30, 15), ...seen('B', 0.2, 30)]);
  expect(found).toEqual(['0.2: rolling in prod: version A to B']);
});

test('versions of a service that says little, by turns minutes apart, do not flap', async () => {
  const found = await changesOf('quiet', [...seen('A', -30, 30, 8), ...seen('B', -26, 30, 8)]);
  expect(found).toEqual(['-26: quiet in prod: version A to B']);
});

test('an instance left behind that says something now and then is no rollback', async () => {
  const found = await changesOf('straggler', [...seen('A', -30, 2), ...seen('B', 2, 30), ...seen('A', 10.2, 30, 9)]);
  expect(found).toEqual(['2: straggler in prod: version A to B']);
});

test('a service that goes back and forth all day gives a bounded number of changes', async () => {
  const turns = Array.from({ length: 14 }, (_, index) =>
    seen(index % 2 === 0 ? 'A' : 'B', -60 + index * 7, -53 + index * 7),
  );
  const found = await changesOf('flapping', turns.flat());
  expect(found).toHaveLength(1 + 5 + 5);
});

describe('a change that is reported and that telemetry shows', () => {
  test('is one row, the report, when it was reported first, with the trace that shows it', async () => {
    await send('paid', [...seen('1.0.0', -30, 2), ...seen('1.1.0', 2, 20)]);
    const reported = await report('paid', 1, { after: 'v1.1.0', by: 'ci', id: 'run-7', environment: 'prod' });
    const incident = await open('paid');
    await bench.watch.refresh('default', incident);
    const rows = await rowsOf(incident);
    expect(rows.map((row) => row.id)).toEqual([reported]);
    const since = new Date(START + 2 * 60_000).toISOString().slice(0, 19);
    expect(rows[0]?.summary).toBe(`paid: Roll out (? to v1.1.0); telemetry shows it since ${since}Z`);
    expect(rows[0]?.source.traceId).toMatch(/^a+\d+$/);
    expect(rows[0]?.source.alsoSeenAs).toHaveLength(1);
    expect(rows[0]?.facts['alsoSeenBy']).toEqual(['clickhouse:otel_traces:version']);
    expect(rows[0]?.content['query']?.value).toContain('otel_traces');
    expect(rows[0]?.digest).not.toBe('');

    await report('paid', 1, { after: 'v1.1.0', by: 'ci', id: 'run-7', environment: 'prod', title: 'Roll out, done' });
    await bench.watch.refresh('default', incident);
    const again = await rowsOf(incident);
    expect(again.map((row) => row.summary)).toEqual([
      `paid: Roll out, done (? to v1.1.0); telemetry shows it since ${since}Z`,
    ]);
    expect(again[0]?.source).toEqual(rows[0]?.source);
    expect(again[0]?.facts).toEqual(rows[0]?.facts);
  });

  test('is one row, the one of telemetry, when that was filed first, and one line of the brief', async () => {
    await send('billed', [...seen('1.0.0', -30, 2), ...seen('1.1.0', 2, 20)]);
    const incident = await open('billed');
    await bench.watch.refresh('default', incident);
    const [first] = await rowsOf(incident);
    const more = { after: '1.1.0', by: 'ci', id: 'run-8', url: 'https://ci.example/8' };
    expect(await report('billed', 0.5, more)).toBe(first?.id);
    expect(await report('billed', 0.5, more)).toBe(first?.id);
    await bench.watch.refresh('default', incident);
    const rows = await rowsOf(incident);
    expect(rows.map((row) => row.summary)).toEqual([
      'billed in prod: version 1.0.0 to 1.1.0; reported as "Roll out" by ci',
    ]);
    expect(rows[0]?.source).toEqual(first?.source);
    expect(rows[0]?.facts['alsoSeenBy']).toEqual(['webhook:changes:deploy']);
    expect(rows[0]?.facts['externalRef']).toBe('https://ci.example/8');
    const brief = await bench.record.brief('default', incident);
    const told = brief?.json.sections.find((section) => section.key === 'changed_in_production');
    expect(told?.lines).toHaveLength(1);
  });

  test('is two rows when version, environment, time or kind tell them apart', async () => {
    await send('sold', [...seen('1.0.0', -100, 2), ...seen('1.1.0', 2, 20)]);
    await report('sold', 1, { after: '1.1.1', id: 'another version' });
    await report('sold', 1, { after: '1.1.0', id: 'another place', environment: 'staging' });
    await report('sold', -60, { after: '1.1.0', id: 'an hour before' });
    await report('sold', 1, { after: '1.1.0', id: 'a flag', kind: 'feature_flag' });
    const incident = await open('sold');
    await bench.watch.refresh('default', incident);
    const rows = await rowsOf(incident);
    expect(rows).toHaveLength(5);
    expect(rows.flatMap((row) => row.facts['alsoSeenAs'] ?? [])).toEqual([]);
  });

  test('of a flag is one row when the report names the flag', async () => {
    await send('tried', [...seen('off', -30, 2), ...seen('on', 2, 20)], 'fast-path');
    await report('tried', 1, { after: 'on', kind: 'feature_flag', title: 'slow-path switched on', id: 'slow' });
    const named = await report('tried', 1, {
      after: 'on',
      kind: 'feature_flag',
      title: 'fast-path switched on',
      id: 'fast',
    });
    const incident = await open('tried');
    await bench.watch.refresh('default', incident);
    const rows = await rowsOf(incident);
    expect(rows).toHaveLength(2);
    expect(rows.find((row) => row.facts['alsoSeenAs'] !== undefined)?.id).toBe(named);
  });
});
