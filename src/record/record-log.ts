import type { Entry } from './entry.ts';
import type { RecordHeadRef } from './incident-record.ts';

export type AppendResult =
  | { readonly kind: 'appended' }
  /** Somebody else took the first `seq`: reload, decide again. */
  | { readonly kind: 'conflict' };

/**
 * Where entries are kept: one append-only log per incident. Implemented by `store/`.
 *
 * Contract: `append` is all or nothing and durable when it resolves; of several writers that append the same
 * (incident, seq) exactly one gets `appended`. Appending entries that are already there, byte for byte, is `appended`.
 * `read` gives entries in seq order, without gaps. Never answers across tenants.
 */
export interface RecordLog {
  append(entries: readonly Entry[]): Promise<AppendResult>;
  read(tenant: string, incidentId: string, afterSeq?: number): Promise<readonly Entry[]>;
  /** Every incident id of every tenant, with the last seq stored: what the service rebuilds its index from at start. */
  heads(): Promise<readonly RecordHead[]>;
  /**
   * Every log's head with its entries of these types only: what a list of incidents is made from without reading every log.
   * Where it is missing, whole logs are read.
   */
  outlines?(types: readonly string[]): Promise<readonly IncidentOutline[]>;
  /** True when entries were answered that the log does not hold, because somebody changed it by hand. */
  isDamaged?(tenant: string, incidentId: string): boolean;
}

export interface IncidentOutline {
  readonly tenant: string;
  readonly incident: string;
  readonly head: RecordHeadRef;
  /** When the last entry was recorded. */
  readonly recordedAt: string;
  /** In seq order, with gaps. */
  readonly entries: readonly Entry[];
}

export interface RecordHead {
  readonly tenant: string;
  readonly incident: string;
  readonly seq: number;
}
