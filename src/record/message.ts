import { z } from 'zod';
import { instant, line, reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, PEOPLE, reject, type Ruling } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { flagsOf } from './flag.ts';
import type { Message } from './incident-record.ts';
import { resolveId, type IncidentState, type MessageState } from './incident-state.ts';
import { mayUse } from './responsibility.ts';

const RULE = 'rule 15: messages';
const MACHINE = 'state machine: message';

export const messageDraft = entryKind({
  type: 'message.draft',
  summary: 'Words for customers, stakeholders, colleagues or a regulator, with the ids they rest on.',
  allowed: ANYONE,
  schema: z.strictObject({
    audience: z.enum(['customers', 'stakeholders', 'internal', 'regulator']),
    channel: line(200).optional(),
    body: text(10_000),
    restsOn: references().default([]),
    due: instant().optional(),
  }),
  cites: (body) => body.restsOn,
  apply(state, body, entry) {
    add(state, entry, {
      audience: body.audience,
      channel: body.channel ?? null,
      body: body.body,
      restsOn: body.restsOn.map((id) => resolveId(state, id)),
      due: body.due ?? null,
      supersedes: null,
    });
  },
});

export const messageEdit = entryKind({
  type: 'message.edit',
  summary: 'A new version of what is not sent yet; an approval given to the old one is gone.',
  allowed: ANYONE,
  schema: z.strictObject({ message: reference(), body: text(10_000), restsOn: references().optional() }),
  cites: (body) => body.restsOn ?? [],
  decide: (state, body) => inState(state, body.message, ['draft', 'approved'], () => ACCEPTED),
  apply(state, body, entry) {
    const message = state.messages.find(body.message);
    if (message === undefined) return;
    state.messages.replace({
      ...message,
      body: body.body,
      restsOn: body.restsOn?.map((id) => resolveId(state, id)) ?? message.restsOn,
      versions: [...message.versions, { ...actOf(entry), body: body.body }],
      state: 'draft',
      approved: null,
    });
  },
});

export const messageApprove = entryKind({
  type: 'message.approve',
  summary: 'A person approves these very words.',
  allowed: ['human'],
  schema: z.strictObject({ message: reference(), override: text(2_000).optional() }),
  decide: (state, body) =>
    inState(state, body.message, ['draft'], (message) => supported(state, message, body.override !== undefined)),
  apply(state, body, entry) {
    change(state, body.message, { state: 'approved', approved: actOf(entry) });
  },
});

export const messageSend = entryKind({
  type: 'message.send',
  summary: 'It has gone out. It cannot be changed any more, only corrected or retracted.',
  allowed: ANYONE,
  schema: z.strictObject({
    message: reference(),
    externalRef: line(1_000).optional(),
    override: text(2_000).optional(),
  }),
  decide: (state, body, { actor, policy }) =>
    inState(state, body.message, ['draft', 'approved'], (message) => {
      if (!mayUse(state, 'communicate', actor)) {
        return reject(
          'message.send_needs_capability',
          'rule 9: capability moves on accept',
          'Somebody else holds the responsibility to communicate.',
          'Its holder or whoever holds command sends it.',
        );
      }
      if (message.approved === null && !policy.audiencesWithoutApproval.includes(message.audience)) {
        return reject(
          'message.send_needs_approver',
          RULE,
          `${message.label} has no approver.`,
          'A person sends message.approve first.',
        );
      }
      return supported(state, message, body.override !== undefined && actor.kind !== 'agent');
    }),
  apply(state, body, entry) {
    change(state, body.message, {
      state: 'sent',
      sent: { ...actOf(entry), externalRef: body.externalRef ?? null },
    });
    const message = state.messages.find(body.message);
    if (message?.supersedes != null) change(state, message.supersedes, { state: 'corrected', correctedBy: message.id });
  },
});

export const messageCorrect = entryKind({
  type: 'message.correct',
  summary: 'Drafts what will take the place of a message that was sent.',
  allowed: ANYONE,
  schema: z.strictObject({
    message: reference(),
    body: text(10_000),
    restsOn: references().default([]),
    due: instant().optional(),
  }),
  cites: (body) => body.restsOn,
  decide: (state, body) => inState(state, body.message, ['sent'], () => ACCEPTED),
  apply(state, body, entry) {
    const message = state.messages.find(body.message);
    if (message === undefined) return;
    add(state, entry, {
      audience: message.audience,
      channel: message.channel,
      body: body.body,
      restsOn: body.restsOn.map((id) => resolveId(state, id)),
      due: body.due ?? null,
      supersedes: message.id,
    });
  },
});

export const messageRetract = entryKind({
  type: 'message.retract',
  summary: 'Takes a message back, whether it was sent or not.',
  allowed: PEOPLE,
  schema: z.strictObject({ message: reference(), reason: text(2_000) }),
  decide: (state, body) => inState(state, body.message, ['draft', 'approved', 'sent'], () => ACCEPTED),
  apply(state, body, entry) {
    change(state, body.message, { state: 'retracted', retracted: { ...actOf(entry), reason: body.reason } });
  },
});

function add(
  state: IncidentState,
  entry: Entry,
  message: Pick<Message, 'audience' | 'channel' | 'body' | 'restsOn' | 'due' | 'supersedes'>,
): void {
  state.messages.add({
    id: entry.entryId,
    label: state.messages.nextLabel(),
    ...actOf(entry),
    ...message,
    versions: [{ ...actOf(entry), body: message.body }],
    state: 'draft',
    approved: null,
    sent: null,
    correctedBy: null,
    retracted: null,
  });
}

function supported(state: IncidentState, message: MessageState, overridden: boolean): Ruling {
  const fallen = flagsOf(state, message.restsOn, message.versions.at(-1)?.seq ?? message.seq).filter(
    (flag) => flag.code === 'evidence_withdrawn' || flag.code === 'hypothesis_rejected',
  );
  if (fallen.length === 0 || overridden) return ACCEPTED;
  return reject(
    'message.unsupported',
    RULE,
    `Something ${message.label} rests on has fallen.`,
    'Edit it with message.edit; a person may send override with a reason.',
  );
}

function inState(
  state: IncidentState,
  id: string,
  allowed: readonly MessageState['state'][],
  then: (message: MessageState) => Ruling,
): Ruling {
  const message = state.messages.find(id);
  if (message === undefined) {
    return reject(
      'message.unknown',
      'rule 4: of this incident',
      'The incident has no such message.',
      'Name a message of this incident by its id or label.',
    );
  }
  if (allowed.includes(message.state)) return then(message);
  return reject(
    'message.state_not_allowed',
    MACHINE,
    `${message.label} is ${message.state}.`,
    message.state === 'sent' ? 'Correct it with message.correct, or retract it.' : 'Draft another message.',
  );
}

function change(state: IncidentState, id: string, changes: Partial<MessageState>): void {
  const message = state.messages.find(id);
  if (message !== undefined) state.messages.replace({ ...message, ...changes });
}
