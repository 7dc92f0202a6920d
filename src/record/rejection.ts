/**
 * Why a command was refused. `code` is stable (`hypothesis.accept_needs_human`); `rule` names the rule that refused;
 * `message` is for people and never quotes what was sent; `satisfiedBy` says what would make it pass.
 */
export interface Rejection {
  readonly code: string;
  readonly rule: string;
  readonly message: string;
  readonly satisfiedBy: string;
  /** For `*.invalid`: every field that is wrong. */
  readonly fields?: readonly FieldProblem[];
}

export interface FieldProblem {
  /** Path within the command, e.g. `body.options[0].text`. */
  readonly path: string;
  readonly message: string;
}
