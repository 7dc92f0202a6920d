import { z } from 'zod';
import { reference, references, text } from './body-field.ts';
import { ACCEPTED, actOf, ANYONE, entryKind, reject, type Ruling } from './entry-kind.ts';
import { resolveId, type IncidentState } from './incident-state.ts';
import type { Gap } from './incident-record.ts';

export const gapOpen = entryKind({
  type: 'gap.open',
  summary: 'Something is not known: what is missing, why it matters, what it blocks.',
  allowed: ANYONE,
  schema: z.strictObject({
    what: text(2_000),
    kind: z
      .enum([
        'missing_telemetry',
        'withheld',
        'dropped',
        'sampled',
        'no_access',
        'unknown_owner',
        'unanswered',
        'overdue_outcome',
        'unapproved_mutation',
      ])
      .default('unanswered'),
    why: text(2_000).optional(),
    blocks: references().default([]),
  }),
  cites: (body) => body.blocks,
  apply(state, body, entry) {
    state.gaps.add({
      id: entry.entryId,
      label: state.gaps.nextLabel(),
      ...actOf(entry),
      what: body.what,
      kind: body.kind,
      why: body.why ?? null,
      blocks: body.blocks.map((id) => resolveId(state, id)),
      state: 'open',
      closed: null,
    });
  },
});

export const gapFill = entryKind({
  type: 'gap.fill',
  summary: 'It is known now, and by what.',
  allowed: ANYONE,
  schema: z.strictObject({ gap: reference(), reason: text(2_000), evidence: references().default([]) }),
  cites: (body) => body.evidence,
  decide: (state, body) => open(state, body.gap),
  apply(state, body, entry) {
    change(state, body.gap, {
      state: 'filled',
      closed: { ...actOf(entry), reason: body.reason, evidence: body.evidence },
    });
  },
});

export const gapAccept = entryKind({
  type: 'gap.accept',
  summary: 'It stays unknown, and a person goes on without it.',
  allowed: ['human', 'import'],
  schema: z.strictObject({ gap: reference(), reason: text(2_000) }),
  decide: (state, body) => open(state, body.gap),
  apply(state, body, entry) {
    change(state, body.gap, { state: 'accepted', closed: { ...actOf(entry), reason: body.reason, evidence: [] } });
  },
});

function open(state: IncidentState, id: string): Ruling {
  const gap = state.gaps.find(id);
  if (gap?.state === 'open') return ACCEPTED;
  return gap === undefined
    ? reject(
        'gap.unknown',
        'rule 4: of this incident',
        'The incident has no such gap.',
        'Name a gap of this incident by its id or label.',
      )
    : reject('gap.state_not_allowed', 'state machine: gap', `${gap.label} is ${gap.state}.`, 'Open another gap.');
}

function change(state: IncidentState, id: string, changes: Partial<Gap>): void {
  const gap = state.gaps.find(id);
  if (gap !== undefined) state.gaps.replace({ ...gap, ...changes });
}
