import type { Actor } from './actor.ts';

/** A tool call that changes things, with what an approval of it is known by. */
export interface MutatingCall {
  readonly id: string;
  readonly occurredAtUnixNano: bigint;
  readonly actor: Actor;
  readonly tool: string;
  /** What it did in the words of the tier rules, e.g. `kubectl patch`; empty where the tool's name says it. */
  readonly operation: string;
  /** Keyed digest of its arguments; null when they were not captured. */
  readonly argumentsDigest: string | null;
  readonly failed: boolean;
}

/** What is counted of a row. */
export interface EvidenceOutline {
  readonly id: string;
  readonly kind: string;
  /** Of two rows with the same id the one received later counts. */
  readonly receivedAtUnixNano: bigint;
  /** Null unless an agent acted. */
  readonly agent: string | null;
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
  /** Every row of the incident in outline; undefined when there are more than `max`. */
  outlines(tenant: string, incidentId: string, max: number): Promise<readonly EvidenceOutline[] | undefined>;
  queryAim(tenant: string, incidentId: string, request: QueryAimRequest): Promise<QueryAim>;
}

/**
 * `kubectl patch`, `sql update`, `curl post`: what makes the call a change, in words of the tier rules' own vocabulary; empty where the tool's
 * name already says it. The arguments themselves stay in the evidence, which can be erased; an entry of the record cannot.
 */
export function operationOf(tierRule: string, verb: unknown): string {
  if (typeof verb !== 'string' || verb === '' || tierRule.startsWith('name.')) return '';
  const [first = '', second] = tierRule.split('.');
  return `${first === 'shell' && second !== undefined ? second : first} ${verb}`;
}
