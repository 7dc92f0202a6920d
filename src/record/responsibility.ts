import { z } from 'zod';
import { type Actor, actorKey, actorSchema, sameActor } from './actor.ts';
import { instant, line, lines, reference } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { RESPONSIBILITY_KINDS, type Responsibility, type ResponsibilityKind } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';

const COMMAND = 'rule 9: one command holder';

export const responsibilityAssign = entryKind({
  type: 'responsibility.assign',
  summary: 'Gives somebody a responsibility nobody holds yet. What is held already moves by handoff.',
  allowed: ANYONE,
  schema: z.strictObject({
    kind: z.enum(RESPONSIBILITY_KINDS),
    workstream: line(200).default('incident'),
    holder: actorSchema,
    capabilities: lines(200).default([]),
    until: instant().optional(),
  }),
  decide(state, body, { actor }) {
    const command = commandHolder(state);
    if (body.kind === 'command') {
      if (body.holder.kind === 'agent') {
        return reject('responsibility.command_needs_human', COMMAND, 'An agent cannot hold command.', 'Name a person.');
      }
      if (command !== undefined) {
        return reject(
          'responsibility.command_held',
          COMMAND,
          `${command.label} holds command already.`,
          'Command moves by handoff.offer and handoff.accept.',
        );
      }
    }
    if (actor.kind === 'agent' && !sameActor(actor, body.holder)) {
      return reject(
        'responsibility.assign_needs_human',
        'rule 12: what an agent may not decide',
        'An agent cannot give responsibilities to others.',
        'A person assigns it.',
      );
    }
    if (actor.kind === 'agent' && (body.kind === 'approve' || body.kind === 'act')) {
      return reject(
        'responsibility.assign_needs_human',
        'rule 12: what an agent may not decide',
        `An agent cannot take ${body.kind} for itself.`,
        'A person assigns it.',
      );
    }
    const taken = heldOf(state, body.kind, body.workstream);
    if (taken !== undefined && body.kind !== 'challenge') {
      return reject(
        'responsibility.held',
        COMMAND,
        `${taken.label} is held already.`,
        'It moves by handoff.offer and handoff.accept, or after responsibility.release.',
      );
    }
    const away = state.participants.get(actorKey(body.holder));
    if (away !== undefined && away.leftAt !== null) {
      return reject(
        'responsibility.holder_left',
        'invariant 19: who left holds nothing',
        'Who left cannot hold a responsibility.',
        'They join again with participant.join first.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    state.responsibilities.add({
      id: entry.entryId,
      label: state.responsibilities.nextLabel(),
      ...actOf(entry),
      kind: body.kind,
      workstream: body.workstream,
      holder: body.holder,
      capabilities: body.capabilities,
      since: entry.occurredAt,
      until: body.until ?? null,
      held: true,
    });
  },
});

export const responsibilityRelease = entryKind({
  type: 'responsibility.release',
  summary: 'Gives a responsibility back; it falls to whoever holds command, so that nobody never holds it.',
  allowed: ANYONE,
  schema: z.strictObject({ responsibility: reference(), reason: line(1_000).optional() }),
  decide(state, body, { actor }) {
    const held = state.responsibilities.find(body.responsibility);
    if (held === undefined || !held.held) return unknownResponsibility();
    if (held.kind === 'command') {
      return reject(
        'responsibility.command_not_released',
        COMMAND,
        'Command cannot be dropped.',
        'Hand it over with handoff.offer.',
      );
    }
    if (!sameActor(actor, held.holder) && !isCommander(state, actor)) return notHolder(held);
    if (commandHolder(state) === undefined) {
      return reject(
        'responsibility.release_needs_command',
        COMMAND,
        'Nobody holds command, so it would fall to nobody.',
        'Somebody takes command first with responsibility.assign.',
      );
    }
    return ACCEPTED;
  },
  apply(state, body, entry) {
    const held = state.responsibilities.find(body.responsibility);
    if (held !== undefined) fallToCommand(state, held, entry);
  },
});

/** Who leads the incident now. */
export function commandHolder(state: IncidentState): Responsibility | undefined {
  return state.responsibilities.all().find((each) => each.held && each.kind === 'command');
}

export function isCommander(state: IncidentState, actor: Actor): boolean {
  const command = commandHolder(state);
  return command !== undefined && sameActor(command.holder, actor);
}

/**
 * True when the actor may do what `kind` gives the capability for: nobody was made responsible for it, or the actor
 * holds it or leads.
 */
export function mayUse(state: IncidentState, kind: ResponsibilityKind, actor: Actor): boolean {
  const holders = state.responsibilities.all().filter((each) => each.held && each.kind === kind);
  return holders.length === 0 || isCommander(state, actor) || holders.some((each) => sameActor(each.holder, actor));
}

export function heldOf(state: IncidentState, kind: string, workstream: string): Responsibility | undefined {
  return state.responsibilities.all().find((each) => each.held && each.kind === kind && each.workstream === workstream);
}

/** Passes what somebody gave up to the command holder; it keeps its id, so that all that names it stays true. */
export function fallToCommand(state: IncidentState, held: Responsibility, entry: Entry): void {
  const command = commandHolder(state);
  if (command === undefined) return;
  state.responsibilities.replace({ ...held, holder: command.holder, since: entry.occurredAt, seq: entry.seq });
}

export function unknownResponsibility() {
  return reject(
    'responsibility.unknown',
    'rule 4: of this incident',
    'The incident has no such responsibility that is held.',
    'Name a held responsibility of this incident by its id or label.',
  );
}

export function notHolder(held: Responsibility) {
  return reject(
    'responsibility.not_holder',
    'rule 9: capability moves on accept',
    `Only who holds ${held.label} may do this.`,
    'Its holder sends it, or whoever holds command.',
  );
}
