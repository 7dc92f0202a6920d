import type { EvidenceLink } from './evidence.ts';

/** Keys of an act that may name or be bound to an incident. Empty strings mean absent. */
export interface LinkKeys {
  /** Values of `incident.id` / `docket.incident.id`, most specific position first. */
  readonly refs: readonly string[];
  readonly traceId: string;
  readonly conversationId: string;
  readonly sessionId: string;
  readonly agent: string;
  readonly service: string;
  readonly environment: string;
  readonly occurredAtUnixNano: bigint;
  /** Trace ids named in the act's result or arguments (from ItemFacts); feeds inferred links. */
  readonly namedTraceIds: readonly string[];
}

export interface ResolvedLink {
  readonly incidentId: string;
  readonly link: EvidenceLink;
}

/**
 * Which incidents an act belongs to, in memory and current: what the linker asks for every act. Kept by the record
 * service from the log.
 */
export interface IncidentIndex {
  /** Strongest link per incident; empty when none claims it. Refs that name no incident are the caller's to keep. */
  resolve(tenant: string, keys: LinkKeys): readonly ResolvedLink[];
  /** Ids of the traces bound to an incident. */
  boundTraces(tenant: string, incidentId: string): readonly string[];
  /** True when `refOrId` names an incident of the tenant. */
  knows(tenant: string, refOrId: string): boolean;
  /**
   * Grows with every opened incident and every binding. A writer reads it before `resolve` and after its rows are
   * stored; when it grew in between, the rows may have missed a link and `relink` must run.
   */
  readonly version: number;
  /** Files stored rows under everything opened or bound since `version`. Idempotent. */
  relink(sinceVersion: number): Promise<void>;
}
