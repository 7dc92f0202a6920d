import type { Actor } from './actor.ts';
import { GENESIS } from './chain.ts';
import type { BindingSelector } from './evidence-log.ts';
import type { EvidenceKind, EvidenceTrust, LinkMode } from './evidence.ts';
import type {
  Act,
  Action,
  Approval,
  Check,
  Checkpoint,
  Confidence,
  Contention,
  Decision,
  DraftVerdict,
  FollowUp,
  Gap,
  Handoff,
  Hypothesis,
  Impact,
  IncidentStatus,
  Message,
  Participant,
  RecordHeadRef,
  Relation,
  Responsibility,
  Severity,
  Stance,
  StatusUpdate,
  Trigger,
} from './incident-record.ts';
import { createRegister, type Register } from './register.ts';

/** What the record knows of an evidence row it cites: facts of the moment it was cited, and what was said of it since. */
export interface EvidenceFact {
  readonly id: string;
  readonly kind: EvidenceKind;
  readonly sourceFamily: string;
  readonly linkMode: LinkMode;
  readonly trust: EvidenceTrust;
  readonly digest: string;
  readonly confirmed: Act | null;
  readonly disputed: (Act & { readonly reason: string }) | null;
  readonly withdrawn: (Act & { readonly reason: string }) | null;
  readonly pinned: boolean;
}

export type HypothesisState = Omit<
  Hypothesis,
  | 'live'
  | 'confidence'
  | 'supporting'
  | 'refuting'
  | 'supportFamilies'
  | 'refuteFamilies'
  | 'selfSoughtSupport'
  | 'stances'
  | 'checks'
  | 'flags'
> & { readonly stated: Pick<Confidence, 'level' | 'basis' | 'setBy' | 'at'>; readonly basis: readonly string[] };
export type StanceState = Omit<Stance, 'counts' | 'sourceFamily' | 'linkMode'>;
export type CheckState = Omit<Check, 'overdue'>;
export type DecisionState = Omit<Decision, 'flags'> & { readonly basis: readonly string[] };
export type ActionState = Omit<Action, 'outcomeOverdue'>;
export type ApprovalState = Omit<Approval, 'flags'> & { readonly hypotheses: readonly string[] };
export type StatusUpdateState = Omit<StatusUpdate, 'overdue'>;
export type MessageState = Omit<Message, 'overdue' | 'unsupported' | 'flags'>;
export type FollowUpState = Omit<FollowUp, 'overdue'>;

export interface BindingState extends Act {
  readonly id: string;
  readonly label: string;
  readonly selector: BindingSelector;
  /** The selector in words; the same binding twice has the same words. */
  readonly rule: string;
}

export interface Review extends Act {
  readonly id: string;
  readonly label: string;
  readonly sentences: readonly { readonly text: string; readonly cites: readonly string[] }[];
  readonly state: 'draft' | 'published';
  readonly published: Act | null;
}

/**
 * The folded record of one incident while it lives in memory. Only `fold.ts` changes it, by applying entries; items are
 * replaced, never changed, so that what was handed out stays as it was.
 */
export interface IncidentState {
  readonly tenant: string;
  readonly id: string;
  ref: string;
  title: string;
  status: IncidentStatus;
  severity: Severity;
  services: readonly string[];
  environments: readonly string[];
  openedBy: Actor;
  startedAt: string;
  detectedAt: string;
  mitigatedAt: string | null;
  resolvedAt: string | null;
  /** When it was closed, declined, merged or cancelled. */
  endedAt: string | null;
  statusSince: string;
  mergedInto: string | null;
  head: RecordHeadRef;
  updatedAt: string;
  readonly seqByEntryId: Map<string, number>;
  readonly triggers: Register<Trigger>;
  impact: Impact | null;
  readonly evidence: Map<string, EvidenceFact>;
  /** Grows with every change of `evidence` and `erased`: what was weighed before it may weigh otherwise now. */
  evidenceRevision: number;
  readonly hypotheses: Register<HypothesisState>;
  readonly stances: Register<StanceState>;
  readonly checks: Register<CheckState>;
  readonly gaps: Register<Gap>;
  readonly contentions: Register<Contention>;
  readonly decisions: Register<DecisionState>;
  readonly actions: Register<ActionState>;
  readonly approvals: Register<ApprovalState>;
  readonly responsibilities: Register<Responsibility>;
  readonly handoffs: Register<Handoff>;
  /** By actor key. */
  readonly participants: Map<string, Participant>;
  readonly statusUpdates: Register<StatusUpdateState>;
  readonly messages: Register<MessageState>;
  readonly followUps: Register<FollowUpState>;
  readonly relations: Register<Relation>;
  readonly verdicts: Register<DraftVerdict>;
  readonly reviews: Register<Review>;
  readonly bindings: Register<BindingState>;
  /** Evidence ids whose content was erased. */
  readonly erased: Map<string, Act>;
  checkpoint: Checkpoint | null;
  policyVersion: string | null;
  /** Entries whose type or body this version does not understand: kept in the log, not in the record. */
  readonly unreadable: number[];
}

export function createIncidentState(tenant: string, id: string): IncidentState {
  return {
    tenant,
    id,
    ref: '',
    title: '',
    status: 'triage',
    severity: 'unknown',
    services: [],
    environments: [],
    openedBy: { kind: 'service', name: 'docket', id: null },
    startedAt: '',
    detectedAt: '',
    mitigatedAt: null,
    resolvedAt: null,
    endedAt: null,
    statusSince: '',
    mergedInto: null,
    head: GENESIS,
    updatedAt: '',
    seqByEntryId: new Map(),
    triggers: createRegister('T'),
    impact: null,
    evidence: new Map(),
    evidenceRevision: 0,
    hypotheses: createRegister('H'),
    stances: createRegister('S'),
    checks: createRegister('C'),
    gaps: createRegister('G'),
    contentions: createRegister('X'),
    decisions: createRegister('D'),
    actions: createRegister('A'),
    approvals: createRegister('P'),
    responsibilities: createRegister('R'),
    handoffs: createRegister('HO'),
    participants: new Map(),
    statusUpdates: createRegister('U'),
    messages: createRegister('M'),
    followUps: createRegister('F'),
    relations: createRegister('L'),
    verdicts: createRegister('V'),
    reviews: createRegister('PR'),
    bindings: createRegister('B'),
    erased: new Map(),
    checkpoint: null,
    policyVersion: null,
    unreadable: [],
  };
}

/** The same record, which goes its own way from here: items are replaced and never changed, so both may hold the same ones. */
export function copyState(state: IncidentState): IncidentState {
  return {
    ...state,
    seqByEntryId: new Map(state.seqByEntryId),
    evidence: new Map(state.evidence),
    participants: new Map(state.participants),
    erased: new Map(state.erased),
    unreadable: [...state.unreadable],
    triggers: state.triggers.copy(),
    hypotheses: state.hypotheses.copy(),
    stances: state.stances.copy(),
    checks: state.checks.copy(),
    gaps: state.gaps.copy(),
    contentions: state.contentions.copy(),
    decisions: state.decisions.copy(),
    actions: state.actions.copy(),
    approvals: state.approvals.copy(),
    responsibilities: state.responsibilities.copy(),
    handoffs: state.handoffs.copy(),
    statusUpdates: state.statusUpdates.copy(),
    messages: state.messages.copy(),
    followUps: state.followUps.copy(),
    relations: state.relations.copy(),
    verdicts: state.verdicts.copy(),
    reviews: state.reviews.copy(),
    bindings: state.bindings.copy(),
  };
}

/** True when the id or label names an item, an entry or a cited evidence row of the incident. */
export function isKnown(state: IncidentState, id: string): boolean {
  return state.seqByEntryId.has(id) || state.evidence.has(id) || registers(state).some((each) => each.find(id));
}

/** The id behind a label; an id is its own answer. */
export function resolveId(state: IncidentState, idOrLabel: string): string {
  for (const register of registers(state)) {
    const item = register.find(idOrLabel);
    if (item !== undefined) return item.id;
  }
  return idOrLabel;
}

/** Who made an item. */
export function authorOf(state: IncidentState, idOrLabel: string): Actor | undefined {
  for (const register of registers(state)) {
    const item = register.find(idOrLabel);
    if (item !== undefined) return item.by;
  }
  return undefined;
}

function registers(
  state: IncidentState,
): readonly { find(id: string): { readonly id: string; readonly by: Actor } | undefined }[] {
  return [
    state.triggers,
    state.hypotheses,
    state.stances,
    state.checks,
    state.gaps,
    state.contentions,
    state.decisions,
    state.actions,
    state.approvals,
    state.responsibilities,
    state.handoffs,
    state.statusUpdates,
    state.messages,
    state.followUps,
    state.relations,
    state.verdicts,
    state.reviews,
    state.bindings,
  ];
}

/** Not rejected and not superseded. */
export function isLive(hypothesis: HypothesisState): boolean {
  return hypothesis.state !== 'rejected' && hypothesis.state !== 'superseded';
}

/** Past resolution or set aside: nothing in it runs any more. */
export function isOver(status: IncidentStatus): boolean {
  return status === 'closed' || status === 'declined' || status === 'merged' || status === 'cancelled';
}
