import type { Briefed } from './brief/brief-line.ts';
import { composeBrief } from './brief/compose-brief.ts';
import { exceeds, stanceCounts, stancesOn, supportOf, weighed } from './support.ts';
import { fixationOf } from './fixation.ts';
import { flagsOf, restsOn } from './flag.ts';
import { isPast } from './freshness.ts';
import type {
  Action,
  Approval,
  Check,
  Checkpoint,
  Decision,
  EvidenceLine,
  EvidenceOverview,
  FollowUp,
  Hypothesis,
  IncidentRecord,
  Message,
  Stance,
  StatusUpdate,
} from './incident-record.ts';
import type { EvidenceStanding, EvidenceVerdict } from './record-service.ts';
import type { QueryAim } from './evidence-queries.ts';
import { isLive, type HypothesisState, type IncidentState, type StanceState } from './incident-state.ts';
import type { RecordPolicy } from './record-policy.ts';

/** What the evidence log says of the incident's rows. */
export interface EvidenceCensus {
  readonly total: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly agents: readonly string[];
  readonly latest: readonly EvidenceLine[];
  readonly changes: readonly EvidenceLine[];
}

export interface AssembleOptions {
  readonly evidence: EvidenceCensus;
  /** What freshness is judged against. */
  readonly now: Date;
  readonly policy: RecordPolicy;
  /** False when the log did not verify when it was read. */
  readonly verified: boolean;
  /** At what the recent queries were aimed; null when the store cannot say. */
  readonly aim: QueryAim | null;
  /** The furthest head signed beside the log; null when there is none. */
  readonly checkpoint: Checkpoint | null;
}

/** The record as readers see it. The same state, evidence and clock give the same bytes. */
export function assemble(state: IncidentState, options: AssembleOptions): IncidentRecord {
  const withoutBrief = assembleWithoutBrief(state, options);
  const { id, ref, title, status, severity, head, ...rest } = withoutBrief;
  const brief = composeBrief(withoutBrief, { now: options.now, since: null });
  return { id, ref, title, status, severity, head, brief, ...rest };
}

/** All of the record but the brief: what a brief is written from. */
export function assembleWithoutBrief(state: IncidentState, options: AssembleOptions): Briefed {
  const { now, policy } = options;
  return {
    id: state.id,
    ref: state.ref,
    title: state.title,
    status: state.status,
    severity: state.severity,
    head: state.head,
    triggers: state.triggers.all(),
    impact: state.impact,
    services: state.services,
    environments: state.environments,
    startedAt: state.startedAt,
    detectedAt: state.detectedAt,
    mitigatedAt: state.mitigatedAt,
    resolvedAt: state.resolvedAt,
    responsibilities: state.responsibilities.all(),
    handoffs: state.handoffs.all(),
    participants: [...state.participants.values()],
    hypotheses: hypothesesOf(state),
    checks: state.checks.all().map((check): Check => ({
      ...check,
      overdue: (check.state === 'planned' || check.state === 'running') && isPast(check.due, now),
    })),
    gaps: state.gaps.all(),
    contentions: state.contentions.all(),
    decisions: state.decisions.all().map(({ basis, ...decision }): Decision => ({
      ...decision,
      flags: flagsOf(state, [...decision.considered, ...basis], decision.seq),
    })),
    actions: state.actions.all().map((action): Action => ({
      ...action,
      outcomeOverdue: action.state === 'executed' && isPast(action.outcomeDue, now),
    })),
    approvals: state.approvals.all().map(({ hypotheses, ...approval }): Approval => ({
      ...approval,
      state: expired(approval, now) ? 'expired' : approval.state,
      flags: flagsOf(state, hypotheses, approval.seq),
    })),
    statusUpdates: state.statusUpdates.all().map((update, index, all): StatusUpdate => ({
      ...update,
      overdue:
        index === all.length - 1 &&
        state.endedAt === null &&
        state.resolvedAt === null &&
        isPast(update.nextUpdateDue, now),
    })),
    messages: state.messages.all().map((message): Message => {
      const flags = flagsOf(state, message.restsOn, message.versions.at(-1)?.seq ?? message.seq);
      const fell = flags.some((flag) => flag.code === 'evidence_withdrawn' || flag.code === 'hypothesis_rejected');
      return {
        ...message,
        overdue: (message.state === 'draft' || message.state === 'approved') && isPast(message.due, now),
        unsupported: fell && message.state !== 'corrected' && message.state !== 'retracted',
        flags,
      };
    }),
    followUps: state.followUps.all().map((followUp): FollowUp => ({
      ...followUp,
      overdue: followUp.closed === null && isPast(followUp.due, now),
    })),
    evidence: evidenceOverview(state, options.evidence),
    relations: state.relations.all(),
    fixation: fixationOf(state, now, policy, options.aim),
    integrity: {
      verified: options.verified && state.unreadable.length === 0,
      checkpoint: further(options.checkpoint, state),
    },
    policyVersion: state.policyVersion,
  };
}

/** The further of the checkpoint beside the log and the one in it, as far as this state goes. */
function further(beside: Checkpoint | null, state: IncidentState): Checkpoint | null {
  if (beside === null || beside.seq > state.head.seq) return state.checkpoint;
  if (state.checkpoint !== null && state.checkpoint.seq > beside.seq) return state.checkpoint;
  const { seq, hash, keyId, signature, at } = beside;
  return { seq, hash, keyId, signature, at };
}

function expired(approval: Pick<Approval, 'state' | 'expiresAt'>, now: Date): boolean {
  return (approval.state === 'pending' || approval.state === 'granted') && isPast(approval.expiresAt, now);
}

// What is believed changes with what it rests on alone, not with the clock.
const hypothesesByWeighing = new WeakMap<object, readonly Hypothesis[]>();

function hypothesesOf(state: IncidentState): readonly Hypothesis[] {
  const weighing = weighed(state);
  let all = hypothesesByWeighing.get(weighing);
  if (all === undefined) {
    all = weighHypotheses(state);
    hypothesesByWeighing.set(weighing, all);
  }
  return all;
}

function weighHypotheses(state: IncidentState): readonly Hypothesis[] {
  const all = state.hypotheses.all();
  const ordered = [...all.filter(isLive), ...all.filter((each) => !isLive(each))];
  return ordered.map((each) => hypothesisOf(state, each));
}

function hypothesisOf(state: IncidentState, hypothesis: HypothesisState): Hypothesis {
  const { stated, basis, ...rest } = hypothesis;
  const support = supportOf(state, hypothesis);
  const killedBy = (hypothesis.rejected?.killedBy ?? []).filter((id) => state.evidence.has(id));
  const { id, label, by, at, seq, statement, kind, owner, rejected, accepted, supersededBy, predicts, refutedBy } =
    rest;
  return {
    id,
    label,
    by,
    at,
    seq,
    statement,
    kind,
    owner,
    state: hypothesis.state,
    live: isLive(hypothesis),
    confidence: {
      ...stated,
      cap: support.cap,
      capReason: support.capReason,
      aboveCap: exceeds(stated.level, support.cap),
    },
    predicts,
    refutedBy,
    supporting: unique(support.supporting.map((each) => each.evidence)),
    refuting: unique([...support.refuting.map((each) => each.evidence), ...killedBy]),
    supportFamilies: support.supportFamilies,
    refuteFamilies: support.refuteFamilies,
    selfSoughtSupport: support.supporting.filter((each) => each.selfSought).length,
    stances: stancesOn(state, id).map((each) => stanceOf(state, each)),
    checks: state.checks
      .all()
      .filter((each) => each.predictions.some((one) => one.hypothesis === id))
      .map((each) => each.id),
    rejected,
    accepted,
    supersededBy,
    flags: flagsOf(state, [...restsOn(state, id), ...basis, ...killedBy], 0),
  };
}

function stanceOf(state: IncidentState, stance: StanceState): Stance {
  const fact = state.evidence.get(stance.evidence);
  return {
    ...stance,
    sourceFamily: fact?.sourceFamily ?? '',
    linkMode: fact?.linkMode ?? 'inferred',
    counts: stanceCounts(state, stance),
  };
}

/** Evidence that somebody judged: the ids of what is disputed or taken back, and who said what of it. */
export function evidenceStandingOf({
  evidence,
}: Pick<IncidentState, 'evidence'>): Omit<EvidenceStanding, 'id' | 'ref'> {
  const facts = [...evidence.values()];
  const verdicts = facts.flatMap((each): [string, EvidenceVerdict][] => {
    const { withdrawn, disputed, confirmed } = each;
    if (withdrawn !== null)
      return [[each.id, { verdict: 'withdrawn', by: withdrawn.by, at: withdrawn.at, reason: withdrawn.reason }]];
    if (disputed !== null)
      return [[each.id, { verdict: 'disputed', by: disputed.by, at: disputed.at, reason: disputed.reason }]];
    return confirmed === null
      ? []
      : [[each.id, { verdict: 'confirmed', by: confirmed.by, at: confirmed.at, reason: null }]];
  });
  return {
    verdicts: new Map(verdicts),
    disputed: facts.filter((each) => each.disputed !== null && each.withdrawn === null).map((each) => each.id),
    withdrawn: facts.filter((each) => each.withdrawn !== null).map((each) => each.id),
  };
}

function evidenceOverview(state: IncidentState, census: EvidenceCensus): EvidenceOverview {
  const facts = [...state.evidence.values()];
  const pinned = new Set(facts.filter((each) => each.pinned).map((each) => each.id));
  const { disputed, withdrawn } = evidenceStandingOf(state);
  const asItStands = (each: EvidenceLine): EvidenceLine => ({
    ...each,
    pinned: pinned.has(each.id),
    state: withdrawn.includes(each.id) ? 'withdrawn' : disputed.includes(each.id) ? 'disputed' : each.state,
  });
  return {
    total: census.total,
    counts: census.counts,
    agents: census.agents,
    latest: census.latest.map(asItStands),
    changes: census.changes.map(asItStands),
    pinned: [...pinned],
    disputed,
    withdrawn,
  };
}

function unique(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}
