import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../src/record/actor.ts';
import { openIncidentBench, type IncidentBench } from '../support/incident-bench.ts';
import { attribute } from '../support/otlp-json.ts';

/** One Docket of several environments whose services have the same names, on the real store. */
const ALICE: Actor = { kind: 'human', name: 'alice', id: null };
const MINUTE = 60_000;
const NOW = Date.now();
const START = NOW - 10 * MINUTE;
let bench: IncidentBench;

/** What a service of the environment answered: a request every ten seconds, which fails from the start on where `fails`. */
async function requests(environment: object | null, fails: boolean): Promise<void> {
  const said =
    environment === null ? [] : Object.entries(environment).map(([key, value]) => attribute(key, String(value)));
  const of = (version: string, from: number, to: number, failed: boolean) => ({
    resource: { attributes: [attribute('service.name', 'checkout'), attribute('service.version', version), ...said] },
    scopeSpans: [
      {
        spans: Array.from({ length: Math.floor((to - from) / 10_000) }, (_, index) => {
          const at = BigInt(from + index * 10_000) * 1_000_000n;
          return {
            traceId: Buffer.from(`${JSON.stringify(environment)}${from}${index}`.padEnd(16))
              .toString('hex')
              .slice(-32),
            spanId: Buffer.from(`${index}`.padStart(8)).toString('hex'),
            name: 'POST /pay',
            kind: 2,
            startTimeUnixNano: String(at),
            endTimeUnixNano: String(at + (failed ? 900_000_000n : 20_000_000n)),
            ...(failed ? { status: { code: 2 } } : {}),
          };
        }),
      },
    ],
  });
  await bench.send('default', 'traces', {
    resourceSpans: [of('1', NOW - 60 * MINUTE, START, false), of(fails ? '2' : '1', START, NOW - MINUTE, fails)],
  });
}

async function told(environments: readonly string[]) {
  const startedAt = new Date(START).toISOString();
  const opened = await bench.record.open('default', ALICE, {
    title: 'x',
    services: ['checkout'],
    environments,
    startedAt,
  });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  const { id } = opened.incident;
  await bench.watch.refresh('default', id);
  const { items } = await bench.temporary.store.evidenceLog.page('default', id, { limit: 100 });
  const gaps = (await bench.record.record('default', id))?.gaps ?? [];
  return {
    incident: id,
    rows: items.map((row) => row.summary),
    queries: items.map((row) => row.content['query']?.value ?? ''),
    gaps: gaps.map(({ what, state }) => `${state}: ${what}`),
  };
}

beforeAll(async () => {
  bench = await openIncidentBench();
  await requests({ 'deployment.environment.name': 'prod' }, true);
  await requests({ 'deployment.environment': 'staging' }, false);
});

afterAll(async () => {
  await bench?.dispose();
});

test('an incident is told of its own environment: what fails, what is slow and what changed', async () => {
  const { rows, gaps, queries } = await told(['prod']);
  expect(rows).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^checkout POST \/pay: 100 % of \d+ spans fail, 0 % of \d+ before/),
      'checkout in prod: version 1 to 2',
    ]),
  );
  expect(gaps).toEqual([]);
  // And by its query again.
  for (const query of queries) expect((await bench.temporary.store.query<object>(query)).length).toBeGreaterThan(0);
});

test('an incident of another environment is told of nothing that is not its own', async () => {
  expect(await told(['staging'])).toMatchObject({ rows: [], gaps: [] });
});

test('an incident of several environments, or of none, is told of each', async () => {
  expect((await told(['staging', 'prod'])).rows).toContain('checkout in prod: version 1 to 2');
  expect((await told([])).rows).toContain('checkout in prod: version 1 to 2');
});

test('an environment that telemetry has another name for is a gap, and no silence, until telemetry says it', async () => {
  const { rows, gaps, incident } = await told(['production']);
  expect(rows).toContain('checkout in prod: version 1 to 2');
  expect(gaps).toEqual([
    expect.stringMatching(
      /^open: No telemetry says that it is of production; it says (?:prod, staging|staging, prod)\./,
    ),
  ]);
  await requests({ 'deployment.environment.name': 'production' }, false);
  await bench.watch.refresh('default', incident);
  const found = await bench.record.record('default', incident);
  expect(found?.gaps.map((gap) => gap.state)).toEqual(['filled']);
});

test('telemetry that says of no environment counts for every one', async () => {
  await requests(null, true);
  expect((await told(['staging'])).rows).toEqual(
    expect.arrayContaining([expect.stringMatching(/^checkout POST \/pay: \d+ % of \d+ spans fail/)]),
  );
});
