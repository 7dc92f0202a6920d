import type { Actor } from './actor.ts';

/** A JSON value as entries carry it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * One entry of an incident's append-only log. `hash` = SHA-256 hex of the RFC 8785 canonical JSON of all other fields;
 * `prevHash` is the hash of the entry before, 64 zeros for the first. `seq` is gapless from 1.
 */
export interface Entry {
  readonly tenant: string;
  readonly incident: string;
  readonly seq: number;
  /** UUID; chosen by the client for idempotency, or by Docket. */
  readonly entryId: string;
  /** `noun.verb`, e.g. `hypothesis.propose`. */
  readonly type: string;
  readonly actor: Actor;
  /** RFC 3339 UTC. When it happened, and when Docket recorded it. */
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly body: { readonly [key: string]: Json };
  /** Evidence and entry ids the entry rests on. */
  readonly basis: readonly string[];
  readonly prevHash: string;
  readonly hash: string;
  readonly policyDecision?: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

/** An entry that has not been placed in the log yet. */
export type EntryDraft = Omit<Entry, 'seq' | 'prevHash' | 'hash'>;
