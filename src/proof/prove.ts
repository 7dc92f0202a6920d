import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  ProofFailed,
  type CellVerdict,
  type Proof,
  type ProofLeak,
  type ProofRow,
  type SinkReport,
} from '../cli/policy/tools.ts';
import type { ContentClass } from '../otlp/semconv/content-keys.ts';
import { SIGNALS, type Signal } from '../otlp/signal.ts';
import { CARRIERS, createCanaries, findCanaries, NEIGHBOUR, neighbourOf, needlesOf, type Carrier } from './canary.ts';
import { collectApi, type ApiCapture } from './capture.ts';
import { CONTENT_EXAMPLES } from './content-example.ts';
import { startForwardSink } from './forward-sink.ts';
import { connectGrpc, sendOverHttp } from './otlp-client.ts';
import { attributeRequest, cellTraceId, positionsOf } from './position.ts';
import { neighboursIn, textColumns, valuesWith, type Query } from './table-search.ts';

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
  /** What the policy does with content of a class, under a key of it. */
  readonly treatment: (contentClass: string, key: string) => string;
  /** Starts a Docket under the policy on a fresh data directory. */
  readonly start: (forwardUrl: string) => Promise<DocketUnderTest>;
  /** Opens the tables of a stopped Docket. */
  readonly openTables: (dataDirectory: string) => Promise<{ readonly query: Query; close(): Promise<void> }>;
  readonly progress: (step: string) => void;
}

const INCIDENT = 'INC-PROOF';
const CELLS_PER_REQUEST = 100;
/** The Docket under test has stopped working when its backlog has not become shorter for so long. */
const STALLED_MS = 120_000;
const POLL_MS = 250;
const CONTENT_COLUMN = 'content';
/** Actions that take a whole value out, neighbours and all. */
const WHOLE: ReadonlySet<string> = new Set(['withhold', 'drop', 'mask', 'pseudonym']);

interface Cell {
  readonly position: string;
  /** Index of the column. */
  readonly column: number;
  readonly carrier: string;
  /** What must become of the neighbour: `stays`, `goes` (the policy takes the value out), `any` where either is right. */
  readonly neighbour: 'stays' | 'goes' | 'any';
  /** Error probes come to nothing by design. */
  readonly probe: boolean;
}

/**
 * Runs the proof: a canary in each position and carrier, sent over OTLP/gRPC and OTLP/HTTP, typed through the API, and put into
 * requests that fail; then a search of every place where it could have come to rest.
 */
export async function prove(host: ProveHost): Promise<Proof> {
  const started = performance.now();
  const canaries = createCanaries();
  const needles = needlesOf(canaries);
  const cells: Cell[] = [];
  const columns = [...CARRIERS.map((each) => each.name), CONTENT_COLUMN];
  const newCell = (cell: Cell): number => cells.push(cell) - 1;
  const textFor = (number: number, carrier: Carrier): string =>
    carrier.carry(carrier.kind === 'token' ? canaries.token(number) : canaries.email(number), neighbourOf(number));

  const requests = plannedRequests();
  host.progress(`${cells.length} canaries in ${SIGNALS.length} signals; starting a Docket under ${host.policyVersion}`);
  const sink = await startForwardSink();
  let answers: Buffer;
  let capture: ApiCapture;
  let spoolBytes: Buffer;
  let fileBytes: readonly Buffer[];
  let output: string;
  let docket: DocketUnderTest | undefined;
  let forwarded: Buffer;
  try {
    docket = await host.start(sink.url);
    host.progress('typing into the incident through the API');
    const capturing = collectApi({ api: docket.api, incident: INCIDENT });
    await capturing.open();
    const typed = await typeText();
    host.progress(`sending ${requests.length} requests over OTLP/gRPC and OTLP/HTTP`);
    const sent = await sendAll(docket);
    answers = Buffer.concat([...sent, ...typed, ...(await probe(docket))]);
    spoolBytes = Buffer.concat(filesBelow(join(docket.dataDirectory, 'spool')));
    host.progress('waiting until everything is loaded, linked and forwarded');
    await settled(docket.api);
    host.progress('reading the API, its pages, metrics and stream');
    capture = await capturing.collect(sampleTraces());
    forwarded = sink.received();
    await docket.stop();
    fileBytes = filesBelow(docket.dataDirectory);
    output = docket.output();
  } finally {
    await docket?.stop();
    await sink.close();
  }

  const leaks: ProofLeak[] = [];
  const leaked = new Set<number>();
  const kept = new Set<number>();
  const sinks: SinkReport[] = [];
  search('spool', [spoolBytes], true);
  search('data directory', fileBytes, true);
  await searchTables(docket.dataDirectory);
  search('log and standard error', [Buffer.from(output)], false);
  search('answers to requests, errors too', [answers], false);
  search('forwarded OTLP', [forwarded], true);
  for (const { name, bytes, expectsControl } of capture.sinks) search(name, [bytes], expectsControl);

  return {
    policyVersion: host.policyVersion,
    mode: host.mode,
    columns,
    rows: rows(),
    sinks,
    leaks,
    canaries: cells.length,
    seconds: (performance.now() - started) / 1_000,
  };

  /** Export requests with a hundred cells each: protobuf messages joined are one message. */
  function plannedRequests(): readonly { readonly signal: Signal; readonly bytes: Buffer }[] {
    const planned: { signal: Signal; bytes: Buffer }[] = [];
    for (const signal of SIGNALS) {
      const bodies: Buffer[] = [];
      for (const position of positionsOf(signal)) {
        for (const [column, carrier] of CARRIERS.entries()) {
          const name = `${signal} ${position.name}`;
          const neighbour = position.unknownField ? 'any' : expectedAt(position.name);
          const cell = newCell({ position: name, column, carrier: carrier.name, neighbour, probe: false });
          bodies.push(position.build(textFor(cell, carrier), { cell, incident: INCIDENT, toolCall: true }));
        }
      }
      if (signal === 'traces') {
        for (const [contentClass, key] of Object.entries(CONTENT_EXAMPLES) as [ContentClass, string][]) {
          const action = host.treatment(contentClass, key);
          const neighbour = WHOLE.has(action) ? 'goes' : 'any';
          for (const [column, carrier] of CARRIERS.entries()) {
            const cell = newCell({
              position: `content ${contentClass}`,
              column,
              carrier: carrier.name,
              neighbour: 'any',
              probe: false,
            });
            bodies.push(attributeRequest(key, textFor(cell, carrier), { cell, incident: INCIDENT, toolCall: false }));
          }
          const cell = newCell({
            position: `content ${contentClass}`,
            column: CARRIERS.length,
            carrier: 'ordinary words',
            neighbour,
            probe: false,
          });
          const text = `the note of ${neighbourOf(cell)} says nothing secret`;
          bodies.push(attributeRequest(key, text, { cell, incident: INCIDENT, toolCall: false }));
        }
      }
      for (let at = 0; at < bodies.length; at += CELLS_PER_REQUEST) {
        planned.push({ signal, bytes: Buffer.concat(bodies.slice(at, at + CELLS_PER_REQUEST)) });
      }
    }
    return planned;
  }

  /** Whether the policy takes whole values of this position. */
  function expectedAt(position: string): Cell['neighbour'] {
    const contentClass = position.startsWith('LogRecord.body')
      ? 'log.body'
      : position.startsWith('Span.status')
        ? 'error.text'
        : undefined;
    if (contentClass === undefined) return 'stays';
    return WHOLE.has(host.treatment(contentClass, '')) ? 'goes' : 'stays';
  }

  async function typeText(): Promise<readonly Buffer[]> {
    const api = docket?.api ?? '';
    const said: Buffer[] = [];
    const post = async (path: string, body: unknown): Promise<void> => {
      const response = await fetch(`http://${api}/api/v1${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      said.push(Buffer.from(await response.arrayBuffer()));
    };
    const typing = (position: string, column: number): string => {
      const carrier = CARRIERS[column];
      if (carrier === undefined) return '';
      const cell = newCell({ position, column, carrier: carrier.name, neighbour: 'any', probe: false });
      return textFor(cell, carrier);
    };
    for (const [column] of CARRIERS.entries()) {
      const entry = (type: string, body: unknown): Promise<void> =>
        post(`/incidents/${INCIDENT}/entries`, { type, body });
      await post('/incidents', { title: typing('typed incident title', column).slice(0, 300) });
      await entry('gap.open', { what: typing('typed gap', column) });
      await entry('hypothesis.propose', { statement: typing('typed hypothesis', column) });
      await entry('status.post', { happening: typing('typed status', column), believed: 'nothing yet' });
      await entry('evidence.add', { kind: 'note', summary: typing('typed note', column).slice(0, 300) });
    }
    return said;
  }

  async function sendAll(running: DocketUnderTest): Promise<readonly Buffer[]> {
    const said: Buffer[] = [];
    const grpc = connectGrpc(running.otlpGrpc);
    try {
      for (const [index, { signal, bytes }] of requests.entries()) {
        const answer =
          index % 2 === 0
            ? await grpc.send(signal, bytes)
            : await sendOverHttp(running.otlpHttp, signal, new Uint8Array(bytes));
        if (!answer.ok)
          throw new ProofFailed(`the Docket under test refused request ${index + 1} of ${requests.length}`);
        said.push(answer.bytes);
        if (index % 20 === 19) host.progress(`${index + 1} of ${requests.length} requests sent`);
      }
    } finally {
      grpc.close();
    }
    return said;
  }

  /** Requests that must fail, each with a canary where an error message might quote it. */
  async function probe(running: DocketUnderTest): Promise<readonly Buffer[]> {
    const said: Buffer[] = [];
    const ask = async (name: string, url: string, init: (secret: string) => RequestInit): Promise<void> => {
      const cell = newCell({ position: `failing ${name}`, column: 0, carrier: 'plain', neighbour: 'any', probe: true });
      const secret = canaries.token(cell);
      const response = await fetch(url.replace('{secret}', encodeURIComponent(secret)), init(secret));
      said.push(Buffer.from(await response.arrayBuffer()), Buffer.from(JSON.stringify([...response.headers])));
    };
    const jsonBody =
      (body: (secret: string) => string, type = 'application/json') =>
      (secret: string): RequestInit => ({
        method: 'POST',
        headers: { 'content-type': type },
        body: body(secret),
      });
    const otlp = `http://${running.otlpHttp}/v1/traces`;
    const api = `http://${running.api}/api/v1`;
    await ask(
      'OTLP/JSON, broken',
      otlp,
      jsonBody((secret) => `{"resourceSpans": [{"${secret}": ${secret}`),
    );
    await ask(
      'OTLP/JSON, wrong type',
      otlp,
      jsonBody((secret) => `{"resourceSpans": [{"scopeSpans": "${secret}"}]}`),
    );
    await ask(
      'OTLP/JSON, wrong id',
      otlp,
      jsonBody((secret) =>
        JSON.stringify({
          resourceSpans: [{ scopeSpans: [{ spans: [{ traceId: secret, spanId: secret, name: secret }] }] }],
        }),
      ),
    );
    await ask(
      'OTLP/protobuf, broken',
      otlp,
      jsonBody((secret) => `\u0007${secret}`, 'application/x-protobuf'),
    );
    await ask('OTLP content type', otlp, (secret) => ({
      method: 'POST',
      headers: { 'content-type': secret },
      body: secret,
    }));
    await ask(
      'OTLP path',
      `http://${running.otlpHttp}/v1/{secret}`,
      jsonBody(() => '{}'),
    );
    await ask('OTLP header', otlp, (secret) => ({
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}`, 'x-scope': secret },
      body: '{',
    }));
    await ask('API path', `${api}/{secret}`, () => ({}));
    await ask('API incident', `${api}/incidents/{secret}`, () => ({}));
    await ask('API query', `${api}/incidents?limit={secret}`, () => ({}));
    await ask('API cursor', `${api}/incidents/${INCIDENT}/evidence?cursor={secret}`, () => ({}));
    await ask(
      'API body, broken',
      `${api}/incidents`,
      jsonBody((secret) => `{"title": ${secret}`),
    );
    await ask(
      'API body, wrong type',
      `${api}/incidents`,
      jsonBody((secret) => JSON.stringify({ title: [secret] })),
    );
    await ask(
      'API command type',
      `${api}/incidents/${INCIDENT}/entries`,
      jsonBody((secret) => JSON.stringify({ type: secret, body: {} })),
    );
    await ask(
      'API command body',
      `${api}/incidents/${INCIDENT}/entries`,
      jsonBody((secret) => JSON.stringify({ type: 'gap.open', body: { what: 'x', kind: secret, blocks: [secret] } })),
    );
    await ask('page', `http://${running.api}/incidents/{secret}`, () => ({}));
    return said;
  }

  function sampleTraces(): readonly string[] {
    const step = Math.max(1, Math.floor(cells.length / 60));
    return cells.flatMap((cell, number) => (number % step === 0 && !cell.probe ? [cellTraceId(number)] : []));
  }

  function search(name: string, chunks: readonly Buffer[], expectsControl: boolean): void {
    let bytes = 0;
    let seen = false;
    let found = 0;
    for (const chunk of chunks) {
      bytes += chunk.length;
      seen = noteNeighbours(chunk.toString('latin1')) || seen;
      found += note(name, chunk);
    }
    sinks.push({ sink: name, bytes, seen, expectsControl, leaks: found });
  }

  function noteNeighbours(text: string): boolean {
    let seen = false;
    for (const match of text.matchAll(NEIGHBOUR)) {
      kept.add(Number(match[1]));
      seen = true;
    }
    return seen;
  }

  function note(sinkName: string, bytes: Buffer): number {
    const finds = findCanaries(bytes, canaries, needles);
    for (const { cell, form } of finds) {
      const where = cell === undefined ? undefined : cells[cell];
      const leak = {
        sink: sinkName,
        position: where?.position ?? 'unknown',
        carrier: where?.carrier ?? 'unknown',
        form,
      };
      if (cell !== undefined) leaked.add(cell);
      if (
        !leaks.some(
          (each) => each.sink === leak.sink && each.position === leak.position && each.carrier === leak.carrier,
        )
      ) {
        leaks.push(leak);
      }
    }
    return finds.length;
  }

  async function searchTables(dataDirectory: string): Promise<void> {
    const tables = await host.openTables(dataDirectory);
    try {
      const all = await textColumns(tables.query);
      host.progress(`searching ${all.length} columns of ${new Set(all.map((each) => each.table)).size} tables`);
      const byTable = new Map<string, { seen: boolean; leaks: number; bytes: number }>();
      for (const column of all) {
        const report = byTable.get(column.table) ?? { seen: false, leaks: 0, bytes: 0 };
        byTable.set(column.table, report);
        const values = await valuesWith(
          tables.query,
          column,
          needles.map((needle) => needle.bytes.toString('utf8')),
        );
        for (const value of values) report.leaks += note(`table ${column.table}.${column.column}`, Buffer.from(value));
        const neighbours = await neighboursIn(tables.query, column);
        for (const cell of neighbours) kept.add(cell);
        if (neighbours.length > 0) report.seen = true;
      }
      const telemetry = /^(otel_(traces|logs|metrics_gauge)|evidence|record_entries|redaction_receipts)$/;
      for (const [table, { seen, leaks: found, bytes }] of byTable) {
        const expectsControl = telemetry.test(table) && table !== 'redaction_receipts';
        sinks.push({ sink: `table ${table}`, bytes, seen, expectsControl, leaks: found });
      }
    } finally {
      await tables.close();
    }
  }

  function verdictOf(number: number, cell: Cell): CellVerdict {
    if (leaked.has(number)) return 'leak';
    if (cell.probe) return 'clean';
    const stays = kept.has(number);
    if (cell.neighbour === 'goes') return stays ? 'leak' : 'withheld';
    if (stays) return 'clean';
    return cell.neighbour === 'any' ? 'withheld' : 'over';
  }

  function rows(): readonly ProofRow[] {
    const worst: readonly CellVerdict[] = ['clean', 'withheld', 'over', 'leak'];
    const byPosition = new Map<string, (CellVerdict | undefined)[]>();
    for (const [number, cell] of cells.entries()) {
      const row = byPosition.get(cell.position) ?? columns.map(() => undefined);
      byPosition.set(cell.position, row);
      const verdict = verdictOf(number, cell);
      const before = row[cell.column];
      if (before === undefined || worst.indexOf(verdict) > worst.indexOf(before)) row[cell.column] = verdict;
      if (verdict === 'leak' && !leaked.has(number)) {
        leaks.push({
          sink: 'wherever its neighbours are',
          position: cell.position,
          carrier: cell.carrier,
          form: 'plain',
        });
      }
    }
    return [...byPosition].map(([position, verdicts]) => ({ position, verdicts }));
  }
}

/** Until the consumers of the spool are at its end. */
async function settled(api: string): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  let quiet = 0;
  while (quiet < 3) {
    if (performance.now() - movedAt > STALLED_MS) {
      throw new ProofFailed('the Docket under test stopped loading what it was sent');
    }
    await wait(POLL_MS);
    const response = await fetch(`http://${api}/readyz`);
    const { components } = (await response.json()) as {
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
