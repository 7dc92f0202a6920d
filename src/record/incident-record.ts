import type { Actor } from './actor.ts';
import type { Brief } from './brief/brief.ts';
import type { EvidenceKind, EvidenceOutcome, EvidenceState, LinkMode } from './evidence.ts';

/**
 * The assembled record: what every reader of an incident sees, folded from its entries. All times are RFC 3339 UTC.
 * Every item's `id` is the `entryId` of the entry that made it; `label` (`H1`, `D2`) is its short name within the
 * incident, never reused, and may be used wherever a command takes an id.
 */
export const INCIDENT_STATUSES = [
  'triage',
  'active',
  'mitigated',
  'monitoring',
  'resolved',
  'review',
  'closed',
  'declined',
  'merged',
  'cancelled',
] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** `sev1` is the worst. */
export const SEVERITIES = ['sev1', 'sev2', 'sev3', 'sev4', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const CONFIDENCE_LEVELS = ['none', 'low', 'medium', 'high'] as const;
export type ConfidenceLevel = (typeof CONFIDENCE_LEVELS)[number];

export interface RecordHeadRef {
  readonly seq: number;
  readonly hash: string;
}

/** Who and when, on everything that was said or done. `seq` is the entry that says so. */
export interface Act {
  readonly by: Actor;
  readonly at: string;
  readonly seq: number;
}

interface Item {
  readonly id: string;
  readonly label: string;
}

export interface Trigger extends Item, Act {
  readonly source: 'alert' | 'human' | 'agent' | 'slo' | 'import';
  readonly title: string;
  readonly rule: string | null;
  readonly service: string | null;
  readonly severity: Severity | null;
  readonly firedAt: string | null;
  readonly customersAffected: CustomersAffected | null;
  readonly deployTime: string | null;
  readonly suspectedBlastArea: readonly string[];
  readonly fingerprint: string | null;
  readonly externalRef: string | null;
}

export type CustomersAffected =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'unknown' };

export interface Impact extends Act {
  readonly customersAffected: CustomersAffected;
  readonly segments: readonly string[];
  readonly since: string | null;
  readonly text: string | null;
}

export interface Stance extends Item, Act {
  readonly evidence: string;
  readonly hypothesis: string;
  readonly relation: 'supports' | 'refutes' | 'neutral';
  readonly strength: 'weak' | 'moderate' | 'decisive';
  readonly rationale: string;
  /** The assessor went looking for it to support what they believed already. */
  readonly selfSought: boolean;
  /** Of the evidence, when the stance was taken. */
  readonly sourceFamily: string;
  readonly linkMode: LinkMode;
  /** False once the stance or its evidence is withdrawn. */
  readonly counts: boolean;
  readonly withdrawn: Act | null;
}

export interface Confidence {
  readonly level: ConfidenceLevel;
  readonly basis: string | null;
  readonly setBy: Actor | null;
  readonly at: string | null;
  /** The most that the evidence allows now, and why. */
  readonly cap: ConfidenceLevel;
  readonly capReason: string;
  /** A person set it above the cap, or the cap fell since. */
  readonly aboveCap: boolean;
}

export interface HypothesisRejection extends Act {
  readonly reason: string;
  /** Evidence, stance and check ids that killed it; empty when it was set aside. */
  readonly killedBy: readonly string[];
  readonly setAside: boolean;
  readonly reopenIf: string | null;
}

export interface Hypothesis extends Item, Act {
  readonly statement: string;
  readonly kind: 'cause' | 'contributing' | 'scope';
  readonly owner: Actor;
  readonly state: 'proposed' | 'investigating' | 'supported' | 'accepted' | 'rejected' | 'superseded';
  /** Not rejected and not superseded. */
  readonly live: boolean;
  readonly confidence: Confidence;
  readonly predicts: readonly string[];
  readonly refutedBy: readonly string[];
  readonly supporting: readonly string[];
  readonly refuting: readonly string[];
  /** Independent sources among what supports, and among what refutes; rows of one source count once. */
  readonly supportFamilies: readonly string[];
  readonly refuteFamilies: readonly string[];
  readonly selfSoughtSupport: number;
  readonly stances: readonly Stance[];
  readonly checks: readonly string[];
  readonly rejected: HypothesisRejection | null;
  readonly accepted: (Act & { readonly overrideReason: string | null }) | null;
  readonly supersededBy: string | null;
  /** Evidence it rests on that has been withdrawn or disputed since. */
  readonly flags: readonly Flag[];
}

/** Something this rests on fell. */
export interface Flag {
  readonly code: 'evidence_withdrawn' | 'evidence_disputed' | 'hypothesis_rejected' | 'gap_open' | 'content_erased';
  readonly target: string;
  readonly at: string;
  readonly seq: number;
}

export interface Prediction {
  readonly hypothesis: string;
  readonly expected: string;
  readonly refutesIf: string;
}

export interface Check extends Item, Act {
  readonly question: string;
  readonly method: string | null;
  readonly predictions: readonly Prediction[];
  readonly owner: Actor | null;
  readonly due: string | null;
  readonly state: 'planned' | 'running' | 'answered' | 'impossible' | 'cancelled';
  readonly overdue: boolean;
  readonly answer: CheckAnswer | null;
}

export interface CheckAnswer extends Act {
  readonly text: string;
  readonly evidence: readonly string[];
  /** Per hypothesis: did what would refute it occur? */
  readonly outcomes: readonly {
    readonly hypothesis: string;
    readonly outcome: 'as_predicted' | 'refuted' | 'inconclusive';
  }[];
}

export interface Gap extends Item, Act {
  readonly what: string;
  readonly kind:
    | 'missing_telemetry'
    | 'withheld'
    | 'dropped'
    | 'sampled'
    | 'no_access'
    | 'unknown_owner'
    | 'unanswered'
    | 'overdue_outcome'
    | 'unapproved_mutation';
  readonly why: string | null;
  readonly blocks: readonly string[];
  readonly state: 'open' | 'filled' | 'accepted';
  readonly closed: (Act & { readonly reason: string; readonly evidence: readonly string[] }) | null;
}

export interface Contention extends Item, Act {
  readonly question: string;
  readonly positions: readonly {
    readonly statement: string;
    readonly hypothesis: string | null;
    readonly holder: Actor;
    readonly evidence: readonly string[];
  }[];
  readonly discriminatingCheck: string | null;
  readonly state: 'open' | 'resolved';
  readonly resolution:
    | (Act & {
        readonly how: 'check' | 'decision' | 'dissolved';
        readonly reason: string;
        readonly target: string | null;
      })
    | null;
}

export interface DecisionOption {
  readonly text: string;
  readonly for: readonly string[];
  readonly against: readonly string[];
}

export interface Decision extends Item, Act {
  readonly question: string;
  readonly options: readonly DecisionOption[];
  /** Text of the chosen option. */
  readonly chosen: string;
  readonly rationale: string;
  /** On what standing the decider decides: command, an owner, a policy. */
  readonly authority: string;
  readonly considered: readonly string[];
  readonly gapsAccepted: readonly string[];
  /** The record as the decider had it. */
  readonly recordHead: RecordHeadRef;
  readonly reversible: boolean;
  readonly revisitAt: string | null;
  readonly revisits: readonly (Act & { readonly reason: string; readonly outcome: 'stands' | 'reversed' })[];
  readonly stands: boolean;
  readonly flags: readonly Flag[];
}

export interface Action extends Item, Act {
  readonly intent: string;
  readonly target: string;
  readonly operation: string;
  readonly parametersDigest: string | null;
  /** SHA-256 hex over target, operation and parameters: what an approval is for. */
  readonly actionDigest: string;
  readonly tier: 'read' | 'write_record' | 'mutate' | 'unknown';
  readonly expectedEffect: string | null;
  readonly rollback: { readonly plan: string | null; readonly irreversible: string | null };
  readonly rollbackDigest: string;
  readonly changeType: 'standard' | 'normal' | 'emergency';
  readonly externalRef: string | null;
  readonly decision: string | null;
  readonly hypotheses: readonly string[];
  readonly state: 'proposed' | 'executing' | 'executed' | 'closed' | 'cancelled';
  /** The approval or policy decision that let it start; null until then. */
  readonly startedUnder: string | null;
  readonly started: Act | null;
  readonly finished:
    | (Act & { readonly ok: boolean; readonly text: string | null; readonly evidence: readonly string[] })
    | null;
  readonly outcomeDue: string | null;
  readonly outcomeOverdue: boolean;
  readonly outcome:
    | (Act & {
        readonly effect: 'verified' | 'no_effect' | 'worsened' | 'rolled_back';
        readonly text: string | null;
        readonly evidence: readonly string[];
      })
    | null;
}

export interface Approval extends Item, Act {
  readonly action: string;
  readonly actionDigest: string;
  readonly policyVersion: string;
  readonly rollbackDigest: string;
  readonly recordHead: RecordHeadRef;
  readonly quorum: number;
  readonly eligible: readonly string[];
  readonly expiresAt: string;
  readonly state: 'pending' | 'granted' | 'denied' | 'expired' | 'stale' | 'cancelled' | 'consumed';
  readonly votes: readonly (Act & { readonly verdict: 'approve' | 'deny'; readonly reason: string | null })[];
  readonly staleBecause: string | null;
  readonly consumed: Act | null;
  readonly flags: readonly Flag[];
}

export const RESPONSIBILITY_KINDS = [
  'command',
  'investigate',
  'act',
  'approve',
  'communicate',
  'watch',
  'draft',
  'scribe',
  'challenge',
] as const;
export type ResponsibilityKind = (typeof RESPONSIBILITY_KINDS)[number];

export interface Responsibility extends Item, Act {
  readonly kind: ResponsibilityKind;
  readonly workstream: string;
  readonly holder: Actor;
  readonly capabilities: readonly string[];
  readonly since: string;
  readonly until: string | null;
  /** False once given up or passed on. */
  readonly held: boolean;
}

export interface Handoff extends Item, Act {
  readonly responsibilities: readonly string[];
  readonly from: Actor;
  readonly to: Actor;
  readonly snapshotHead: RecordHeadRef;
  readonly carried: {
    readonly openChecks: readonly string[];
    readonly pendingApprovals: readonly string[];
    readonly unsentMessages: readonly string[];
    readonly risks: readonly string[];
    readonly nextCheckpoint: string | null;
  };
  readonly expiresAt: string | null;
  readonly state: 'offered' | 'accepted' | 'declined' | 'withdrawn' | 'expired';
  readonly settled: (Act & { readonly reason: string | null; readonly acceptedHead: RecordHeadRef | null }) | null;
}

export interface Participant {
  readonly actor: Actor;
  readonly joinedAt: string;
  readonly leftAt: string | null;
  /** The last entry they have seen. */
  readonly cursor: number;
}

export interface StatusUpdate extends Item, Act {
  readonly happening: string;
  readonly believed: string | null;
  readonly doing: string | null;
  readonly nextUpdateDue: string | null;
  /** The newest update only: its next one is late. */
  readonly overdue: boolean;
  readonly basis: readonly string[];
}

export interface MessageVersion extends Act {
  readonly body: string;
}

export interface Message extends Item, Act {
  readonly audience: 'customers' | 'stakeholders' | 'internal' | 'regulator';
  readonly channel: string | null;
  readonly body: string;
  readonly versions: readonly MessageVersion[];
  readonly restsOn: readonly string[];
  readonly due: string | null;
  readonly overdue: boolean;
  readonly state: 'draft' | 'approved' | 'sent' | 'corrected' | 'retracted';
  readonly approved: Act | null;
  readonly sent: (Act & { readonly externalRef: string | null }) | null;
  readonly correctedBy: string | null;
  readonly supersedes: string | null;
  readonly retracted: (Act & { readonly reason: string }) | null;
  /** Something it rests on was rejected or withdrawn. */
  readonly unsupported: boolean;
  readonly flags: readonly Flag[];
}

export const PROOF_KINDS = ['trace', 'regression_check', 'release', 'ticket', 'document'] as const;
export type ProofKind = (typeof PROOF_KINDS)[number];

export interface FollowUp extends Item, Act {
  readonly type: 'fix' | 'detect' | 'mitigate' | 'prevent' | 'document' | 'investigate' | 'other';
  readonly title: string;
  readonly owner: Actor | null;
  readonly due: string | null;
  readonly overdue: boolean;
  readonly externalRef: string | null;
  readonly origin: readonly string[];
  readonly requiredProofs: readonly ProofKind[];
  readonly proofs: readonly (Act & { readonly kind: ProofKind; readonly locator: string; readonly digest: string })[];
  readonly state: 'open' | 'in_progress' | 'proof_pending' | 'done' | 'wont_do';
  readonly closed: (Act & { readonly reason: string | null }) | null;
}

export interface Relation extends Item, Act {
  readonly kind: 'duplicate' | 'merged_into' | 'split_from' | 'caused_by' | 'recurrence_of' | 'similar';
  readonly other: string;
  readonly basis: readonly string[];
}

/** What a person said of something an agent wrote. */
export interface DraftVerdict extends Item, Act {
  readonly target: string;
  readonly verdict: 'accepted' | 'edited' | 'rejected';
  readonly diff: string | null;
  readonly reason: string | null;
}

export interface EvidenceLine {
  readonly id: string;
  readonly kind: EvidenceKind;
  readonly state: EvidenceState;
  readonly occurredAt: string;
  readonly outcome: EvidenceOutcome;
  readonly actor: Actor;
  readonly service: string;
  readonly summary: string;
  readonly pinned: boolean;
}

export interface EvidenceOverview {
  readonly total: number;
  /** Rows by kind; only kinds that occur. */
  readonly counts: Readonly<Record<string, number>>;
  readonly agents: readonly string[];
  /** Newest first, at most 20. */
  readonly latest: readonly EvidenceLine[];
  /** Changes seen in telemetry (deploys, rollbacks, flags), newest first, at most 20. */
  readonly changes: readonly EvidenceLine[];
  readonly pinned: readonly string[];
  readonly disputed: readonly string[];
  readonly withdrawn: readonly string[];
}

export interface Checkpoint {
  readonly seq: number;
  readonly hash: string;
  readonly keyId: string;
  readonly signature: string;
  readonly at: string;
}

/** How narrow the search has become. Numbers first, words in `explanation`. */
export interface Fixation {
  readonly leader: string | null;
  readonly liveHypotheses: number;
  readonly leaderAgeSeconds: number | null;
  readonly secondsSinceDisconfirmingAttempt: number | null;
  readonly supports: number;
  readonly refutes: number;
  /** Share of the recent queries aimed at the leading theory; null when no query could be attributed. */
  readonly queryShareOnLeader: number | null;
  /** How many recent queries the share is of; null when it is null. */
  readonly recentQueries: number | null;
  readonly challengeDue: boolean;
  readonly explanation: readonly string[];
}

/** Keys in this order. */
export interface IncidentRecord {
  readonly id: string;
  readonly ref: string;
  readonly title: string;
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly head: RecordHeadRef;
  readonly brief: Brief;
  readonly triggers: readonly Trigger[];
  readonly impact: Impact | null;
  readonly services: readonly string[];
  readonly environments: readonly string[];
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly mitigatedAt: string | null;
  readonly resolvedAt: string | null;
  readonly responsibilities: readonly Responsibility[];
  readonly handoffs: readonly Handoff[];
  readonly participants: readonly Participant[];
  /** Live first, then rejected and superseded; oldest first within each. */
  readonly hypotheses: readonly Hypothesis[];
  readonly checks: readonly Check[];
  readonly gaps: readonly Gap[];
  readonly contentions: readonly Contention[];
  readonly decisions: readonly Decision[];
  readonly actions: readonly Action[];
  readonly approvals: readonly Approval[];
  readonly statusUpdates: readonly StatusUpdate[];
  readonly messages: readonly Message[];
  readonly followUps: readonly FollowUp[];
  readonly evidence: EvidenceOverview;
  readonly relations: readonly Relation[];
  readonly fixation: Fixation;
  readonly integrity: { readonly verified: boolean; readonly checkpoint: Checkpoint | null };
  readonly policyVersion: string | null;
}

/** One line of the incident list, and the answer to opening one. */
export interface IncidentSummary {
  readonly id: string;
  readonly ref: string;
  readonly title: string;
  readonly status: IncidentStatus;
  readonly severity: Severity;
  readonly head: RecordHeadRef;
  readonly services: readonly string[];
  readonly environments: readonly string[];
  readonly startedAt: string;
  readonly detectedAt: string;
  readonly mitigatedAt: string | null;
  readonly resolvedAt: string | null;
  readonly updatedAt: string;
}
