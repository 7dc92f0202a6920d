import { z } from 'zod';
import { actorKey, sameActor } from './actor.ts';
import { ACCEPTED, ANYONE, entryKind, reject } from './entry-kind.ts';
import { fallToCommand, isCommander } from './responsibility.ts';

export const participantJoin = entryKind({
  type: 'participant.join',
  summary: 'Somebody joins.',
  allowed: ANYONE,
  schema: z.strictObject({}),
  apply(state, _body, entry) {
    const key = actorKey(entry.actor);
    const before = state.participants.get(key);
    state.participants.set(key, {
      actor: entry.actor,
      joinedAt: before?.joinedAt ?? entry.occurredAt,
      leftAt: null,
      cursor: before?.cursor ?? 0,
    });
  },
});

export const participantLeave = entryKind({
  type: 'participant.leave',
  summary: 'Somebody leaves; what they held falls to whoever holds command.',
  allowed: ANYONE,
  schema: z.strictObject({}),
  decide(state, _body, { actor }) {
    if (isCommander(state, actor)) {
      return reject(
        'participant.commander_leaves',
        'rule 9: one command holder',
        'Who holds command cannot leave.',
        'Hand command over with handoff.offer first.',
      );
    }
    const holds = state.responsibilities.all().some((each) => each.held && sameActor(each.holder, actor));
    const led = state.responsibilities.all().some((each) => each.held && each.kind === 'command');
    if (holds && !led) {
      return reject(
        'responsibility.release_needs_command',
        'rule 9: one command holder',
        'Nobody holds command, so what they hold would fall to nobody.',
        'Somebody takes command first with responsibility.assign.',
      );
    }
    return ACCEPTED;
  },
  apply(state, _body, entry) {
    const key = actorKey(entry.actor);
    const before = state.participants.get(key);
    state.participants.set(key, {
      actor: entry.actor,
      joinedAt: before?.joinedAt ?? entry.occurredAt,
      leftAt: entry.occurredAt,
      cursor: before?.cursor ?? 0,
    });
    for (const each of state.responsibilities.all()) {
      if (each.held && sameActor(each.holder, entry.actor)) fallToCommand(state, each, entry);
    }
  },
});

export const participantSeen = entryKind({
  type: 'participant.seen',
  summary: 'Somebody has read up to an entry.',
  allowed: ANYONE,
  schema: z.strictObject({ cursor: z.number().int().min(0) }),
  decide(state, body) {
    return body.cursor <= state.head.seq
      ? ACCEPTED
      : reject('participant.cursor_ahead', 'rule 1: the log', 'There is no such entry yet.', 'Send at most the head.');
  },
  apply(state, body, entry) {
    const key = actorKey(entry.actor);
    const before = state.participants.get(key);
    state.participants.set(key, {
      actor: entry.actor,
      joinedAt: before?.joinedAt ?? entry.occurredAt,
      leftAt: before?.leftAt ?? null,
      cursor: Math.max(before?.cursor ?? 0, body.cursor),
    });
  },
});
