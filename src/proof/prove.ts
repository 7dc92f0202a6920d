import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ProofFailed, type CellVerdict, type Proof, type ProofLeak, type ProofRow } from '../cli/policy/tools.ts';
import { SIGNALS } from '../otlp/signal.ts';
import { ask } from './answer.ts';
import { collectApi, type ApiCapture } from './capture.ts';
import { createCells, type Cell, type Cells } from './cells.ts';
import { sendFailing } from './failing-request.ts';
import { startForwardSink } from './forward-sink.ts';
import { connectGrpc, sendOverHttp } from './otlp-client.ts';
import { COLUMNS, planRequests, type PlannedRequest, type TreatmentOf } from './planned-request.ts';
import { cellTraceId } from './position.ts';
import { createSearch, type Search } from './search.ts';
import type { Query } from './table-search.ts';
import { typeText } from './typed-text.ts';

/** A Docket under test, as a process of its own. */
export interface DocketUnderTest {
  readonly otlpGrpc: string;
  readonly otlpHttp: string;
  readonly api: string;
  readonly dataDirectory: string;
  /** What it printed: its log and everything else. */
  output(): string;
  /** Stops it as an operator does; its data stays. */
  stop(): Promise<void>;
}

export interface ProveHost {
  readonly policyVersion: string;
  readonly mode: 'enforce' | 'observe';
  readonly treatment: TreatmentOf;
  /** Starts a Docket under the policy on a fresh data directory. */
  readonly start: (forwardUrl: string) => Promise<DocketUnderTest>;
  /** Opens the tables of a stopped Docket. */
  readonly openTables: (dataDirectory: string) => Promise<{ readonly query: Query; close(): Promise<void> }>;
  readonly progress: (step: string) => void;
}

/** Everything that came out of a Docket under test, or was left behind by it. */
interface Remains {
  readonly dataDirectory: string;
  readonly answers: Buffer;
  readonly capture: ApiCapture;
  /** Read before it was stopped: the spool empties. */
  readonly spool: Buffer;
  readonly files: readonly Buffer[];
  readonly output: string;
  readonly forwarded: Buffer;
}

const INCIDENT = 'INC-PROOF';
/** The Docket under test has stopped working when its backlog has not become shorter for so long. */
const STALLED_MS = 120_000;
const POLL_MS = 250;
/** Looks in a row that must find no backlog. */
const QUIET_LOOKS = 3;
/** About so many traces are read through the API. */
const SAMPLED_TRACES = 60;

/**
 * Runs the proof: a canary in each position and carrier, sent over OTLP/gRPC and OTLP/HTTP, typed through the API, and put into
 * requests that fail; then a search of every place where it could have come to rest.
 */
export async function prove(host: ProveHost): Promise<Proof> {
  const started = performance.now();
  const cells = createCells();
  const requests = planRequests(cells, host.treatment, INCIDENT);
  host.progress(
    `${cells.all.length} canaries in ${SIGNALS.length} signals; starting a Docket under ${host.policyVersion}`,
  );
  const remains = await exercise(host, cells, requests);

  const search = createSearch(cells);
  search.bytes('spool', [remains.spool], true);
  search.bytes('data directory', remains.files, true);
  const tables = await host.openTables(remains.dataDirectory);
  try {
    await search.tables(tables.query, host.progress);
  } finally {
    await tables.close();
  }
  search.bytes('log and standard error', [Buffer.from(remains.output)], false);
  search.bytes('answers to requests, errors too', [remains.answers], false);
  search.bytes('forwarded OTLP', [remains.forwarded], true);
  for (const { name, bytes, expectsControl } of remains.capture.sinks) search.bytes(name, [bytes], expectsControl);

  const { rows, overstayed } = judged(cells, search);
  return {
    policyVersion: host.policyVersion,
    mode: host.mode,
    columns: COLUMNS,
    rows,
    sinks: search.sinks,
    leaks: [...search.leaks, ...overstayed],
    canaries: cells.all.length,
    seconds: (performance.now() - started) / 1_000,
  };
}

/** Starts a Docket, gives it all canaries in every way there is, reads what it shows, and stops it. */
async function exercise(host: ProveHost, cells: Cells, requests: readonly PlannedRequest[]): Promise<Remains> {
  const sink = await startForwardSink();
  let docket: DocketUnderTest | undefined;
  try {
    docket = await host.start(sink.url);
    const { api, dataDirectory } = docket;
    host.progress('typing into the incident through the API');
    const capturing = collectApi({ api, incident: INCIDENT });
    await capturing.open();
    const typed = await typeText(api, cells, INCIDENT);
    host.progress(`sending ${requests.length} requests over OTLP/gRPC and OTLP/HTTP`);
    const sent = await sendAll(docket, requests, host.progress);
    const refused = await sendFailing(docket, cells, INCIDENT);
    const spool = Buffer.concat(filesBelow(join(dataDirectory, 'spool')));
    host.progress('waiting until everything is loaded, linked and forwarded');
    await settled(api);
    host.progress('reading the API, its pages, metrics and stream');
    const capture = await capturing.collect(sampleTraces(cells));
    const forwarded = sink.received();
    await docket.stop();
    return {
      dataDirectory,
      answers: Buffer.concat([...sent, ...typed, ...refused]),
      capture,
      spool,
      files: filesBelow(dataDirectory),
      output: docket.output(),
      forwarded,
    };
  } finally {
    await docket?.stop();
    await sink.close();
  }
}

async function sendAll(
  docket: DocketUnderTest,
  requests: readonly PlannedRequest[],
  progress: (step: string) => void,
): Promise<readonly Buffer[]> {
  const answers: Buffer[] = [];
  const grpc = connectGrpc(docket.otlpGrpc);
  try {
    for (const [index, { signal, bytes }] of requests.entries()) {
      const answer =
        index % 2 === 0
          ? await grpc.send(signal, bytes)
          : await sendOverHttp(docket.otlpHttp, signal, new Uint8Array(bytes));
      if (!answer.ok) throw new ProofFailed(`the Docket under test refused request ${index + 1} of ${requests.length}`);
      answers.push(answer.bytes);
      if (index % 20 === 19) progress(`${index + 1} of ${requests.length} requests sent`);
    }
  } finally {
    grpc.close();
  }
  return answers;
}

function sampleTraces({ all }: Cells): readonly string[] {
  const step = Math.max(1, Math.floor(all.length / SAMPLED_TRACES));
  return all.flatMap((cell, number) => (number % step === 0 && !cell.probe ? [cellTraceId(number)] : []));
}

const WORST: readonly CellVerdict[] = ['clean', 'withheld', 'over', 'leak'];

/** A row of verdicts for each position, the worst of its cells in each column, and text that should have gone whole. */
function judged(
  cells: Cells,
  search: Search,
): { readonly rows: readonly ProofRow[]; readonly overstayed: readonly ProofLeak[] } {
  const byPosition = new Map<string, (CellVerdict | undefined)[]>();
  const overstayed: ProofLeak[] = [];
  for (const [number, cell] of cells.all.entries()) {
    const row = byPosition.get(cell.position) ?? COLUMNS.map(() => undefined);
    byPosition.set(cell.position, row);
    // Without a verdict, unless an error message quoted it.
    if (cells.untaken.has(number) && !search.leaked.has(number)) continue;
    const verdict = verdictOf(number, cell, search);
    const before = row[cell.column];
    if (before === undefined || WORST.indexOf(verdict) > WORST.indexOf(before)) row[cell.column] = verdict;
    if (verdict === 'leak' && !search.leaked.has(number)) {
      const { position, carrier } = cell;
      overstayed.push({ sink: 'wherever its neighbours are', position, carrier, form: 'plain' });
    }
  }
  return { rows: [...byPosition].map(([position, verdicts]) => ({ position, verdicts })), overstayed };
}

function verdictOf(number: number, cell: Cell, { leaked, kept }: Search): CellVerdict {
  if (leaked.has(number)) return 'leak';
  if (cell.probe) return 'clean';
  const stays = kept.has(number);
  if (cell.neighbour === 'goes') return stays ? 'leak' : 'withheld';
  if (stays) return 'clean';
  return cell.neighbour === 'any' ? 'withheld' : 'over';
}

/** Until the consumers of the spool are at its end. */
async function settled(api: string): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  let quiet = 0;
  while (quiet < QUIET_LOOKS) {
    if (performance.now() - movedAt > STALLED_MS) {
      throw new ProofFailed('the Docket under test stopped loading what it was sent');
    }
    await wait(POLL_MS);
    const { body } = await ask(`http://${api}/readyz`);
    const { components } = JSON.parse(body.toString('utf8')) as {
      components: { name: string; measures?: { lagBytes?: number } }[];
    };
    const lag = components.find((each) => each.name === 'spool')?.measures?.lagBytes;
    if (lag !== undefined && lag < least) {
      least = lag;
      movedAt = performance.now();
    }
    quiet = lag === 0 ? quiet + 1 : 0;
  }
}

function filesBelow(folder: string): Buffer[] {
  const found: Buffer[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    try {
      found.push(readFileSync(join(entry.parentPath, entry.name)));
    } catch {
      // Replaced or merged away between the listing and the reading.
    }
  }
  return found;
}
