import { z } from 'zod';
import { instant, line, lines } from './body-field.ts';
import { customersAffectedSchema } from './customers-affected.ts';
import { actOf, ANYONE, entryKind } from './entry-kind.ts';
import { SEVERITIES } from './incident-record.ts';

export const triggerSchema = z.strictObject({
  source: z.enum(['alert', 'human', 'agent', 'slo', 'import']),
  title: line().optional(),
  rule: line().optional(),
  service: line(200).optional(),
  severity: z.enum(SEVERITIES).optional(),
  firedAt: instant().optional(),
  customersAffected: customersAffectedSchema.optional(),
  deployTime: instant().optional(),
  suspectedBlastArea: lines(200).default([]),
  fingerprint: line(200).optional(),
  externalRef: line(1_000).optional(),
});

export const triggerAdd = entryKind({
  type: 'trigger.add',
  summary: 'What raised the incident: an alert, a person, an agent, an SLO. Several may.',
  allowed: ANYONE,
  schema: triggerSchema,
  happened: ({ firedAt, deployTime }) => ({ firedAt, deployTime }),
  apply(state, body, entry) {
    state.triggers.add({
      id: entry.entryId,
      label: state.triggers.nextLabel(),
      ...actOf(entry),
      source: body.source,
      title: body.title ?? body.rule ?? state.title,
      rule: body.rule ?? null,
      service: body.service ?? null,
      severity: body.severity ?? null,
      firedAt: body.firedAt ?? null,
      customersAffected: body.customersAffected ?? null,
      deployTime: body.deployTime ?? null,
      suspectedBlastArea: body.suspectedBlastArea,
      fingerprint: body.fingerprint ?? null,
      externalRef: body.externalRef ?? null,
    });
  },
});
