export type ActorKind = 'human' | 'agent' | 'service' | 'import';

/** Who acts. `name` is what people read; `id` tells two of the same name apart. `onBehalfOf` names who an agent acts for. */
export interface Actor {
  readonly kind: ActorKind;
  readonly name: string;
  readonly id: string | null;
  readonly onBehalfOf?: string;
}
