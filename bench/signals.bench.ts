/**
 * How much do the weights of service signals decide? The five recorded faults (read where the data is present), their figures
 * computed once; then each shape's scores are multiplied by random factors between a half and two, 500 times. Prints at
 * which place the faulty service ranks as the weights are, how often it stays among the first five, and, leaving one fault out at a time,
 * how it ranks with those factors that do best on the other four. Writes bench/results/signals.json.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findSignals } from '../src/evidence/signals/find-signals.ts';
import { rankSignals, type Signal } from '../src/evidence/signals/signal.ts';
import type { Signal as TelemetrySignal } from '../src/otlp/signal.ts';
import { openIncidentBench } from '../test/support/incident-bench.ts';
import { sharedData } from '../test/support/shared-data.ts';

const DRAWS = 500;
const HOUR_NANOSECONDS = 3_600_000_000_000n;
const FILES: readonly (readonly [TelemetrySignal, string])[] = [
  ['traces', 'traces.otlp.json'],
  ['logs', 'logs.otlp.json'],
  ['metrics', 'metrics.otlp.json'],
];

interface Scenario {
  readonly kind: string;
  readonly trigger: { readonly at?: string };
  readonly start: string;
  readonly end?: string;
  readonly ground_truth: { readonly root_cause_entity: string };
}

interface Fault {
  readonly name: string;
  readonly faulty: string;
  readonly signals: readonly Signal[];
}

type Factors = ReadonlyMap<string, number>;

function shapeOf(signal: Signal): string {
  return signal.sourceFamily.slice(signal.sourceFamily.lastIndexOf(':') + 1);
}

/** Place of the faulty service's first signal, from 1. */
function place({ signals, faulty }: Fault, factors: Factors): number {
  const weighed = signals.map((signal) => ({ ...signal, score: signal.score * (factors.get(shapeOf(signal)) ?? 1) }));
  const at = rankSignals(weighed).findIndex((signal) => signal.service === faulty);
  return at === -1 ? 51 : at + 1;
}

/** A generator of its own (mulberry32), so that the figures come again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

if (!sharedData.present) process.exit(0);
const names = readdirSync(sharedData.path('incidents')).filter((name) =>
  existsSync(sharedData.path('incidents', name, 'scenario.json')),
);
const bench = await openIncidentBench();
const faults: Fault[] = [];
for (const name of names) {
  const scenario = JSON.parse(readFileSync(sharedData.path('incidents', name, 'scenario.json'), 'utf8')) as Scenario;
  if (scenario.kind !== 'service_fault') continue;
  for (const [signal, file] of FILES) {
    const path = sharedData.path('incidents', name, file);
    if (existsSync(path)) await bench.send(name, signal, JSON.parse(readFileSync(path, 'utf8')) as object);
  }
  const from = BigInt(Date.parse(scenario.trigger.at ?? scenario.start)) * 1_000_000n;
  const scope = {
    tenant: name,
    services: [],
    environments: [],
    baselineFromUnixNano: from - HOUR_NANOSECONDS,
    fromUnixNano: from,
    toUnixNano: from + 24n * HOUR_NANOSECONDS,
    asOfUnixNano: BigInt(Date.now()) * 1_000_000n,
  };
  const figures = await bench.temporary.store.signalReader.figures(scope);
  faults.push({ name, faulty: scenario.ground_truth.root_cause_entity, signals: findSignals(figures, scope) });
}
await bench.dispose();

const shapes = [...new Set(faults.flatMap(({ signals }) => signals.map(shapeOf)))].sort();
const random = seeded(7);
const draws: Factors[] = Array.from(
  { length: DRAWS },
  () => new Map(shapes.map((shape) => [shape, 2 ** (2 * random() - 1)])),
);
const unchanged: Factors = new Map();
const results = faults.map((fault) => {
  const places = draws.map((factors) => place(fault, factors));
  const others = faults.filter((each) => each !== fault);
  const worth = (factors: Factors): number => others.reduce((sum, each) => sum + 1 / place(each, factors), 0);
  const best = Math.max(...draws.map(worth));
  const chosen = draws.filter((factors) => worth(factors) >= best - 1e-9).map((factors) => place(fault, factors));
  return {
    fault: fault.name,
    now: place(fault, unchanged),
    inFirstFive: places.filter((each) => each <= 5).length / DRAWS,
    worst: Math.max(...places),
    leftOutInFirstFive: chosen.filter((each) => each <= 5).length / chosen.length,
    leftOutWorst: Math.max(...chosen),
    withoutShape: Object.fromEntries(shapes.map((shape) => [shape, place(fault, new Map([[shape, 0]]))])),
  };
});
process.stdout.write(
  '| fault | place | in the first five, random weights | worst place | in the first five, left out | worst place, left out |\n' +
    '|---|---|---|---|---|---|\n',
);
for (const { fault, now, inFirstFive, worst, leftOutInFirstFive, leftOutWorst } of results) {
  const shares = [inFirstFive, leftOutInFirstFive].map((share) => `${Math.round(100 * share)} %`);
  process.stdout.write(`| ${fault} | ${now} | ${shares[0]} | ${worst} | ${shares[1]} | ${leftOutWorst} |\n`);
}
process.stdout.write(`\nplace without one shape:\n| fault | ${shapes.join(' | ')} |\n`);
for (const { fault, withoutShape } of results)
  process.stdout.write(`| ${fault} | ${Object.values(withoutShape).join(' | ')} |\n`);
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(join(import.meta.dirname, 'results', 'signals.json'), `${JSON.stringify(results, null, 2)}\n`);
