import type { EvidenceLog } from '../../record/evidence-log.ts';
import type { EvidenceKind, EvidenceRow } from '../../record/evidence.ts';
import type { SignalFigures, SignalReader, SignalScope } from '../../record/service-signals.ts';
import { findSignals } from './find-signals.ts';
import { figuresKey, pastRow, signalRow } from './signal-row.ts';
import { rankSignals, type Signal } from './signal.ts';
import { surplus } from '../surplus.ts';

/** Signal rows an incident can come to have over all looks; those of the latest look are fewer. */
const SIGNAL_ROWS_MAX = 200;
/** Incidents whose rows are known at once; of one heard of longest ago they are read back. */
const INCIDENTS_MAX = 1_000;
/** Signals lie within this many nanoseconds of the window's start, in the order of their rank. */
const RANKS_NANOSECONDS = 1_000_000n;
const AGENT_WORK: readonly EvidenceKind[] = ['tool_call', 'model_call', 'agent_run'];
const AGENT_ROWS_MAX = 100;
const NOBODY: ReadonlySet<string> = new Set();
const PAST = 'past';
const UNKNOWN = 'unknown';

export interface SignalRowsOptions {
  readonly signals: Pick<SignalReader, 'figures' | 'traces' | 'exceptionTraces'>;
  readonly evidenceLog: Pick<EvidenceLog, 'put' | 'page' | 'copies'>;
}

/** The rows of service signals that incidents have. */
export interface SignalRows {
  /**
   * Compares, and files what is told now: new rows, rows whose figures changed, and those that are told no longer, once, as
   * past. Idempotent.
   */
  write(scope: SignalScope, incidentId: string): Promise<SignalLook>;
  /** True when a look before this one filed rows. */
  has(scope: SignalScope, incidentId: string): Promise<boolean>;
}

export interface SignalLook {
  readonly figures: SignalFigures;
  readonly told: readonly Signal[];
}

export function createSignalRows({ signals, evidenceLog }: SignalRowsOptions): SignalRows {
  /** By incident, what each row was last written with, by its id. */
  const written = new Map<string, Map<string, string>>();
  /** By incident, the services that look into it. */
  const investigators = new Map<string, Set<string>>();

  /** Rows that an earlier process wrote: what they hold now is not known, only that they are there. */
  async function writtenOf(scope: SignalScope, incidentId: string): Promise<Map<string, string>> {
    const key = `${scope.tenant}\n${incidentId}`;
    const held = written.get(key);
    if (held !== undefined) return held;
    for (const oldest of surplus(written, INCIDENTS_MAX)) written.delete(oldest);
    const { items } = await evidenceLog.page(scope.tenant, incidentId, {
      kinds: ['error', 'trace', 'log', 'metric'],
      fromUnixNano: scope.fromUnixNano,
      toUnixNano: scope.fromUnixNano + RANKS_NANOSECONDS,
      limit: 500,
    });
    const rows = items.filter((row) => row.dialect === 'service_signal');
    const found = new Map(rows.map((row) => [row.id, row.facts['rank'] === undefined ? PAST : UNKNOWN]));
    written.set(key, found);
    return found;
  }

  /**
   * Services whose own agents' work names the incident. They look into it: where it names no services, their failing calls are no trouble of
   * its own. Seen once, they stay known.
   */
  async function investigatorsOf(scope: SignalScope, incidentId: string): Promise<ReadonlySet<string>> {
    const key = `${scope.tenant}\n${incidentId}`;
    const known = investigators.get(key) ?? new Set<string>();
    for (const oldest of surplus(investigators, INCIDENTS_MAX)) investigators.delete(oldest);
    investigators.set(key, known);
    const { items } = await evidenceLog.page(scope.tenant, incidentId, { kinds: AGENT_WORK, limit: AGENT_ROWS_MAX });
    for (const row of items) if (row.link?.mode === 'explicit' && row.service !== '') known.add(row.service);
    return known;
  }

  async function withExemplars(scope: SignalScope, told: readonly Signal[]): Promise<readonly Signal[]> {
    const asked = told.flatMap(({ exemplar }) => exemplar ?? []);
    const operations = new Map(
      (
        await signals.traces(
          scope,
          asked.filter((each) => 'operation' in each),
        )
      ).map((each) => [`${each.service}\n${each.operation}`, each]),
    );
    const exceptions = new Map(
      (
        await signals.exceptionTraces(
          scope,
          asked.filter((each) => 'type' in each),
        )
      ).map((each) => [`${each.service}\n${each.type}`, each.traceId]),
    );
    return told.map((signal) => {
      const { exemplar } = signal;
      if (exemplar === undefined) return signal;
      const traceId =
        'type' in exemplar
          ? exceptions.get(`${exemplar.service}\n${exemplar.type}`)
          : operations.get(`${exemplar.service}\n${exemplar.operation}`)?.[exemplar.which];
      return { ...signal, traceIds: [traceId ?? ''].filter(Boolean) };
    });
  }

  return {
    has: async (scope, incidentId) => (await writtenOf(scope, incidentId)).size > 0,
    async write(scope, incidentId) {
      const figures = await signals.figures(scope);
      const aside = scope.services.length === 0 ? await investigatorsOf(scope, incidentId) : NOBODY;
      const found = findSignals(figures, scope).filter((signal) => !aside.has(signal.service));
      const told = await withExemplars(scope, rankSignals(found));
      const held = await writtenOf(scope, incidentId);
      const rows: EvidenceRow[] = [];
      const shown = new Map<string, string>();
      const current = new Set<string>();
      for (const [index, signal] of told.entries()) {
        const rank = index + 1;
        const row = signalRow(signal, { scope, incidentId, rank });
        const says = figuresKey(signal, rank);
        current.add(row.id);
        if (held.get(row.id) === says) continue;
        if (!held.has(row.id) && held.size + shown.size >= SIGNAL_ROWS_MAX) continue;
        shown.set(row.id, says);
        rows.push(row);
      }
      const past = [...held].flatMap(([id, says]) => (says === PAST || current.has(id) ? [] : [id]));
      for (const row of past.length === 0 ? [] : await evidenceLog.copies(scope.tenant, [incidentId], past)) {
        rows.push(pastRow(row, scope));
      }
      if (rows.length > 0) await evidenceLog.put(rows);
      for (const [id, says] of shown) held.set(id, says);
      for (const id of past) held.set(id, PAST);
      return { figures, told };
    },
  };
}
