import type { ProofLeak, SinkReport } from '../cli/policy/tools.ts';
import { findCanaries, NEIGHBOUR, needlesOf } from './canary.ts';
import type { Cells } from './cells.ts';
import { neighboursIn, textColumns, valuesWith, type Query } from './table-search.ts';

/** Looks for canaries where they could have come to rest, and remembers what it found. */
export interface Search {
  readonly sinks: readonly SinkReport[];
  readonly leaks: readonly ProofLeak[];
  /** Cells whose canary was found, and those whose neighbour was. */
  readonly leaked: ReadonlySet<number>;
  readonly kept: ReadonlySet<number>;
  bytes(sink: string, chunks: readonly Buffer[], expectsControl: boolean): void;
  tables(query: Query, progress: (step: string) => void): Promise<void>;
}

/** Tables that text which stays must be in. */
const CONTROLLED = /^(otel_(traces|logs|metrics_gauge)|evidence|record_entries)$/;

export function createSearch(cells: Cells): Search {
  const needles = needlesOf(cells.canaries);
  const sinks: SinkReport[] = [];
  const leaks: ProofLeak[] = [];
  const leaked = new Set<number>();
  const kept = new Set<number>();

  function noteNeighbours(text: string): boolean {
    let seen = false;
    for (const match of text.matchAll(NEIGHBOUR)) {
      kept.add(Number(match[1]));
      seen = true;
    }
    return seen;
  }

  /** How many canaries are in these bytes; each place and carrier is listed once a sink. */
  function noteCanaries(sink: string, bytes: Buffer): number {
    const finds = findCanaries(bytes, cells.canaries, needles);
    for (const { cell, form } of finds) {
      const found = cell === undefined ? undefined : cells.all[cell];
      const position = found?.position ?? 'unknown';
      const carrier = found?.carrier ?? 'unknown';
      if (cell !== undefined) leaked.add(cell);
      const known = leaks.some((each) => each.sink === sink && each.position === position && each.carrier === carrier);
      if (!known) leaks.push({ sink, position, carrier, form });
    }
    return finds.length;
  }

  return {
    sinks,
    leaks,
    leaked,
    kept,
    bytes(sink, chunks, expectsControl) {
      let bytes = 0;
      let seen = false;
      let found = 0;
      for (const chunk of chunks) {
        bytes += chunk.length;
        seen = noteNeighbours(chunk.toString('latin1')) || seen;
        found += noteCanaries(sink, chunk);
      }
      sinks.push({ sink, bytes, seen, expectsControl, leaks: found });
    },
    async tables(query, progress) {
      const columns = await textColumns(query);
      const byTable = new Map<string, { seen: boolean; leaks: number }>();
      progress(`searching ${columns.length} columns of ${new Set(columns.map((each) => each.table)).size} tables`);
      for (const column of columns) {
        const report = byTable.get(column.table) ?? { seen: false, leaks: 0 };
        byTable.set(column.table, report);
        const words = needles.map((needle) => needle.bytes.toString('utf8'));
        for (const value of await valuesWith(query, column, words)) {
          report.leaks += noteCanaries(`table ${column.table}.${column.column}`, Buffer.from(value));
        }
        const neighbours = await neighboursIn(query, column);
        for (const cell of neighbours) kept.add(cell);
        if (neighbours.length > 0) report.seen = true;
      }
      for (const [table, { seen, leaks: found }] of byTable) {
        sinks.push({ sink: `table ${table}`, bytes: 0, seen, expectsControl: CONTROLLED.test(table), leaks: found });
      }
    },
  };
}
