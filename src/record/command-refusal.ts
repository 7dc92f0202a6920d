import type { Actor } from './actor.ts';
import { millis } from './body-field.ts';
import type { Happened } from './entry-kind.ts';
import type { FieldProblem, Rejection } from './rejection.ts';

// What refuses a command before, or beside, the rules of its own type.

export function scrubFailed(): Rejection {
  return {
    code: 'command.scrub_failed',
    rule: 'invariant 5: nothing unredacted is kept',
    message: 'The text could not be checked for secrets, so it was not kept.',
    satisfiedBy: 'Send it again; if it fails again, send less text.',
  };
}

export function invalidCommand(fields: readonly FieldProblem[]): Rejection {
  return {
    code: 'command.invalid',
    rule: 'shape',
    message: 'The command does not have the right shape.',
    satisfiedBy: 'Correct the fields named.',
    fields,
  };
}

export function invalidBody(fields: readonly FieldProblem[]): Rejection {
  return {
    code: 'command.invalid_body',
    rule: 'shape',
    message: 'The body does not fit the type.',
    satisfiedBy: 'Correct the fields named; the catalogue of entry types (GET /api/v1/entry-types) has the schema.',
    fields,
  };
}

export function unknownType(): Rejection {
  return {
    code: 'command.unknown_type',
    rule: 'shape',
    message: 'There is no such type of entry.',
    satisfiedBy: 'Use a type of the catalogue of entry types, GET /api/v1/entry-types.',
  };
}

export function tooLarge(maxBytes: number): Rejection {
  return {
    code: 'command.too_large',
    rule: 'shape',
    message: `The body is larger than ${maxBytes / 1024} KB.`,
    satisfiedBy: 'Send less text, or split it.',
  };
}

/** How far a client's clock may be ahead of Docket's. */
const MAX_CLOCK_AHEAD_MILLISECONDS = 5 * 60 * 1000;

/** Refuses times of what is said to have happened that lie in the future, by field; undefined when none does. */
export function inFuture(happened: Happened, now: Date, root = 'body'): Rejection | undefined {
  const latest = now.getTime() + MAX_CLOCK_AHEAD_MILLISECONDS;
  const fields = Object.entries(happened)
    .filter(([, at]) => at !== undefined && millis(at) > latest)
    .map(([field]) => ({ path: `${root}.${field}`, message: 'must not lie in the future' }));
  if (fields.length === 0) return undefined;
  return {
    code: 'command.time_in_future',
    rule: 'shape',
    message: 'The time given lies in the future.',
    satisfiedBy: 'Send when it happened, or leave it out.',
    fields,
  };
}

export function unknownBasis(type: string, fields: readonly FieldProblem[]): Rejection {
  return {
    code: type === 'stance.take' ? 'stance.evidence_unknown' : 'command.unknown_reference',
    rule: 'rule 4: of this incident',
    message: 'It names something that is not of this incident.',
    satisfiedBy: 'Name evidence, entries or items of this incident.',
    fields,
  };
}

export function cannotErase(): Rejection {
  return {
    code: 'content.cannot_erase',
    rule: 'invariant 31: erasure',
    message: 'This Docket cannot destroy content.',
    satisfiedBy: 'Run it with a store that can.',
  };
}

export function notAllowed(type: string, allowed: readonly Actor['kind'][]): Rejection {
  return {
    code: allowed.includes('human') ? `${type}_needs_human` : `${type}_is_dockets_own`,
    rule: 'rule 5 and 12: what an agent may not decide',
    message: `This type is not open to this kind of actor.`,
    satisfiedBy:
      allowed.length === 0
        ? 'Nobody needs to send it: Docket enters it when it is due.'
        : `One of these sends it: ${allowed.join(', ')}.`,
  };
}
