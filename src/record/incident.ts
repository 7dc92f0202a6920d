import { z } from 'zod';
import { line, lines, instant, reference, text } from './body-field.ts';
import { ACCEPTED, acceptWith, ANYONE, entryKind, PEOPLE, reject, type FollowOn, type Ruling } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import { isPast } from './freshness.ts';
import { INCIDENT_STATUSES, SEVERITIES, type IncidentStatus } from './incident-record.ts';
import { isOver, type IncidentState } from './incident-state.ts';

// A ref is quoted in attributes, URLs and file names; one that looks like an id could claim another incident's.
export const REF_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export const refSchema = z
  .string()
  .regex(REF_PATTERN, 'must be 1 to 64 letters, digits, dots, colons, dashes or underscores')
  .refine((value) => !UUID_PATTERN.test(value), 'must not look like an id');

export const incidentOpen = entryKind({
  type: 'incident.open',
  summary: 'Opens the incident. Always the first entry.',
  allowed: ANYONE,
  schema: z.strictObject({
    title: line(300),
    ref: refSchema,
    severity: z.enum(SEVERITIES).default('unknown'),
    services: lines(200).default([]),
    environments: lines(200).default([]),
    startedAt: instant().optional(),
  }),
  decide: (state) =>
    state.head.seq === 0
      ? ACCEPTED
      : reject('incident.already_open', 'rule 1: the log', 'The incident is open already.', 'Open another incident.'),
  apply(state, body, entry) {
    state.title = body.title;
    state.ref = body.ref;
    state.severity = body.severity;
    state.services = unique(body.services);
    state.environments = unique(body.environments);
    state.openedBy = entry.actor;
    state.detectedAt = entry.occurredAt;
    state.startedAt = body.startedAt ?? entry.occurredAt;
    state.statusSince = entry.occurredAt;
  },
});

// Forward in this order, any number of steps; back among the three that mean "still going on".
const ORDER: readonly IncidentStatus[] = [
  'triage',
  'active',
  'mitigated',
  'monitoring',
  'resolved',
  'review',
  'closed',
];
const GOING_ON: readonly IncidentStatus[] = ['active', 'mitigated', 'monitoring'];
const ASIDE: readonly IncidentStatus[] = ['declined', 'cancelled'];
const NEEDS_PERSON: readonly IncidentStatus[] = ['resolved', 'review', 'closed', 'declined', 'cancelled'];

export const incidentStatus = entryKind({
  type: 'incident.status',
  summary:
    'Moves the incident on: triage, active, mitigated, monitoring, resolved, review, closed; or declined, cancelled.',
  allowed: ANYONE,
  schema: z.strictObject({ status: z.enum(INCIDENT_STATUSES), reason: text(2_000).optional() }),
  decide(state, body, { actor, now }) {
    const from = state.status;
    const to = body.status;
    if (to === 'merged') {
      return reject(
        'incident.status_not_allowed',
        'state machine: incident',
        'An incident becomes merged by naming what it is merged into.',
        'Send incident.merge.',
      );
    }
    if (!canMove(from, to)) {
      return reject(
        'incident.status_not_allowed',
        'state machine: incident',
        `An incident cannot go from ${from} to ${to}.`,
        isOver(from) || ORDER.indexOf(from) >= ORDER.indexOf('resolved')
          ? 'Reopen it with incident.reopen first.'
          : `From ${from} it can become ${reachable(from).join(', ')}.`,
      );
    }
    if (actor.kind === 'agent' && NEEDS_PERSON.includes(to)) {
      return reject(
        'incident.status_needs_human',
        'rule 12: what an agent may not decide',
        `An agent cannot move an incident to ${to}.`,
        'A person sends incident.status.',
      );
    }
    if (to === 'resolved') return resolvable(state, now);
    if (to === 'closed') return closable(state);
    return GOING_ON.includes(to) ? commanded(state, actor) : ACCEPTED;
  },
  apply(state, body, entry) {
    enter(state, body.status, entry);
  },
});

export const incidentSeverity = entryKind({
  type: 'incident.severity',
  summary: 'Changes the severity; sev1 is the worst.',
  allowed: ANYONE,
  schema: z.strictObject({ severity: z.enum(SEVERITIES), reason: text(2_000).optional() }),
  apply(state, body) {
    state.severity = body.severity;
  },
});

export const incidentScope = entryKind({
  type: 'incident.scope',
  summary: 'Replaces the title, the services, the environments or when it started.',
  allowed: ANYONE,
  schema: z
    .strictObject({
      title: line(300).optional(),
      services: lines(200).optional(),
      environments: lines(200).optional(),
      startedAt: instant().optional(),
      reason: text(2_000).optional(),
    })
    .refine((body) => Object.keys(body).some((key) => key !== 'reason'), 'must change something'),
  happened: ({ startedAt }) => ({ startedAt }),
  apply(state, body) {
    state.title = body.title ?? state.title;
    state.services = body.services === undefined ? state.services : unique(body.services);
    state.environments = body.environments === undefined ? state.environments : unique(body.environments);
    state.startedAt = body.startedAt ?? state.startedAt;
  },
});

export const incidentMerge = entryKind({
  type: 'incident.merge',
  summary: 'Ends this incident by merging it into another.',
  allowed: PEOPLE,
  schema: z.strictObject({ into: reference(), reason: text(2_000) }),
  decide(state, body, { knowsIncident }) {
    if (isOver(state.status)) return notOver(state.status);
    if (body.into === state.id || body.into === state.ref || !knowsIncident(body.into)) {
      return reject(
        'incident.merge_target_unknown',
        'rule 3: tenant and identity',
        'There is no other incident by that name.',
        'Name another incident by its ref or id.',
      );
    }
    return acceptWith([{ type: 'relation.add', body: { kind: 'merged_into', other: body.into } }]);
  },
  apply(state, body, entry) {
    enter(state, 'merged', entry);
    state.mergedInto = body.into;
  },
});

export const incidentReopen = entryKind({
  type: 'incident.reopen',
  summary: 'Makes a resolved or ended incident active again.',
  allowed: PEOPLE,
  schema: z.strictObject({ reason: text(2_000) }),
  decide(state, _body, { actor }) {
    if (!isOver(state.status) && state.status !== 'resolved' && state.status !== 'review') {
      return reject(
        'incident.not_over',
        'state machine: incident',
        `The incident is ${state.status}; there is nothing to reopen.`,
        'Nothing needs doing.',
      );
    }
    return commanded(state, actor);
  },
  apply(state, _body, entry) {
    enter(state, 'active', entry);
    state.mergedInto = null;
  },
});

function canMove(from: IncidentStatus, to: IncidentStatus): boolean {
  return reachable(from).includes(to);
}

function reachable(from: IncidentStatus): readonly IncidentStatus[] {
  if (isOver(from)) return [];
  if (from === 'resolved') return ['review', 'closed'];
  if (from === 'review') return ['closed'];
  const ahead = ORDER.slice(ORDER.indexOf(from) + 1, ORDER.indexOf('resolved') + 1);
  const back = GOING_ON.includes(from) ? GOING_ON.slice(0, GOING_ON.indexOf(from)) : [];
  return [...back, ...ahead, ...ASIDE];
}

function notOver(status: IncidentStatus): Ruling {
  return reject(
    'incident.status_not_allowed',
    'state machine: incident',
    `The incident is ${status}.`,
    'Reopen it with incident.reopen first.',
  );
}

// Exactly one command holder in an incident that goes on: who makes it active takes command when nobody has it.
function commanded(state: IncidentState, actor: Entry['actor']): Ruling {
  const held = state.responsibilities.all().some((each) => each.held && each.kind === 'command');
  if (held) return ACCEPTED;
  if (actor.kind === 'agent') {
    return reject(
      'incident.active_needs_command',
      'rule 9: one command holder',
      'Nobody holds command, and an agent cannot take it by starting an incident.',
      'A person takes command with responsibility.assign, or makes the incident active.',
    );
  }
  const takesCommand: FollowOn = {
    type: 'responsibility.assign',
    body: { kind: 'command', holder: { ...actor } },
    actor,
  };
  return acceptWith([takesCommand]);
}

function resolvable(state: IncidentState, now: Date): Ruling {
  const rule = 'rule 16: what resolved needs';
  const running = state.actions.all().filter((each) => each.state === 'executing');
  if (running.length > 0) {
    return reject(
      'incident.resolved_action_running',
      rule,
      `${labels(running)} still running.`,
      'Finish each with action.finish.',
    );
  }
  const pending = state.approvals.all().filter((each) => each.state === 'pending' && !isPast(each.expiresAt, now));
  if (pending.length > 0) {
    return reject(
      'incident.resolved_approval_pending',
      rule,
      `${labels(pending)} still waiting for votes.`,
      'Vote, or cancel the action it is for.',
    );
  }
  const owing = state.actions.all().filter((each) => each.state === 'executed');
  if (owing.length > 0) {
    return reject(
      'incident.resolved_outcome_missing',
      rule,
      `${labels(owing)} executed without an outcome.`,
      'Say with action.outcome what each did.',
    );
  }
  return ACCEPTED;
}

function closable(state: IncidentState): Ruling {
  const unowned = state.followUps
    .all()
    .filter((each) => each.owner === null && each.state !== 'done' && each.state !== 'wont_do');
  if (unowned.length === 0) return ACCEPTED;
  return reject(
    'incident.closed_followup_unowned',
    'rule 16: what closed needs',
    `${labels(unowned)} without an owner.`,
    'Assign each with followup.assign, or refuse it with followup.wont_do and a reason.',
  );
}

function labels(items: readonly { readonly label: string }[]): string {
  return items.map((each) => each.label).join(', ');
}

function enter(state: IncidentState, status: IncidentStatus, entry: Entry): void {
  const at = entry.occurredAt;
  const wasDown = state.status === 'triage' || state.status === 'active';
  const reopens = status === 'active' || status === 'triage';
  state.status = status;
  state.statusSince = at;
  state.endedAt = isOver(status) ? at : null;
  if (reopens) {
    state.mitigatedAt = null;
    state.resolvedAt = null;
    return;
  }
  if (status === 'resolved') state.resolvedAt = at;
  if (wasDown && ['mitigated', 'monitoring', 'resolved'].includes(status)) state.mitigatedAt = at;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
