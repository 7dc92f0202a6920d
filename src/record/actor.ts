import { z } from 'zod';

export type ActorKind = 'human' | 'agent' | 'service' | 'import';

/** Who acts. `name` is what people read; `id` tells two of the same name apart. `onBehalfOf` names who an agent acts for. */
export interface Actor {
  readonly kind: ActorKind;
  readonly name: string;
  readonly id: string | null;
  readonly onBehalfOf?: string;
}

/** Docket itself: what it enters because a rule says so. */
export const DOCKET_ACTOR: Actor = { kind: 'service', name: 'docket', id: null };

// A name is shown in lists, briefs and Markdown: one printable line.
const printable = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}\u2028\u2029]+$/u, 'must be one printable line');

/** How an actor may be named in a command. */
export const actorSchema = z.strictObject({
  kind: z.enum(['human', 'agent', 'service', 'import']),
  name: printable,
  id: printable.nullable().default(null),
  onBehalfOf: printable.exactOptional(),
});

/** Tells actors apart: by `id` when there is one, else by name, within their kind. */
export function actorKey(actor: Actor): string {
  return `${actor.kind}:${actor.id ?? actor.name}`;
}

export function sameActor(one: Actor, other: Actor): boolean {
  return actorKey(one) === actorKey(other);
}
