import { z } from 'zod';
import { reference, text } from './body-field.ts';
import { ACCEPTED, actOf, entryKind, reject, type Ruling } from './entry-kind.ts';
import type { Entry } from './entry.ts';
import type { DraftVerdict } from './incident-record.ts';
import { authorOf, resolveId, type IncidentState } from './incident-state.ts';

const schema = z.strictObject({
  target: reference(),
  diff: text().optional(),
  reason: text(2_000).optional(),
});
type Body = z.infer<typeof schema>;

export const draftAccept = entryKind({
  type: 'draft.accept',
  summary: 'A person lets what an agent wrote stand as it is.',
  allowed: ['human'],
  schema,
  decide: (state, body) => byAgent(state, body),
  apply: (state, body, entry) => add(state, body, entry, 'accepted'),
});

export const draftEdit = entryKind({
  type: 'draft.edit',
  summary: 'A person changed what an agent wrote; the diff says how.',
  allowed: ['human'],
  schema: schema.required({ diff: true }),
  decide: (state, body) => byAgent(state, body),
  apply: (state, body, entry) => add(state, body, entry, 'edited'),
});

export const draftReject = entryKind({
  type: 'draft.reject',
  summary: 'A person refuses what an agent wrote, and says why.',
  allowed: ['human'],
  schema: schema.required({ reason: true }),
  decide: (state, body) => byAgent(state, body),
  apply: (state, body, entry) => add(state, body, entry, 'rejected'),
});

function byAgent(state: IncidentState, body: Body): Ruling {
  if (authorOf(state, body.target)?.kind === 'agent') return ACCEPTED;
  return reject(
    'draft.target_not_by_agent',
    'state machine: draft verdict',
    'What is named was not written by an agent in this incident.',
    'Name something an agent wrote, by its id or label.',
  );
}

function add(state: IncidentState, body: Body, entry: Entry, verdict: DraftVerdict['verdict']): void {
  state.verdicts.add({
    id: entry.entryId,
    label: state.verdicts.nextLabel(),
    ...actOf(entry),
    target: resolveId(state, body.target),
    verdict,
    diff: body.diff ?? null,
    reason: body.reason ?? null,
  });
}
