import type { EvidenceLog } from '../record/evidence-log.ts';
import { isAsWritten, noteFiled, type Act } from './act.ts';
import type { ActFiling } from './act-filing.ts';
import type { ActWindow } from './act-window.ts';
import { storedContribution, type Contents } from './contribution.ts';

/** For so long after the start, acts that began before it may have a row that this process did not write. */
const LOOK_UP_AFTER_START_MS = 10 * 60 * 1000;
/** Acts, incidents and traces of one look-up. */
const ACTS_AT_ONCE = 200;
const INCIDENTS_AT_ONCE = 1_000;
const TRACES_AT_ONCE = 200;
/** A record that arrives so long after it began may be about a call that the window has forgotten. */
const LATE_NANOSECONDS = 60_000_000_000n;

/**
 * Brings what only the store knows back into the window: a restart, or more acts than the window holds, must not part an act from
 * what is said about it later. Every method fails as the evidence log does.
 */
export interface StoredActs {
  /** True when the store may have calls of the record's trace that the window does not know: it began before this process or long ago. */
  mayHaveCalls(record: CallPlace): boolean;
  /** Takes in the stored calls of these traces, by tenant. */
  recallTraces(wanted: ReadonlyMap<string, ReadonlySet<string>>): Promise<void>;
  /**
   * Lays stored rows under acts that this process has not written: their first records may have come before a restart, or
   * so long ago that the window forgot them. Only acts with a call id have an id that a stored row can be found by.
   */
  recallRows(touched: ReadonlySet<Act>): Promise<void>;
  /** Reads the content of acts whose rows change back: the window keeps that of the latest acts only. */
  recallContent(touched: ReadonlySet<Act>): Promise<void>;
}

/** Where and when a record that tells of a call, or asks for one, took place. */
export interface CallPlace {
  readonly tenant: string;
  readonly traceId: string;
  readonly startedAtUnixNano: bigint;
  readonly receivedAtUnixNano: bigint;
}

export interface StoredActsOptions {
  readonly evidenceLog: EvidenceLog;
  readonly window: ActWindow;
  readonly filing: ActFiling;
}

export function createStoredActs({ evidenceLog, window, filing }: StoredActsOptions): StoredActs {
  const startedAtMs = Date.now();
  const startedAtUnixNano = BigInt(startedAtMs) * 1_000_000n;

  function mayHaveCalls({ tenant, traceId, startedAtUnixNano: startedAt, receivedAtUnixNano }: CallPlace): boolean {
    if (traceId === '') return false;
    const isOld =
      receivedAtUnixNano - startedAt > LATE_NANOSECONDS ||
      startedAt < startedAtUnixNano ||
      window.hasForgottenTrace(tenant, traceId);
    return isOld && !window.knowsTrace(tenant, traceId);
  }

  function mayBeStored(act: Act): boolean {
    if (act.kind !== 'tool_call' || act.filed.size > 0) return false;
    const { contributions } = act;
    if (!contributions.some((each) => each.tool !== null && each.tool.callId !== '')) return false;
    const isNew = Date.now() - startedAtMs < LOOK_UP_AFTER_START_MS;
    const beganBefore = contributions.some((each) => each.startUnixNano < startedAtUnixNano);
    // What leads the row is here; only a restart can have parted it from the rest.
    if (contributions.some((each) => each.tool?.role === 'execute')) return isNew && beganBefore;
    return (
      isNew ||
      beganBefore ||
      window.hasForgotten(act.id) ||
      contributions.some((each) => each.receivedAtUnixNano - each.startUnixNano > LATE_NANOSECONDS)
    );
  }

  async function lookUp(tenant: string, pending: readonly Act[]): Promise<void> {
    const incidentsOf = new Map<string, { readonly act: Act; readonly incidents: ReadonlySet<string> }>();
    const incidents = new Set<string>();
    for (const act of pending) {
      const row = filing.rowOf(act);
      if (row === undefined) continue;
      const own = new Set(['', ...filing.linksOf(act, row).keys()]);
      incidentsOf.set(act.id, { act, incidents: own });
      for (const incident of own) incidents.add(incident);
    }
    for (const some of chunks([...incidents], INCIDENTS_AT_ONCE)) {
      for (const row of await evidenceLog.copies(tenant, some, [...incidentsOf.keys()])) {
        const found = incidentsOf.get(row.id);
        if (found === undefined || !found.incidents.has(row.incident)) continue;
        window.addStored(found.act, storedContribution(row));
        noteFiled(found.act, row.incident, row.link);
      }
    }
  }

  function lacksContent(act: Act): boolean {
    if (act.absorbed.some((each) => each.released)) return true;
    if (!act.released) return false;
    const inherited = window.inherited(act);
    if (!isAsWritten(act, inherited)) return true;
    const row = filing.rowOf(act, inherited);
    return row !== undefined && [...filing.linksOf(act, row).keys()].some((incident) => !act.filed.has(incident));
  }

  return {
    mayHaveCalls,
    async recallTraces(wanted) {
      for (const [tenant, traces] of wanted) {
        for (const some of chunks([...traces], TRACES_AT_ONCE)) {
          const rows = await evidenceLog.toolCalls(tenant, some);
          for (const traceId of some) {
            const ofTrace = rows.filter((row) => row.source.traceId === traceId);
            window.addStoredTrace(tenant, traceId, ofTrace);
          }
        }
      }
    },
    async recallRows(touched) {
      for (const [tenant, pending] of byTenant(touched, mayBeStored)) {
        for (const some of chunks(pending, ACTS_AT_ONCE)) await lookUp(tenant, some);
      }
    },
    async recallContent(touched) {
      for (const [tenant, lacking] of byTenant(touched, lacksContent)) {
        const released = lacking.flatMap((act) => [...act.absorbed, act].filter((each) => each.released));
        const stored = new Map<string, Contents>();
        for (const some of chunks(released, ACTS_AT_ONCE)) {
          const found = await evidenceLog.contents(
            tenant,
            some.map(({ id }) => id),
          );
          for (const [id, content] of found) stored.set(id, content);
        }
        for (const act of lacking) window.takeBack(act, stored);
      }
    },
  };
}

function byTenant(acts: Iterable<Act>, wanted: (act: Act) => boolean): ReadonlyMap<string, readonly Act[]> {
  const found = new Map<string, Act[]>();
  for (const act of acts) {
    if (!wanted(act)) continue;
    const ofTenant = found.get(act.tenant);
    if (ofTenant === undefined) found.set(act.tenant, [act]);
    else ofTenant.push(act);
  }
  return found;
}

function* chunks<Each>(all: readonly Each[], size: number): Generator<readonly Each[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
