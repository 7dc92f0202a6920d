import { z } from 'zod';
import { actionCancel, actionFinish, actionOutcome, actionPropose, actionStart } from './action.ts';
import { approvalConsume, approvalRequest, approvalStale, approvalVote } from './approval.ts';
import { bindingAdd } from './binding.ts';
import { checkAnswer, checkCancel, checkPlan, checkStart } from './check.ts';
import { checkpointSign } from './checkpoint-entry.ts';
import { contentErase } from './content-erasure.ts';
import { contentionOpen, contentionResolve } from './contention.ts';
import { decisionMake, decisionRevisit } from './decision.ts';
import { draftAccept, draftEdit, draftReject } from './draft-verdict.ts';
import type { EntryKind } from './entry-kind.ts';
import {
  evidenceAdd,
  evidenceAddRequest,
  evidenceConfirm,
  evidenceDispute,
  evidencePin,
  evidenceWithdraw,
} from './evidence-by-hand.ts';
import { followupAssign, followupDone, followupOpen, followupProof, followupWontDo } from './follow-up.ts';
import { gapAccept, gapFill, gapOpen } from './gap.ts';
import { handoffAccept, handoffDecline, handoffExpire, handoffOffer, handoffWithdraw } from './handoff.ts';
import {
  hypothesisAccept,
  hypothesisConfidence,
  hypothesisInvestigate,
  hypothesisPropose,
  hypothesisReject,
  hypothesisReopen,
  hypothesisSupersede,
  hypothesisSupport,
} from './hypothesis.ts';
import { impactUpdate } from './impact.ts';
import {
  incidentMerge,
  incidentOpen,
  incidentReopen,
  incidentScope,
  incidentSeverity,
  incidentStatus,
} from './incident.ts';
import { messageApprove, messageCorrect, messageDraft, messageEdit, messageRetract, messageSend } from './message.ts';
import { participantJoin, participantLeave, participantSeen } from './participant.ts';
import { reviewDraft, reviewPublish } from './review.ts';
import type { EntryTypeDescription } from './record-service.ts';
import { relationAdd } from './relation.ts';
import { responsibilityAssign, responsibilityRelease } from './responsibility.ts';
import { stanceTake, stanceWithdraw } from './stance.ts';
import { statusPost } from './status-update.ts';
import { triggerAdd } from './trigger.ts';

/** Every type of entry, in the order the record is read. */
const KINDS: readonly EntryKind[] = [
  incidentOpen,
  incidentStatus,
  incidentSeverity,
  incidentScope,
  incidentMerge,
  incidentReopen,
  triggerAdd,
  impactUpdate,
  evidenceAdd,
  evidenceConfirm,
  evidenceDispute,
  evidenceWithdraw,
  evidencePin,
  hypothesisPropose,
  hypothesisInvestigate,
  hypothesisConfidence,
  hypothesisSupport,
  hypothesisReject,
  hypothesisAccept,
  hypothesisReopen,
  hypothesisSupersede,
  stanceTake,
  stanceWithdraw,
  checkPlan,
  checkStart,
  checkAnswer,
  checkCancel,
  gapOpen,
  gapFill,
  gapAccept,
  contentionOpen,
  contentionResolve,
  decisionMake,
  decisionRevisit,
  actionPropose,
  actionStart,
  actionFinish,
  actionOutcome,
  actionCancel,
  approvalRequest,
  approvalVote,
  approvalConsume,
  approvalStale,
  responsibilityAssign,
  responsibilityRelease,
  handoffOffer,
  handoffAccept,
  handoffDecline,
  handoffWithdraw,
  handoffExpire,
  participantJoin,
  participantLeave,
  participantSeen,
  statusPost,
  messageDraft,
  messageEdit,
  messageApprove,
  messageSend,
  messageCorrect,
  messageRetract,
  followupOpen,
  followupAssign,
  followupProof,
  followupDone,
  followupWontDo,
  draftAccept,
  draftEdit,
  draftReject,
  reviewDraft,
  reviewPublish,
  relationAdd,
  bindingAdd,
  contentErase,
  checkpointSign,
];

const byType: ReadonlyMap<string, EntryKind> = new Map(KINDS.map((kind) => [kind.type, kind]));

export function entryKindOf(type: string): EntryKind | undefined {
  return byType.get(type);
}

/** The catalogue as clients read it: each type with who may send it and the JSON Schema of what to send. */
export function describeEntryTypes(): readonly EntryTypeDescription[] {
  return KINDS.map((kind) => ({
    type: kind.type,
    summary: kind.summary,
    allowed: kind.allowed,
    // Evidence by hand is sent with its content and logged without it.
    schema: z.toJSONSchema(kind === evidenceAdd ? evidenceAddRequest : kind.schema, {
      io: 'input',
      unrepresentable: 'any',
    }),
  }));
}
