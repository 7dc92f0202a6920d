/**
 * How fast are similar incidents found, and how well? On the real embedded store.
 *
 * Speed: 10,000 made-up incidents of 150 to 200 features each, words drawn as words are (few very common, most rare); the
 * time of 60 questions for the ten most similar. The bar is 300 ms.
 *
 * Precision, where ../shared/data is present: real postmortems. "Halves": each text is split in its middle, both halves
 * become incidents without a title, and the other half must rank among the first five of all the halves. "Recurrences":
 * published postmortems of one operator about the same failure coming back; at least one relative must rank among the first
 * five. Nothing of the source's own labels (company, category, keywords) is used.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { metrics } from '@opentelemetry/api';
import type { Actor } from '../src/record/actor.ts';
import { extractFeatures } from '../src/record/memory/extract-features.ts';
import type { IncidentFeature } from '../src/record/memory/incident-feature.ts';
import type { RememberedIncident } from '../src/record/memory/incident-memory.ts';
import { createRecordService } from '../src/record/service.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMemoryEvidenceLog } from '../test/support/memory-evidence-log.ts';
import { createMemoryRecordLog } from '../test/support/memory-record-log.ts';
import { sharedData } from '../test/support/shared-data.ts';
import { openTemporaryStore } from '../test/support/temporary-store.ts';

const INCIDENTS = 10_000;
const QUESTIONS = 60;
const VOCABULARY = 20_000;
const RECURRENCES: readonly (readonly string[])[] = [
  ['dfds-pm2020-002', 'dfds-pm2020-009'],
  ['dfds-pm2020-005', 'dfds-pm2021-006', 'dfds-pm2021-007'],
  ['dfds-pm2021-001', 'dfds-pm2022-002', 'dfds-pm2023-002'],
  ['dfds-pm2021-008', 'dfds-pm2021-009', 'dfds-pm2021-010'],
  ['dfds-pm2022-003', 'dfds-pm2023-001', 'dfds-pm2024-001', 'dfds-pm2025-001'],
  ['dfds-pm2022-004', 'dfds-pm2022-007'],
  ['dfds-pm2020-003', 'dfds-pm2020-006'],
  ['dfds-pm2019-009', 'dfds-pm2019-011'],
];
const NOTHING = { ruledOut: [], cause: [], fixedBy: [], followUps: [] };
const IMPORTER: Actor = { kind: 'import', name: 'bench', id: null };

// The same numbers in every run.
let seed = 42;
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return seed / 2 ** 32;
}

function remembered(tenant: string, incident: string, features: readonly IncidentFeature[]): RememberedIncident {
  return { tenant, incident, version: 1, headSeq: 1, features, investigations: [], outcome: NOTHING };
}

function madeUp(number: number): RememberedIncident {
  const id = `01990000-0000-7000-8000-${String(number).padStart(12, '0')}`;
  const words = new Set<string>();
  const wanted = 120 + Math.floor(random() * 50);
  while (words.size < wanted) words.add(`word${Math.floor(random() ** 3 * VOCABULARY)}`);
  const of = (kind: IncidentFeature['kind'], value: string, weight = 1): IncidentFeature => ({
    kind,
    value,
    weight,
    source: id,
  });
  return remembered('speed', id, [
    of('service', `service-${number % 300}`),
    of('alert_rule', `Rule${number % 500}`),
    of('exception', `Exception${number % 400}`),
    ...Array.from({ length: 10 }, () => of('log_template', `template ${Math.floor(random() * 3_000)} <*>`, 0.5)),
    ...Array.from({ length: 15 }, (_, index) => of('tool_call', `tool_${Math.floor(random() * 60)}_${index}()`)),
    ...[...words].map((word) => of('word', word, 0.4)),
  ]);
}

const temporary = await openTemporaryStore();
const memory = temporary.store.incidentMemory;

const loading = performance.now();
for (let from = 0; from < INCIDENTS; from += 500)
  await memory.put(Array.from({ length: 500 }, (_, index) => madeUp(from + index)));
const loadSeconds = (performance.now() - loading) / 1000;
const times: number[] = [];
let processorMicroseconds = 0;
for (let question = 0; question < QUESTIONS + 3; question += 1) {
  const id = `01990000-0000-7000-8000-${String((question * 157) % INCIDENTS).padStart(12, '0')}`;
  const started = performance.now();
  const before = process.cpuUsage();
  const { items } = await memory.similar('speed', id, 10);
  if (items.length !== 10) throw new Error('a question went unanswered');
  // The first ones warm the engine's caches.
  if (question < 3) continue;
  times.push(performance.now() - started);
  const { user, system } = process.cpuUsage(before);
  processorMicroseconds += user + system;
}
times.sort((one, other) => one - other);
const at = (share: number): number =>
  Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0);
const speed = {
  incidents: INCIDENTS,
  loadSeconds: Math.round(loadSeconds * 10) / 10,
  medianMs: at(0.5),
  p95Ms: at(0.95),
  p99Ms: at(0.99),
  // Of all threads, the engine's too: what other work on the machine does not change.
  processorMsEach: Math.round(processorMicroseconds / QUESTIONS / 1000),
};
console.log(
  `10,000 incidents: median ${speed.medianMs} ms, p95 ${speed.p95Ms} ms, p99 ${speed.p99Ms} ms; ${speed.processorMsEach} ms of processor time each`,
);

/** Features of a text told in one note, as an import would have it. */
async function featuresOf(name: string, text: string): Promise<readonly IncidentFeature[]> {
  const evidenceLog = createMemoryEvidenceLog();
  const record = createRecordService({
    recordLog: createMemoryRecordLog(),
    evidenceLog,
    logger: createLogger('silent'),
    meter: metrics.getMeter('bench'),
    sweepIntervalMilliseconds: 0,
  });
  await record.start();
  const opened = await record.open('precision', IMPORTER, { title: 'Imported' });
  if (opened.kind !== 'opened') throw new Error(`could not open ${name}`);
  const { id } = opened.incident;
  const body = { kind: 'note', summary: 'Text', text: text.slice(0, 18_000) };
  const added = await record.append('precision', id, IMPORTER, { type: 'evidence.add', body });
  if (added.kind !== 'appended') throw new Error(`could not add ${name}: ${JSON.stringify(added)}`);
  const found = await record.record('precision', id);
  if (found === undefined) throw new Error('no record');
  const { items } = await evidenceLog.page('precision', id, { limit: 10 });
  await record.close();
  return extractFeatures(found, items);
}

interface Precision {
  readonly asked: number;
  readonly first: number;
  readonly inFirstFive: number;
}

async function precisionOf(
  tenant: string,
  texts: ReadonlyMap<string, string>,
  relatives: (name: string) => readonly string[],
): Promise<Precision> {
  for (const [name, text] of texts) await memory.put([remembered(tenant, name, await featuresOf(name, text))]);
  let [asked, first, inFirstFive] = [0, 0, 0];
  for (const name of texts.keys()) {
    const wanted = relatives(name);
    if (wanted.length === 0) continue;
    asked += 1;
    const ranked = (await memory.similar(tenant, name, 5)).items.map((item) => item.incident);
    if (wanted.includes(ranked[0] ?? '')) first += 1;
    if (ranked.some((other) => wanted.includes(other))) inFirstFive += 1;
  }
  return { asked, first, inFirstFive };
}

function show(name: string, { asked, first, inFirstFive }: Precision): void {
  const share = (count: number): string => `${Math.round((count / asked) * 1000) / 10} %`;
  console.log(
    `${name}: of ${asked}, a relative ranks first for ${share(first)}, in the first five for ${share(inFirstFive)}`,
  );
}

let precision: Readonly<Record<string, Precision>> = {};
if (sharedData.present) {
  const read = (file: string): Record<string, unknown>[] =>
    readFileSync(sharedData.path('incidents', file), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const halves = new Map<string, string>();
  for (const { id, details } of read('postmortems.jsonl')) {
    const sentences = text(details).split(/(?<=[.!?])\s+/u);
    // A text of a sentence or two has no halves to compare.
    if (sentences.length < 6) continue;
    const middle = Math.floor(sentences.length / 2);
    halves.set(`${String(id)} a`, sentences.slice(0, middle).join(' '));
    halves.set(`${String(id)} b`, sentences.slice(middle).join(' '));
  }
  const ofHalves = await precisionOf('halves', halves, (name) => [
    name.endsWith(' a') ? `${name.slice(0, -2)} b` : `${name.slice(0, -2)} a`,
  ]);
  show('halves', ofHalves);
  const whole = new Map(
    read('timelines.jsonl').map(({ id, sections }) => [
      String(id),
      Object.values((sections ?? {}) as Record<string, string>).join('\n\n'),
    ]),
  );
  for (const { id, details, company } of read('postmortems.jsonl'))
    if (company !== 'DFDS' && company !== 'PostHog') whole.set(String(id), text(details));
  const relativesOf = (name: string): readonly string[] => {
    const group = RECURRENCES.find((each) => each.some((start) => name.startsWith(start))) ?? [];
    return [...whole.keys()].filter((other) => other !== name && group.some((start) => other.startsWith(start)));
  };
  const ofRecurrences = await precisionOf('recurrences', whole, relativesOf);
  show('recurrences', ofRecurrences);
  precision = { halves: ofHalves, recurrences: ofRecurrences };
}

await temporary.dispose();
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'similar.json'), `${JSON.stringify({ speed, precision }, null, 2)}\n`);
