import { z } from 'zod';
import { actorKey, actorSchema, sameActor, type Actor } from './actor.ts';
import { instant, lines, reference, text, MAX_ITEMS } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, DOCKET_ONLY, entryKind, reject, type Ruling } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { isPast } from './freshness.ts';
import type { Handoff, RecordHeadRef, Responsibility } from './incident-record.ts';
import { resolveId, type IncidentState } from './incident-state.ts';
import { isCommander, notHolder, unknownResponsibility } from './responsibility.ts';

const MACHINE = 'state machine: handoff';
const HEAD = 'rule 10: what accepting a handoff needs';

export const handoffOffer = entryKind({
  type: 'handoff.offer',
  summary: 'Offers responsibilities to somebody, with the record as it stands and what is open.',
  allowed: ANYONE,
  schema: z.strictObject({
    responsibilities: z.array(reference()).min(1).max(MAX_ITEMS),
    to: actorSchema,
    risks: lines(1_000).default([]),
    nextCheckpoint: text(1_000).optional(),
    expiresAt: instant().optional(),
  }),
  decide(state, body, { actor, now }) {
    for (const id of body.responsibilities) {
      const held = state.responsibilities.find(id);
      if (held === undefined || !held.held) return unknownResponsibility();
      if (!mayOffer(state, held, actor)) return notHolder(held);
      if (held.kind === 'command' && body.to.kind === 'agent') {
        return reject(
          'responsibility.command_needs_human',
          'rule 9: one command holder',
          'An agent cannot hold command.',
          'Offer it to a person.',
        );
      }
    }
    if (left(state, body.to)) return holderLeft();
    return isPast(body.expiresAt ?? null, now)
      ? reject('handoff.expired', MACHINE, 'It would expire before it begins.', 'Give a later expiresAt.')
      : ACCEPTED;
  },
  apply(state, body, entry) {
    state.handoffs.add({
      id: entry.entryId,
      label: state.handoffs.nextLabel(),
      ...actOf(entry),
      responsibilities: body.responsibilities.map((id) => resolveId(state, id)),
      from: entry.actor,
      to: body.to,
      snapshotHead: { seq: entry.seq, hash: entry.hash },
      carried: {
        openChecks: idsOf(state.checks.all().filter((each) => each.state === 'planned' || each.state === 'running')),
        pendingApprovals: idsOf(state.approvals.all().filter((each) => each.state === 'pending')),
        unsentMessages: idsOf(
          state.messages.all().filter((each) => each.state === 'draft' || each.state === 'approved'),
        ),
        risks: body.risks,
        nextCheckpoint: body.nextCheckpoint ?? null,
      },
      expiresAt: body.expiresAt ?? null,
      state: 'offered',
      settled: null,
    });
  },
});

export const handoffAccept = entryKind({
  type: 'handoff.accept',
  summary: 'Takes over, echoing the offered head, or the present one with the difference acknowledged.',
  allowed: ANYONE,
  schema: z.strictObject({
    handoff: reference(),
    acceptedHead: z.strictObject({
      seq: z.number().int().min(1),
      hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
    }),
    acknowledgedDiff: z.boolean().default(false),
  }),
  decide: (state, body, { actor, now }) =>
    offered(state, body.handoff, (handoff) => {
      if (!sameActor(handoff.to, actor)) {
        return reject(
          'handoff.not_receiver',
          MACHINE,
          'It was offered to somebody else.',
          'Who it was offered to accepts.',
        );
      }
      if (isPast(handoff.expiresAt, now)) {
        return reject('handoff.expired', MACHINE, `${handoff.label} has expired.`, 'Offer it again.');
      }
      if (left(state, actor)) return holderLeft();
      // An offer is good for as long as who made it could make it: of two, the first that is accepted.
      const moved = handoff.responsibilities
        .flatMap((id) => state.responsibilities.find(id) ?? [])
        .find((each) => !mayOffer(state, each, handoff.from));
      if (moved !== undefined) {
        return reject(
          'handoff.responsibility_moved',
          'rule 9: capability moves on accept',
          `${moved.label} is not ${handoff.from.name}'s to give any more.`,
          'Whoever holds it, or leads, offers it again.',
        );
      }
      const echoes = sameHead(body.acceptedHead, handoff.snapshotHead);
      const acknowledges = body.acknowledgedDiff && sameHead(body.acceptedHead, state.head);
      if (echoes || acknowledges) return ACCEPTED;
      return reject(
        'handoff.head_differs',
        HEAD,
        `The head given is neither the offered one (entry ${handoff.snapshotHead.seq}) nor the present one with the difference acknowledged.`,
        'Send the offered snapshotHead; or read what changed and send the present head with acknowledgedDiff: true.',
      );
    }),
  apply(state, body, entry) {
    const handoff = state.handoffs.find(body.handoff);
    if (handoff === undefined) return;
    for (const id of handoff.responsibilities) {
      const held = state.responsibilities.find(id);
      if (held !== undefined && held.held) {
        state.responsibilities.replace({ ...held, holder: handoff.to, since: entry.occurredAt, seq: entry.seq });
      }
    }
    settle(state, body.handoff, 'accepted', entry, null, body.acceptedHead);
  },
});

export const handoffDecline = entryKind({
  type: 'handoff.decline',
  summary: 'Does not take over; who offered keeps it.',
  allowed: ANYONE,
  schema: z.strictObject({ handoff: reference(), reason: text(2_000).optional() }),
  decide: (state, body, { actor }) =>
    offered(state, body.handoff, (handoff) =>
      sameActor(handoff.to, actor)
        ? ACCEPTED
        : reject(
            'handoff.not_receiver',
            MACHINE,
            'It was offered to somebody else.',
            'Who it was offered to declines.',
          ),
    ),
  apply(state, body, entry) {
    settle(state, body.handoff, 'declined', entry, body.reason ?? null, null);
  },
});

export const handoffWithdraw = entryKind({
  type: 'handoff.withdraw',
  summary: 'Takes the offer back.',
  allowed: ANYONE,
  schema: z.strictObject({ handoff: reference(), reason: text(2_000).optional() }),
  decide: (state, body, { actor }) =>
    offered(state, body.handoff, (handoff) =>
      sameActor(handoff.from, actor) || isCommander(state, actor)
        ? ACCEPTED
        : reject('handoff.not_giver', MACHINE, 'Somebody else offered it.', 'Who offered it, or leads, withdraws it.'),
    ),
  apply(state, body, entry) {
    settle(state, body.handoff, 'withdrawn', entry, body.reason ?? null, null);
  },
});

export const handoffExpire = entryKind({
  type: 'handoff.expire',
  summary: 'Nobody accepted in time; who offered keeps it.',
  allowed: DOCKET_ONLY,
  schema: z.strictObject({ handoff: reference() }),
  apply(state, body, entry) {
    settle(state, body.handoff, 'expired', entry, null, null);
  },
});

/** Whoever holds a responsibility passes it on, or whoever leads. */
function mayOffer(state: IncidentState, held: Responsibility, actor: Actor): boolean {
  return held.held && (sameActor(held.holder, actor) || isCommander(state, actor));
}

function left(state: IncidentState, actor: Actor): boolean {
  return state.participants.get(actorKey(actor))?.leftAt != null;
}

function holderLeft(): Ruling {
  return reject(
    'responsibility.holder_left',
    'invariant 19: who left holds nothing',
    'Who left cannot take a responsibility.',
    'They join again with participant.join first.',
  );
}

function offered(state: IncidentState, id: string, then: (handoff: Handoff) => Ruling): Ruling {
  const handoff = state.handoffs.find(id);
  if (handoff === undefined) {
    return reject(
      'handoff.unknown',
      'rule 4: of this incident',
      'The incident has no such handoff.',
      'Name a handoff of this incident by its id or label.',
    );
  }
  if (handoff.state === 'offered') return then(handoff);
  return reject('handoff.state_not_allowed', MACHINE, `${handoff.label} is ${handoff.state}.`, 'Offer it again.');
}

function settle(
  state: IncidentState,
  id: string,
  to: Handoff['state'],
  entry: Entry,
  reason: string | null,
  acceptedHead: RecordHeadRef | null,
): void {
  const handoff = state.handoffs.find(id);
  if (handoff !== undefined) {
    state.handoffs.replace({ ...handoff, state: to, settled: { ...actOf(entry), reason, acceptedHead } });
  }
}

function sameHead(one: RecordHeadRef, other: RecordHeadRef): boolean {
  return one.seq === other.seq && one.hash === other.hash;
}

function idsOf(items: readonly { readonly id: string }[]): readonly string[] {
  return items.map((each) => each.id);
}
