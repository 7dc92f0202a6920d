import { z } from 'zod';

const people = z.number().int().min(0).max(10_000_000_000);

/** How many customers an incident touches: a count, a range, or unknown. */
export const customersAffectedSchema = z.union([
  z.strictObject({ kind: z.literal('count'), count: people }),
  z
    .strictObject({ kind: z.literal('range'), from: people, to: people })
    .refine((range) => range.from <= range.to, 'from must not exceed to'),
  z.strictObject({ kind: z.literal('unknown') }),
]);
