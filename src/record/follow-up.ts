import { createHash } from 'node:crypto';
import { z } from 'zod';
import { actorSchema } from './actor.ts';
import { instant, line, reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject, type Ruling } from './entry-kind.ts';
import { parseExternalRef } from './memory/external-ref.ts';
import { PROOF_KINDS, type FollowUp, type ProofKind } from './incident-record.ts';
import { resolveId, type FollowUpState, type IncidentState } from './incident-state.ts';

const RULE = 'rule 16: follow-ups';

export const followupOpen = entryKind({
  type: 'followup.open',
  summary: 'Work that remains: what, whose, by when, and the proofs that will show it is done.',
  allowed: ANYONE,
  schema: z.strictObject({
    title: line(300),
    type: z.enum(['fix', 'detect', 'mitigate', 'prevent', 'document', 'investigate', 'other']).default('fix'),
    owner: actorSchema.optional(),
    due: instant().optional(),
    requiredProofs: z.array(z.enum(PROOF_KINDS)).max(PROOF_KINDS.length).default([]),
    origin: references().default([]),
    externalRef: line(1_000).optional(),
  }),
  cites: (body) => body.origin,
  decide: (_state, body) => tracked(body.externalRef),
  apply(state, body, entry) {
    state.followUps.add({
      id: entry.entryId,
      label: state.followUps.nextLabel(),
      ...actOf(entry),
      type: body.type,
      title: body.title,
      owner: body.owner ?? null,
      due: body.due ?? null,
      externalRef: body.externalRef ?? null,
      origin: body.origin.map((id) => resolveId(state, id)),
      requiredProofs: [...new Set(body.requiredProofs)],
      proofs: [],
      state: 'open',
      closed: null,
    });
  },
});

export const followupAssign = entryKind({
  type: 'followup.assign',
  summary: 'Gives a follow-up its owner, and by when.',
  allowed: ANYONE,
  schema: z.strictObject({
    followUp: reference(),
    owner: actorSchema,
    due: instant().optional(),
    externalRef: line(1_000).optional(),
  }),
  decide(state, body) {
    const ruling = open(state, body.followUp);
    return ruling.kind === 'rejected' ? ruling : tracked(body.externalRef);
  },
  apply(state, body) {
    const followUp = state.followUps.find(body.followUp);
    if (followUp === undefined) return;
    state.followUps.replace({
      ...followUp,
      owner: body.owner,
      due: body.due ?? followUp.due,
      externalRef: body.externalRef ?? followUp.externalRef,
      state: followUp.state === 'open' ? 'in_progress' : followUp.state,
    });
  },
});

export const followupProof = entryKind({
  type: 'followup.proof',
  summary: 'Shows a trace, a regression check, a release, a ticket or a document that proves it.',
  allowed: ANYONE,
  schema: z.strictObject({
    followUp: reference(),
    kind: z.enum(PROOF_KINDS),
    locator: line(1_000),
    /** SHA-256 hex of what the locator pointed at; of the locator itself when left out. */
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
      .optional(),
  }),
  decide: (state, body) => open(state, body.followUp),
  apply(state, body, entry) {
    const followUp = state.followUps.find(body.followUp);
    if (followUp === undefined) return;
    const digest = body.digest ?? createHash('sha256').update(body.locator).digest('hex');
    const proofs = [...followUp.proofs, { ...actOf(entry), kind: body.kind, locator: body.locator, digest }];
    state.followUps.replace({
      ...followUp,
      proofs,
      state: missingProofs({ ...followUp, proofs }).length > 0 ? 'proof_pending' : 'in_progress',
    });
  },
});

export const followupDone = entryKind({
  type: 'followup.done',
  summary: 'It is done: refused while a required proof is missing.',
  allowed: ANYONE,
  schema: z.strictObject({ followUp: reference(), note: text(2_000).optional() }),
  decide(state, body) {
    const ruling = open(state, body.followUp);
    const followUp = state.followUps.find(body.followUp);
    if (ruling.kind === 'rejected' || followUp === undefined) return ruling;
    const missing = missingProofs(followUp);
    if (missing.length > 0) {
      return reject(
        'followup.done_needs_proofs',
        RULE,
        `${followUp.label} lacks proof: ${missing.join(', ')}.`,
        'Send followup.proof for each, or followup.wont_do with a reason.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    close(state, body.followUp, 'done', { ...actOf(entry), reason: body.note ?? null });
  },
});

export const followupWontDo = entryKind({
  type: 'followup.wont_do',
  summary: 'Refused, by a person, with a reason.',
  allowed: ['human', 'import'],
  schema: z.strictObject({ followUp: reference(), reason: text(2_000) }),
  decide: (state, body) => open(state, body.followUp),
  apply(state, body, entry) {
    close(state, body.followUp, 'wont_do', { ...actOf(entry), reason: body.reason });
  },
});

/** Kinds of proof required and not shown yet. */
export function missingProofs(followUp: Pick<FollowUpState, 'requiredProofs' | 'proofs'>): readonly ProofKind[] {
  return followUp.requiredProofs.filter((kind) => !followUp.proofs.some((proof) => proof.kind === kind));
}

// Judged when it is sent and not by the schema: what older logs hold must stay readable.
function tracked(externalRef: string | undefined): Ruling {
  return externalRef === undefined || parseExternalRef(externalRef) !== undefined
    ? ACCEPTED
    : reject(
        'followup.external_ref_invalid',
        RULE,
        'What it says of where the work is tracked names no place.',
        'Send a GitHub issue (owner/name#12 or its address), a Jira issue (OPS-12 or its address), or an https address without credentials.',
      );
}

function open(state: IncidentState, id: string): Ruling {
  const followUp = state.followUps.find(id);
  if (followUp === undefined) {
    return reject(
      'followup.unknown',
      'rule 4: of this incident',
      'The incident has no such follow-up.',
      'Name a follow-up of this incident by its id or label.',
    );
  }
  if (followUp.closed === null) return ACCEPTED;
  return reject(
    'followup.state_not_allowed',
    'state machine: follow-up',
    `${followUp.label} is ${followUp.state}.`,
    'Open another follow-up.',
  );
}

function close(state: IncidentState, id: string, to: FollowUp['state'], closed: FollowUp['closed']): void {
  const followUp = state.followUps.find(id);
  if (followUp !== undefined) state.followUps.replace({ ...followUp, state: to, closed });
}
