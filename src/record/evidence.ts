import type { Actor } from './actor.ts';

/**
 * Evidence: one act or one telling observation, keyed to an incident. Here telemetry and the record meet: `evidence/`
 * makes these rows from redacted telemetry, `store/` keeps them, the record cites them by id.
 */
export const EVIDENCE_KINDS = [
  'tool_call',
  'model_call',
  'agent_run',
  'handoff',
  'guardrail',
  'evaluation',
  'retrieval',
  'approval_signal',
  'trace',
  'error',
  'log',
  'metric',
  'change',
  'alert',
  'runbook',
  'ownership',
  'related_incident',
  'note',
  'transcript',
  'check_result',
] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

export const EVIDENCE_OUTCOMES = ['ok', 'error', 'denied', 'timeout', 'unknown'] as const;
export type EvidenceOutcome = (typeof EVIDENCE_OUTCOMES)[number];

/** How an evidence row came to an incident. Precedence, strongest first: manual, explicit, bound, inferred. */
export type LinkMode = 'explicit' | 'bound' | 'inferred' | 'manual';

export interface EvidenceLink {
  readonly mode: LinkMode;
  /** In words: `attribute incident.id`, `binding trace 4bf9…`, `filed by alice`. */
  readonly rule: string;
  /** 1 for everything but inferred links. */
  readonly score: number;
}

/**
 * `unfiled`: no incident claimed it. `linked`: keyed to one. `disputed` and `withdrawn` follow from record entries and
 * are laid over the row when it is read.
 */
export type EvidenceState = 'unfiled' | 'linked' | 'disputed' | 'withdrawn';

export type EvidenceTrust = 'observed' | 'self_reported' | 'imported' | 'untrusted_text';

export interface EvidenceTool {
  readonly name: string;
  readonly callId: string | null;
  readonly type: string | null;
  readonly mcpServer: string | null;
  readonly tier: 'read' | 'write_record' | 'mutate' | 'unknown';
  /** Which rule decided the tier. */
  readonly tierRule: string | null;
}

export interface EvidenceModel {
  readonly name: string;
  readonly provider: string | null;
}

export interface EvidenceTokens {
  readonly input: number | null;
  readonly output: number | null;
}

/**
 * One piece of content (arguments, result, input, output, query …) after redaction. `captured` false: the sender did not
 * send it. `value` null with `captured` true: the policy withheld it, `bytes` and `digest` are what is left.
 */
export interface EvidenceContent {
  readonly captured: boolean;
  readonly value: string | null;
  readonly bytes: number | null;
  readonly digest: string | null;
}

/** A redaction as rows and receipts show it; same shape as pipeline's Redaction, which `record` may not import. */
export interface EvidenceRedaction {
  readonly path: string;
  readonly class: string;
  readonly rule: string;
  readonly ruleVersion: number;
  readonly action: string;
  readonly encodings: readonly string[];
  readonly originalBytes: number;
  readonly fingerprint: string;
}

export interface EvidenceSource {
  /** Lower-case hex; `''` when the evidence did not come from a trace. */
  readonly traceId: string;
  readonly spanId: string;
  readonly signal: 'traces' | 'logs' | 'metrics' | 'record' | 'webhook' | 'query';
  /** Span ids that reported the same act. */
  readonly alsoSeenAs: readonly string[];
}

/**
 * One evidence row. `id` is deterministic (derived from tenant and source), so writing it again replaces it. `incident`
 * is the incident's id, `''` while unfiled; one act linked to two incidents is two rows with the same `id`.
 */
export interface EvidenceRow {
  readonly tenant: string;
  readonly id: string;
  readonly incident: string;
  readonly kind: EvidenceKind;
  readonly state: EvidenceState;
  /** Nanoseconds since the epoch; `endedAtUnixNano` null while unknown. */
  readonly occurredAtUnixNano: bigint;
  readonly endedAtUnixNano: bigint | null;
  /** When Docket had it. */
  readonly receivedAtUnixNano: bigint;
  readonly outcome: EvidenceOutcome;
  readonly actor: Actor;
  readonly service: string;
  readonly environment: string;
  /** One line, at most 300 characters, from redacted content only. */
  readonly summary: string;
  readonly tool: EvidenceTool | null;
  readonly model: EvidenceModel | null;
  readonly tokens: EvidenceTokens | null;
  readonly conversationId: string;
  readonly sessionId: string;
  /** Named by what it is: `arguments`, `result`, `input`, `output`, `query`, `documents`, `body`, `data`. */
  readonly content: Readonly<Record<string, EvidenceContent>>;
  readonly redactions: readonly EvidenceRedaction[];
  readonly link: EvidenceLink | null;
  readonly source: EvidenceSource;
  /** Which backend, dataset and query shape it came from: independent support is counted by it. */
  readonly sourceFamily: string;
  readonly trust: EvidenceTrust;
  /** The telemetry dialect it was recognised by, or `record`. */
  readonly dialect: string;
  /** Refs named by attributes (`incident.id`, `docket.incident.id`) that resolved to no incident yet. */
  readonly namedRefs: readonly string[];
  /** Content-free facts computed before redaction that later rules use (trace ids named in results, argument shape, verb). */
  readonly facts: Readonly<Record<string, string | readonly string[]>>;
  readonly policyVersion: string;
  /** SHA-256 hex over the row's canonical JSON without `digest`, `link`, `state`, `incident`. */
  readonly digest: string;
}
