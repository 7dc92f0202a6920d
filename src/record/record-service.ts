import type { Actor } from './actor.ts';
import type { Brief } from './brief/brief.ts';
import type { Entry, Json } from './entry.ts';
import type { IncidentIndex } from './incident-index.ts';
import type {
  CustomersAffected,
  IncidentRecord,
  IncidentStatus,
  IncidentSummary,
  RecordHeadRef,
  Severity,
} from './incident-record.ts';
import type { Rejection } from './rejection.ts';

/** What the body of `POST /incidents` may hold. Everything is validated by `open`; unknown keys are refused. */
export interface OpenIncident {
  readonly title: string;
  readonly severity?: Severity;
  /** Chosen by the caller; `INC-<n>` when left out. Unique per tenant. */
  readonly ref?: string;
  readonly trigger?: OpenTrigger;
  readonly services?: readonly string[];
  readonly environments?: readonly string[];
  readonly startedAt?: string;
  readonly bind?: Binding | readonly Binding[];
  /** Idempotency key: opening again with the same one and the same body gives the same incident. */
  readonly entryId?: string;
}

export interface OpenTrigger {
  readonly source: 'alert' | 'human' | 'agent' | 'slo' | 'import';
  readonly title?: string;
  readonly rule?: string;
  readonly service?: string;
  readonly severity?: Severity;
  readonly firedAt?: string;
  readonly customersAffected?: CustomersAffected;
  readonly deployTime?: string;
  readonly suspectedBlastArea?: readonly string[];
  readonly fingerprint?: string;
  readonly externalRef?: string;
}

/** Exactly one of the keys, and a window for `agent` and `service`. */
export type Binding =
  | { readonly traceId: string }
  | { readonly conversationId: string }
  | { readonly sessionId: string }
  | { readonly agent: string; readonly from?: string; readonly to?: string }
  | { readonly service: string; readonly environment?: string; readonly from?: string; readonly to?: string };

/** One typed command as sent to `POST /incidents/{id}/entries`. Everything in it is untrusted until `append` validated it. */
export interface Command {
  readonly type: string;
  readonly body: { readonly [key: string]: Json };
  /** UUID. Sending the same again is a no-op. */
  readonly entryId?: string;
  /** The head the sender decided on; refused when the record has moved on. */
  readonly expectedSeq?: number;
  readonly basis?: readonly string[];
  /** RFC 3339; now when left out. */
  readonly occurredAt?: string;
  readonly policyDecision?: string;
  readonly traceId?: string;
  readonly spanId?: string;
}

export interface Appended {
  readonly seq: number;
  readonly hash: string;
  readonly entryId: string;
  readonly incidentId: string;
  readonly head: RecordHeadRef;
}

export type CommandResult =
  | ({ readonly kind: 'appended' } & Appended)
  /** The same `entryId` with the same content was there already; `seq` and `hash` are those of then. */
  | ({ readonly kind: 'repeated' } & Appended)
  | {
      readonly kind: 'conflict';
      readonly code: 'record.stale_expected_seq' | 'record.entry_id_reused' | 'record.busy';
      readonly message: string;
      readonly head: RecordHeadRef;
      /** Entries after `expectedSeq`, at most 100; empty for a reused `entryId`. */
      readonly changed: readonly Entry[];
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** No such incident, or another tenant's. */
  | { readonly kind: 'unknown_incident' };

export type OpenResult =
  | { readonly kind: 'opened'; readonly incident: IncidentSummary; readonly filed: number }
  /** The same `entryId` and body again. */
  | { readonly kind: 'repeated'; readonly incident: IncidentSummary }
  | {
      readonly kind: 'conflict';
      readonly code: 'incident.ref_taken' | 'record.entry_id_reused';
      readonly message: string;
      /** Who has the ref; null when it is not for this caller to know. */
      readonly existing: IncidentSummary | null;
    }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

export type BindResult =
  /** `filed`: rows that had arrived before and belong to the incident now. */
  | ({ readonly kind: 'created'; readonly filed: number } & Appended)
  | ({ readonly kind: 'existing' } & Appended)
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  | { readonly kind: 'unknown_incident' };

export interface IncidentFilter {
  readonly status?: readonly IncidentStatus[];
  readonly service?: string;
  readonly severity?: readonly Severity[];
  /** Words looked for in ref, title and services; case-insensitive, all must occur. */
  readonly q?: string;
  /** RFC 3339; compared with `startedAt`. */
  readonly from?: string;
  readonly to?: string;
  /** 1 to 200; 50 when left out. */
  readonly limit?: number;
  readonly cursor?: string;
}

export interface IncidentPage {
  /** Newest first. */
  readonly items: readonly IncidentSummary[];
  readonly next: string | null;
}

export interface EntryPage {
  readonly items: readonly Entry[];
  /** The `after` of the next page; null on the last. */
  readonly next: number | null;
}

/** Which incident evidence belongs to, and which of it the record says is disputed or withdrawn by now. */
export interface EvidenceStanding {
  readonly id: string;
  readonly ref: string;
  readonly disputed: readonly string[];
  readonly withdrawn: readonly string[];
  /** The latest word on each piece of evidence that somebody judged. */
  readonly verdicts: ReadonlyMap<string, EvidenceVerdict>;
}

/** What somebody said of a piece of evidence: that it belongs here, that it is doubtful, or that it is taken back. */
export interface EvidenceVerdict {
  readonly verdict: 'confirmed' | 'disputed' | 'withdrawn';
  readonly by: Actor;
  readonly at: string;
  readonly reason: string | null;
}

export interface BriefAnswer {
  readonly json: Brief;
  readonly markdown: string;
}

export interface WhyStep {
  readonly kind: string;
  readonly id: string;
  readonly label: string | null;
  readonly text: string;
  /** Ids this step rests on; the next steps of the chain. */
  readonly restsOn: readonly string[];
}

/** The chain action → approval → decision → hypotheses → evidence behind one item. */
export interface WhyAnswer {
  readonly target: { readonly kind: string; readonly id: string };
  readonly steps: readonly WhyStep[];
  readonly complete: boolean;
  /** In words, what the chain lacks. */
  readonly missing: readonly string[];
}

/** A type of entry, as forms and agents are built from it. */
export interface EntryTypeDescription {
  readonly type: string;
  readonly summary: string;
  /** Actor kinds that may send it; `service` ones are Docket's own. */
  readonly allowed: readonly Actor['kind'][];
  /** JSON Schema (2020-12) of the body. */
  readonly schema: { readonly [key: string]: unknown };
}

export interface RecordService {
  /** Rebuilds the index from the log. Resolves when commands and `index` may be used. */
  start(): Promise<void>;
  /** Resolves when the entries are durable and what arrived before is filed. */
  open(tenant: string, actor: Actor, request: OpenIncident): Promise<OpenResult>;
  append(tenant: string, refOrId: string, actor: Actor, command: Command): Promise<CommandResult>;
  /** As it is, or with `at` as it stood after that entry; undefined for an unknown incident or a seq not reached yet. */
  record(tenant: string, refOrId: string, options?: { readonly at?: number }): Promise<IncidentRecord | undefined>;
  summary(tenant: string, refOrId: string): Promise<IncidentSummary | undefined>;
  /** What readers of its evidence need of an incident, without counting or assembling anything. */
  evidenceStanding(tenant: string, refOrId: string): Promise<EvidenceStanding | undefined>;
  list(tenant: string, filter: IncidentFilter): Promise<IncidentPage>;
  /** `limit` 1 to 1,000. */
  entries(
    tenant: string,
    refOrId: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<EntryPage | undefined>;
  brief(tenant: string, refOrId: string, options?: { readonly since?: number }): Promise<BriefAnswer | undefined>;
  /** The whole record as Markdown; untrusted text is escaped. */
  markdown(record: IncidentRecord): string;
  bind(tenant: string, refOrId: string, actor: Actor, binding: unknown): Promise<BindResult>;
  /** undefined when the incident or the target is not there. `target` is `{kind}:{id or label}`. */
  why(tenant: string, refOrId: string, target: string): Promise<WhyAnswer | undefined>;
  entryTypes(): readonly EntryTypeDescription[];
  /** Calls `listener` with each entry after it is durable, in order. Returns how to stop. */
  subscribe(tenant: string, incidentId: string, listener: (entry: Entry) => void): () => void;
  readonly index: IncidentIndex;
  close(): Promise<void>;
}
