import type { ClickHouseFront } from './clickhouse-http-front.ts';
import { startClickHouseFront } from './clickhouse-http-front.ts';
import type { NumberedRequest } from './fault-requests.ts';
import { numberOfSpanId, numbersIn } from './fault-requests.ts';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';

/** Sets of numbers for each signal. */
export type Numbers = ReadonlyMap<Signal, Set<number>>;

const empty = (): Numbers => new Map(SIGNALS.map((signal) => [signal, new Set<number>()]));

/** What was sent and what was acknowledged. */
export interface Ledger {
  readonly sent: Numbers;
  readonly acknowledged: Numbers;
  onSent(request: NumberedRequest): void;
  onAcknowledged(request: NumberedRequest): void;
}

export function createLedger(): Ledger {
  const sent = empty();
  const acknowledged = empty();
  const note = (into: Numbers, { signal, numbers }: NumberedRequest): void => {
    for (const number of numbers) into.get(signal)?.add(number);
  };
  return {
    sent,
    acknowledged,
    onSent: (request) => note(sent, request),
    onAcknowledged: (request) => note(acknowledged, request),
  };
}

/** How often each number is stored, by signal; and the items that were set aside, readable as to why. */
export interface Stored {
  readonly counts: ReadonlyMap<Signal, ReadonlyMap<number, number>>;
  /** Items of `unloadable_items`, each with its reason. */
  readonly setAside: readonly { readonly signal: Signal; readonly items: number; readonly reason: string }[];
  /** The numbers of those items, read from what is kept of them. */
  readonly reported: Numbers;
}

/** The invariants of every test here. All but the counts must be empty or zero. */
export interface Verdict {
  readonly sent: number;
  readonly acknowledged: number;
  readonly stored: number;
  /** Acknowledged, neither stored nor reported. */
  readonly lost: readonly string[];
  readonly neverSent: readonly string[];
  readonly doubled: readonly string[];
  /** Both stored and reported as not storable, or reported and never sent. */
  readonly falselyReported: readonly string[];
  /** Stored though no acknowledgement arrived: allowed, the client asks again. */
  readonly unacknowledged: number;
}

/** What must hold of every verdict. */
export const NOTHING_WRONG = { lost: [], neverSent: [], doubled: [], falselyReported: [] } as const;

const QUERIES: Readonly<Record<Signal, string>> = {
  traces: 'SELECT SpanId AS id, count() AS times FROM otel_traces GROUP BY id',
  logs: 'SELECT SpanId AS id, count() AS times FROM otel_logs GROUP BY id',
  metrics: 'SELECT toString(Value) AS id, count() AS times FROM otel_metrics_gauge GROUP BY id',
};

export async function readStored(server: Pick<ClickHouseFront, 'rows'>): Promise<Stored> {
  const counts = new Map<Signal, ReadonlyMap<number, number>>();
  for (const signal of SIGNALS) {
    const rows = await server.rows<{ id: string; times: number | string }>(QUERIES[signal]);
    counts.set(
      signal,
      new Map(rows.map(({ id, times }) => [signal === 'metrics' ? Number(id) : numberOfSpanId(id), Number(times)])),
    );
  }
  const setAside = await server.rows<AsideRow>(
    'SELECT Signal, FrameHash, Item, Items, Reason, hex(Frame) AS Bytes FROM unloadable_items',
  );
  return {
    counts,
    setAside: setAside.map(({ Signal, Items, Reason }) => ({ signal: Signal, items: Number(Items), reason: Reason })),
    reported: reportedIn(setAside),
  };
}

interface AsideRow {
  readonly Signal: Signal;
  readonly FrameHash: string;
  readonly Item: number;
  readonly Items: number | string;
  readonly Reason: string;
  /** Hex; empty in all but one row of a frame. */
  readonly Bytes: string;
}

function reportedIn(rows: readonly AsideRow[]): Numbers {
  const reported = empty();
  const numbers = new Map(
    rows
      .filter(({ Bytes }) => Bytes !== '')
      .map(({ Signal, FrameHash, Bytes }) => [FrameHash, numbersIn(Signal, Buffer.from(Bytes, 'hex'))]),
  );
  for (const { Signal, FrameHash, Item, Items } of rows) {
    const items = numbers.get(FrameHash)?.slice(Item, Item + Number(Items)) ?? [-1];
    for (const number of items) reported.get(Signal)?.add(number);
  }
  return reported;
}

/** Reads the embedded store of a Docket that has stopped, in a process of its own. */
export async function readStoredIn(dataDirectory: string): Promise<Stored> {
  const server = await startClickHouseFront({ directory: `${dataDirectory}/clickhouse` });
  try {
    return await readStored(server);
  } finally {
    await server.close();
  }
}

/**
 * Holds what is stored and what was reported against what was sent. `reported` are the items that Docket said it cannot store: those
 * in `unloadable_items`, unless a test knows of others.
 */
export function verdictOf(ledger: Ledger, stored: Stored, reported: Numbers = stored.reported): Verdict {
  const lost: string[] = [];
  const neverSent: string[] = [];
  const doubled: string[] = [];
  const falselyReported: string[] = [];
  let sentItems = 0;
  let acknowledgedItems = 0;
  let storedItems = 0;
  let unacknowledged = 0;
  for (const signal of SIGNALS) {
    const sent = ledger.sent.get(signal) ?? new Set();
    const acknowledged = ledger.acknowledged.get(signal) ?? new Set();
    const counts = stored.counts.get(signal) ?? new Map<number, number>();
    sentItems += sent.size;
    acknowledgedItems += acknowledged.size;
    storedItems += counts.size;
    for (const number of acknowledged) {
      if (!counts.has(number) && reported.get(signal)?.has(number) !== true) lost.push(`${signal} ${number}`);
    }
    for (const number of reported.get(signal) ?? []) {
      if (counts.has(number) || !sent.has(number)) falselyReported.push(`${signal} ${number}`);
    }
    for (const [number, times] of counts) {
      if (!sent.has(number)) neverSent.push(`${signal} ${number}`);
      if (times > 1) doubled.push(`${signal} ${number} x${times}`);
      if (!acknowledged.has(number)) unacknowledged += 1;
    }
  }
  return {
    sent: sentItems,
    acknowledged: acknowledgedItems,
    stored: storedItems,
    lost: lost.slice(0, 20),
    neverSent: neverSent.slice(0, 20),
    doubled: doubled.slice(0, 20),
    falselyReported: falselyReported.slice(0, 20),
    unacknowledged,
  };
}
