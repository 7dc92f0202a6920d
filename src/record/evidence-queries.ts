import type { Actor } from './actor.ts';

/** A tool call that changes things, with what an approval of it is known by. */
export interface MutatingCall {
  readonly id: string;
  readonly occurredAtUnixNano: bigint;
  readonly actor: Actor;
  readonly tool: string;
  /** Keyed digest of its arguments; null when they were not captured. */
  readonly argumentsDigest: string | null;
  readonly failed: boolean;
}

export interface QueryAimRequest {
  /** Words of which one must occur; at most 200. */
  readonly terms: readonly string[];
  readonly fromUnixNano: bigint;
  /** How many of the newest queries are looked at. */
  readonly limit: number;
}

export interface QueryAim {
  /** Read-only tool calls looked at. */
  readonly queries: number;
  /** Those whose tool, arguments or summary hold one of the terms. */
  readonly aimed: number;
}

/** Questions about an incident's evidence that only the store can answer without moving every row. Implemented by `store/`. */
export interface EvidenceQueries {
  /** Tool calls of tier `mutate` that were not denied, oldest first; the newest 10,000. */
  mutatingCalls(tenant: string, incidentId: string): Promise<readonly MutatingCall[]>;
  queryAim(tenant: string, incidentId: string, request: QueryAimRequest): Promise<QueryAim>;
}
