import { z } from 'zod';
import { instant, line } from '../../record/body-field.ts';
import { fieldProblems } from '../../record/entry-kind.ts';
import { unixNano } from '../../record/evidence-by-hand.ts';
import type { FieldProblem } from '../../record/rejection.ts';
import type { ChangeReport } from './change-row.ts';

/** The body of `POST /changes`. */
const changeSchema = z.strictObject({
  title: line(300),
  kind: line(100).default('deploy'),
  service: line(200),
  environment: line(200).optional(),
  before: line(500).optional(),
  after: line(500).optional(),
  at: instant().optional(),
  by: line(200).optional(),
  url: z
    .string()
    .max(1_000)
    .regex(/^https?:\/\/[^\s<>"]+$/i, 'must be an http or https URL')
    .optional(),
  id: line(200).optional(),
  incident: line(200).optional(),
});

export type ParsedChange =
  | { readonly ok: true; readonly change: ChangeReport }
  | { readonly ok: false; readonly fields: readonly FieldProblem[] };

/** Reads a reported change; `nowUnixNano` stands in for a time that is not given. */
export function parseChange(payload: unknown, nowUnixNano: bigint): ParsedChange {
  const parsed = changeSchema.safeParse(payload);
  if (!parsed.success) return { ok: false, fields: fieldProblems(parsed.error) };
  const { data } = parsed;
  return {
    ok: true,
    change: {
      kind: data.kind,
      title: data.title,
      service: data.service,
      environment: data.environment ?? '',
      before: data.before ?? '',
      after: data.after ?? '',
      atUnixNano: data.at === undefined ? nowUnixNano : unixNano(data.at),
      by: data.by ?? '',
      url: data.url ?? '',
      id: data.id ?? '',
      incident: data.incident ?? '',
    },
  };
}
