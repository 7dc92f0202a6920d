import type { ClickHouseFront } from './clickhouse-http-front.ts';
import { startClickHouseFront } from './clickhouse-http-front.ts';
import type { NumberedRequest } from './fault-requests.ts';
import { spanIdOf } from './fault-requests.ts';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';

/** Sets of numbers for each signal. */
type Numbers = ReadonlyMap<Signal, Set<number>>;

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
  /** Stored though no acknowledgement arrived: allowed, the client asks again. */
  readonly unacknowledged: number;
}

/** What must hold of every verdict. */
export const NOTHING_WRONG = { lost: [], neverSent: [], doubled: [] } as const;

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
      new Map(rows.map(({ id, times }) => [signal === 'metrics' ? Number(id) : numberOf(id), Number(times)])),
    );
  }
  const setAside = await server.rows<{ Signal: Signal; Items: number | string; Reason: string }>(
    'SELECT Signal, Items, Reason FROM unloadable_items',
  );
  return {
    counts,
    setAside: setAside.map(({ Signal, Items, Reason }) => ({ signal: Signal, items: Number(Items), reason: Reason })),
  };
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

function numberOf(spanId: string): number {
  const number = Number.parseInt(spanId, 16) - 1;
  return spanIdOf(number) === spanId ? number : -1;
}

/** Holds what is stored against what was sent. `reported` are items that Docket said it could not store. */
export function verdictOf(ledger: Ledger, stored: Stored, reported: Numbers = empty()): Verdict {
  const lost: string[] = [];
  const neverSent: string[] = [];
  const doubled: string[] = [];
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
    unacknowledged,
  };
}
