/**
 * How long do people wait for evidence? A Docket of its own process on a data directory that holds 10 million spans (first argument),
 * 2 million logs, a million gauge points and 300,000 rows of agent work, asked by its API:
 *
 * - an incident is opened that agent work names, or whose agent is bound: until that work is filed, and until its service signals stand;
 * - an incident is opened that names no services: until signals of all services stand;
 * - pages of 50 among an incident's 100,000 rows, while incidents are compared and when they are not;
 * - a tool call is acknowledged: until it is readable as evidence, while 10,000 spans a second come in besides, and while two incidents
 *   are compared besides.
 *
 * Prints a table and writes bench/results/link.json. BENCH_DIRECTORY keeps what was filled for another run, which
 * measures a copy of it. BENCH_PARTS (opening, all-services, pages, tool-calls; all when unset) says what is measured.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startDocket, type DocketProcess } from '../test/support/docket-process.ts';
import { attribute, postJson, tracesRequest } from '../test/support/otlp-json.ts';
import { openTemporaryStore } from '../test/support/temporary-store.ts';
import type { LoadOptions, LoadResult } from './load-generator.ts';
import { FAULTY_SERVICE, SERVICES, settle, storeAgentWork, storeTelemetry } from './stored-telemetry.ts';

const SPANS = Number(process.argv[2] ?? 10_000_000);
const MINUTE = 60_000;
const PAGE_ROWS = 100_000;
const OTHER_ROWS = 198_000;
const NAMED_ROWS = 1_000;
const BOUND_ROWS = 1_000;
const PAGES = 200;
const PAGES_MEANWHILE = 100;
const BACKGROUND_SPANS_PER_SECOND = 10_000;
const BACKGROUND_SECONDS = 20;
const SPANS_PER_REQUEST = 500;
const WAIT_MILLISECONDS_MAX = 180_000;
const PAUSE_MILLISECONDS = 12_000;

interface Figure {
  readonly what: string;
  readonly goal: string;
  readonly milliseconds: Readonly<Record<string, number>>;
}

interface EvidencePage {
  readonly items: readonly { readonly kind: string; readonly dialect: string; readonly service: string }[];
  readonly next: string | null;
}

/** Fills a store. Returns when the fault began: the telemetry lies in the quarter of an hour since, and the hour before it. */
async function fill(directory: string): Promise<number> {
  const now = Date.now();
  const faultAt = now - 15 * MINUTE;
  const store = await openTemporaryStore(directory);
  await storeTelemetry(store, {
    spans: SPANS,
    logs: SPANS / 5,
    gaugePoints: SPANS / 10,
    from: faultAt - 60 * MINUTE,
    to: now,
    faultAt,
  });
  const work = { from: faultAt, to: now };
  await storeAgentWork(store, { ...work, rows: PAGE_ROWS, first: 0, agent: 'auditor', ref: 'INC-PAGES' });
  await storeAgentWork(store, { ...work, rows: OTHER_ROWS, first: 1_000_000, agent: 'reviewer', ref: '' });
  await storeAgentWork(store, { ...work, rows: NAMED_ROWS, first: 2_000_000, agent: 'sre-agent', ref: 'INC-OPEN' });
  await storeAgentWork(store, { ...work, rows: BOUND_ROWS, first: 3_000_000, agent: 'responder', ref: '' });
  await settle(store);
  await store.store.close();
  return faultAt;
}

async function post(docket: DocketProcess, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${docket.api}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function page(docket: DocketProcess, incident: string, query: string): Promise<EvidencePage> {
  const response = await fetch(`http://${docket.api}/api/v1/incidents/${incident}/evidence?${query}`);
  if (!response.ok) throw new Error(`a page answered ${response.status}`);
  return (await response.json()) as EvidencePage;
}

async function countRows(docket: DocketProcess, incident: string, query: string): Promise<number> {
  let rows = 0;
  let cursor = '';
  for (;;) {
    const { items, next } = await page(docket, incident, `limit=200&${query}${cursor}`);
    rows += items.length;
    if (next === null) return rows;
    cursor = `&cursor=${encodeURIComponent(next)}`;
  }
}

async function until(what: string, holds: () => Promise<boolean>, everyMilliseconds = 20): Promise<void> {
  const begun = performance.now();
  while (!(await holds())) {
    if (performance.now() - begun > WAIT_MILLISECONDS_MAX) throw new Error(`${what} did not come`);
    await new Promise((resolve) => setTimeout(resolve, everyMilliseconds));
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function distribution(times: readonly number[]): Readonly<Record<string, number>> {
  const sorted = [...times].sort((a, b) => a - b);
  return { p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}

/** Until the incident has service signals, the foremost of which is of the service that fails. */
async function untilSignals(docket: DocketProcess, incident: string): Promise<void> {
  let first: EvidencePage['items'][number] | undefined;
  await until('a service signal', async () => {
    const { items } = await page(docket, incident, 'limit=50&kind=error,trace,log,metric');
    first = items.find((row) => row.dialect === 'service_signal');
    return first !== undefined;
  });
  if (first?.service !== FAULTY_SERVICE) throw new Error(`the first signal is of ${first?.service ?? 'nothing'}`);
}

/** An incident that names no services: all of them are compared. */
async function measureAllServices(docket: DocketProcess, faultAt: number): Promise<Figure[]> {
  const begun = performance.now();
  const startedAt = new Date(faultAt).toISOString();
  await post(docket, '/incidents', { title: 'Something is wrong', ref: 'INC-ALL', startedAt });
  await untilSignals(docket, 'INC-ALL');
  const signals = performance.now() - begun;
  await until('the end of the look', async () => (await looks(docket)) > 0, 100);
  const ended = performance.now() - begun;
  return [
    {
      what: 'open, no services named, until its service signals stand',
      goal: '10,000',
      milliseconds: { once: signals },
    },
    { what: 'the same until its changes are looked for too', goal: '', milliseconds: { once: ended } },
  ];
}

/** Opening an incident over all that is stored: its agents' work, then what its services show. */
async function measureOpening(docket: DocketProcess, faultAt: number): Promise<Figure[]> {
  const begun = performance.now();
  await post(docket, '/incidents', {
    title: 'Orders time out',
    ref: 'INC-OPEN',
    services: [FAULTY_SERVICE],
    startedAt: new Date(faultAt).toISOString(),
    bind: { agent: 'responder' },
  });
  const opened = performance.now() - begun;
  const filed = await countRows(docket, 'INC-OPEN', 'kind=tool_call');
  if (filed !== NAMED_ROWS + BOUND_ROWS) throw new Error(`${filed} rows are filed`);
  await untilSignals(docket, 'INC-OPEN');
  const signals = performance.now() - begun;
  return [
    { what: `open, with ${filed} matching tool calls filed`, goal: '3,000', milliseconds: { once: opened } },
    { what: 'open until its service signals stand', goal: '10,000', milliseconds: { once: signals } },
  ];
}

async function openBig(docket: DocketProcess, faultAt: number): Promise<Figure> {
  const begun = performance.now();
  const startedAt = new Date(faultAt).toISOString();
  await post(docket, '/incidents', { title: 'Many rows', ref: 'INC-PAGES', services: [FAULTY_SERVICE], startedAt });
  const filing = performance.now() - begun;
  return { what: `open, with ${PAGE_ROWS} matching tool calls filed`, goal: '', milliseconds: { once: filing } };
}

/** How often incidents were looked at so far, from Docket's own metrics. */
async function looks(docket: DocketProcess): Promise<number> {
  const text = await (await fetch(`http://${docket.api}/metrics`)).text();
  return Number(/^docket_evidence_refresh\w*_count(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0);
}

/** An incident is compared often in its first minute; pages and tool calls are measured after that. */
async function betweenLooks(docket: DocketProcess): Promise<void> {
  let seen = -1;
  let since = performance.now();
  await until(
    'a pause between looks',
    async () => {
      const count = await looks(docket);
      if (count !== seen) since = performance.now();
      seen = count;
      return count > 0 && performance.now() - since > PAUSE_MILLISECONDS;
    },
    500,
  );
}

async function measurePages(docket: DocketProcess, pages: number, meanwhile: string): Promise<Figure> {
  const times: number[] = [];
  let cursor = '';
  for (let turn = 0; turn < pages; turn += 1) {
    const before = performance.now();
    const { items, next } = await page(docket, 'INC-PAGES', `limit=50${cursor}`);
    times.push(performance.now() - before);
    if (items.length !== 50) throw new Error(`a page has ${items.length} rows`);
    cursor = next === null || turn % 50 === 49 ? '' : `&cursor=${encodeURIComponent(next)}`;
  }
  return { what: `page of 50 among ${PAGE_ROWS} rows${meanwhile}`, goal: '100', milliseconds: distribution(times) };
}

/** Two more incidents, compared often in their first minute. */
async function openCompared(docket: DocketProcess, faultAt: number): Promise<void> {
  for (const ref of ['INC-ONE', 'INC-TWO']) {
    await post(docket, '/incidents', {
      title: 'Orders time out again',
      ref,
      services: [FAULTY_SERVICE],
      startedAt: new Date(faultAt).toISOString(),
    });
  }
}

interface ToolCalls {
  readonly ref: string;
  /** Number of the first span; spans of two numbers are never one. */
  readonly first: number;
  readonly meanwhile: string;
}

async function measureToolCalls(docket: DocketProcess, { ref, first, meanwhile }: ToolCalls): Promise<Figure> {
  await post(docket, '/incidents', { title: 'Live', ref });
  const load: LoadOptions = {
    protocol: 'http',
    signal: 'traces',
    target: docket.otlpHttp,
    seconds: BACKGROUND_SECONDS,
    connections: 4,
    concurrency: 2,
    itemsPerRequest: SPANS_PER_REQUEST,
    agentShare: 0.01,
    requestsPerSecond: BACKGROUND_SPANS_PER_SECOND / SPANS_PER_REQUEST,
  };
  const begun = performance.now();
  const generating = promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'load-generator.ts'), JSON.stringify(load)],
    { maxBuffer: 1024 * 1024 },
  );
  // The generator makes its requests before it begins to send them.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const times: number[] = [];
  for (let turn = 0; performance.now() - begun < (BACKGROUND_SECONDS + 2) * 1_000; turn += 1) {
    const callId = `call_${ref}_${turn}`;
    const sent = await postJson(
      docket.otlpHttp,
      'traces',
      tracesRequest('sre-agent', [first + turn], {
        name: 'execute_tool kubectl_get',
        attributes: [
          attribute('incident.id', ref),
          attribute('gen_ai.operation.name', 'execute_tool'),
          attribute('gen_ai.tool.name', 'kubectl_get'),
          attribute('gen_ai.tool.call.id', callId),
        ],
      }),
    );
    if (sent.status !== 200) throw new Error(`a tool call was answered ${sent.status}`);
    const acknowledged = performance.now();
    await until(
      `tool call ${turn}`,
      async () => {
        const response = await fetch(`http://${docket.api}/api/v1/incidents/${ref}/evidence?kind=tool_call&limit=3`);
        return (await response.text()).includes(callId);
      },
      10,
    );
    times.push(performance.now() - acknowledged);
  }
  const result = JSON.parse((await generating).stdout) as LoadResult;
  const rate = Math.round(result.acknowledged / result.seconds);
  return {
    what: `tool call acknowledged until readable, ${rate} spans/s besides${meanwhile} (${times.length} calls, ${result.refusedRequests} requests refused)`,
    goal: '1,000',
    milliseconds: distribution(times),
  };
}

type Part = 'opening' | 'all-services' | 'pages' | 'tool-calls';
const parts = process.env['BENCH_PARTS']?.split(',');
function measured(part: Part): boolean {
  return parts === undefined || parts.includes(part);
}

const loadBefore = loadavg()[0]?.toFixed(1) ?? '';
const kept = process.env['BENCH_DIRECTORY'];
const dataDirectory = mkdtempSync(join(tmpdir(), 'docket-bench-'));
const filled = kept ?? dataDirectory;
const faultFile = join(filled, 'fault-at');
if (!existsSync(faultFile)) {
  const begun = performance.now();
  mkdirSync(filled, { recursive: true });
  writeFileSync(faultFile, String(await fill(join(filled, 'clickhouse'))));
  process.stdout.write(`filled ${SPANS} spans and the rest in ${Math.round((performance.now() - begun) / 1000)} s\n`);
}
if (kept !== undefined) cpSync(kept, dataDirectory, { recursive: true });
const faultAt = Number(readFileSync(faultFile, 'utf8'));
const docket = await startDocket({ dataDirectory, environment: { DOCKET_LOG_LEVEL: 'warn' } });
const figures: Figure[] = [];
/** Told as they come: a run that is cut off has told what it measured. */
function tell(found: readonly Figure[]): void {
  figures.push(...found);
  for (const { what, goal, milliseconds } of found) {
    const shown = Object.entries(milliseconds).map(
      ([name, each]) => `${name === 'once' ? '' : `${name} `}${Math.round(each)}`,
    );
    process.stdout.write(`| ${what} | ${goal} | ${shown.join(', ')} |\n`);
  }
}
process.stdout.write(
  `machine: ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; Node ${process.versions.node}; load ${loadBefore} before; ` +
    `${SPANS} spans of ${SERVICES} services in 75 minutes\n\n| what | goal ms | ms |\n|---|---|---|\n`,
);
try {
  // First, and on its own: the others are looked at again meanwhile.
  if (measured('all-services')) {
    tell(await measureAllServices(docket, faultAt));
    await betweenLooks(docket);
  }
  if (measured('opening')) tell(await measureOpening(docket, faultAt));
  if (measured('pages')) {
    tell([await openBig(docket, faultAt)]);
    tell([await measurePages(docket, PAGES_MEANWHILE, ' while incidents are compared')]);
    await betweenLooks(docket);
    tell([await measurePages(docket, PAGES, '')]);
  }
  if (measured('tool-calls')) {
    tell([await measureToolCalls(docket, { ref: 'INC-LIVE', first: 90_000_000, meanwhile: '' })]);
    await openCompared(docket, faultAt);
    const meanwhile = ', two incidents compared';
    tell([await measureToolCalls(docket, { ref: 'INC-TOO', first: 91_000_000, meanwhile })]);
  }
} finally {
  const said = docket.output().split('\n').slice(1);
  process.stdout.write(said.filter((line) => !line.includes('"audit":true')).join('\n'));
  await docket.kill();
  rmSync(dataDirectory, { recursive: true, force: true });
}
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true });
writeFileSync(
  join(import.meta.dirname, 'results', 'link.json'),
  `${JSON.stringify({ node: process.versions.node, cores: cpus().length, load: loadBefore, spans: SPANS, figures }, null, 2)}\n`,
);
