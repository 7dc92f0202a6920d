import type { EvidenceKind, EvidenceLink, EvidenceOutcome, EvidenceRow } from './evidence.ts';

/** Which rows of one incident (or of the unfiled ones). All conditions must hold. */
export interface EvidenceFilter {
  readonly kinds?: readonly EvidenceKind[];
  readonly actor?: string;
  readonly service?: string;
  readonly outcome?: EvidenceOutcome;
  /** Words looked for in summary and content, case-insensitive; all must occur. */
  readonly q?: string;
  /** Texts of which summary or content must hold one, as they are written; not empty. At most 200. */
  readonly anyOf?: readonly string[];
  readonly fromUnixNano?: bigint;
  readonly toUnixNano?: bigint;
}

export interface EvidencePageRequest extends EvidenceFilter {
  /** 1 to 500. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface EvidencePage {
  readonly items: readonly EvidenceRow[];
  /** null on the last page. */
  readonly next: string | null;
}

export interface EvidenceCounts {
  readonly total: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly agents: readonly string[];
}

/** What makes a row belong to an incident by binding: exactly one key, and a window for agent and service. */
export type BindingSelector =
  | { readonly kind: 'trace'; readonly traceId: string }
  | { readonly kind: 'conversation'; readonly conversationId: string }
  | { readonly kind: 'session'; readonly sessionId: string }
  | {
      readonly kind: 'agent';
      readonly agent: string;
      readonly fromUnixNano: bigint | null;
      readonly toUnixNano: bigint | null;
    }
  | {
      readonly kind: 'service';
      readonly service: string;
      readonly environment: string | null;
      readonly fromUnixNano: bigint | null;
      readonly toUnixNano: bigint | null;
    }
  /** Rows whose attributes named this ref or id. */
  | { readonly kind: 'ref'; readonly refs: readonly string[] };

/**
 * `content` of rows that are put as UTF-8 of the JSON that `JSON.stringify` gives, from whoever has it already. May be changed once
 * `put` has resolved.
 */
export interface ContentJson {
  readonly bytes: Buffer;
  /** By row, where its content lies in `bytes`; not given where the end is the start. */
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/**
 * Where evidence rows are kept. Implemented by `store/`; `evidence/` writes, `record/` and `api/` read.
 *
 * Contract: `put` is idempotent by (tenant, incident, id): a later put with a higher `receivedAtUnixNano` or the same
 * one replaces. Rows are readable as soon as `put` resolves. A tenant's rows are invisible to every other tenant.
 */
export interface EvidenceLog {
  put(rows: readonly EvidenceRow[], content?: ContentJson): Promise<void>;
  /** Rows of one incident, newest first. */
  page(tenant: string, incidentId: string, request: EvidencePageRequest): Promise<EvidencePage>;
  /** Rows no incident has claimed, newest first. */
  unfiled(tenant: string, request: EvidencePageRequest): Promise<EvidencePage>;
  get(tenant: string, incidentId: string, evidenceId: string): Promise<EvidenceRow | undefined>;
  /**
   * What is stored of these acts under these incidents (`''` for the unfiled ones), in no order. At most 200 acts and
   * 1,000 incidents a call.
   */
  copies(
    tenant: string,
    incidentIds: readonly string[],
    evidenceIds: readonly string[],
  ): Promise<readonly EvidenceRow[]>;
  /** By id, the content of these acts as stored, whichever incidents have them. At most 200 acts a call. */
  contents(tenant: string, evidenceIds: readonly string[]): Promise<ReadonlyMap<string, EvidenceRow['content']>>;
  /** Those of `evidenceIds` that belong to the incident. At most 1,000 ids. */
  existing(tenant: string, incidentId: string, evidenceIds: readonly string[]): Promise<ReadonlySet<string>>;
  counts(tenant: string, incidentId: string): Promise<EvidenceCounts>;
  /**
   * Files every stored row that `selector` matches under the incident, whatever other incident has it too, and removes
   * it from the unfiled ones. Runs inside ClickHouse; idempotent. Resolves to the number of rows newly filed.
   */
  link(tenant: string, incidentId: string, selector: BindingSelector, link: EvidenceLink): Promise<number>;
  /** Files these unfiled rows by hand. Resolves to the number newly filed. */
  file(tenant: string, incidentId: string, evidenceIds: readonly string[], link: EvidenceLink): Promise<number>;
  /**
   * Takes rows out of every incident and of the unfiled ones, for good: what they told turned out to be part of another
   * row's act. Idempotent; at most 1,000 ids. A later `put` of the same row, redelivered, brings nothing back.
   */
  remove(tenant: string, evidenceIds: readonly string[]): Promise<void>;
  /**
   * Tool calls of these traces, unfiled and under every incident: what a later record about one of them is joined to after
   * a restart. At most 200 traces a call; at most 5,000 rows come back, oldest first.
   */
  toolCalls(tenant: string, traceIds: readonly string[]): Promise<readonly EvidenceRow[]>;
}
