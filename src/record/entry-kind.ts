import type { z } from 'zod';
import type { Actor, ActorKind } from './actor.ts';
import type { Entry, Json } from './entry.ts';
import type { SignedCheckpoint } from './checkpoint.ts';
import type { Act, RecordHeadRef } from './incident-record.ts';
import type { IncidentState } from './incident-state.ts';
import { knownMembers } from './known-members.ts';
import type { RecordPolicy } from './record-policy.ts';
import type { FieldProblem, Rejection } from './rejection.ts';

export type JsonObject = { readonly [key: string]: Json };

/** What a policy said of one action. */
export interface PolicyDecision {
  readonly id: string;
  readonly effect: 'allow' | 'deny' | 'require_approval';
  readonly actionDigest: string;
  readonly policyVersion: string;
}

/** What a decision may look at besides the record: who asks, when, and the thresholds in force. */
export interface DecisionContext {
  readonly actor: Actor;
  readonly now: Date;
  readonly entryId: string;
  readonly basis: readonly string[];
  readonly policy: RecordPolicy;
  /** The policy decision the command names; undefined when it names none or it cannot be found, which denies. */
  readonly policyDecision?: PolicyDecision | undefined;
  /** True when the ref or id names another incident of the tenant. */
  knowsIncident(refOrId: string): boolean;
  /** Signs a head of this incident; undefined where there is no key. */
  readonly seal?: ((head: RecordHeadRef) => SignedCheckpoint) | undefined;
}

/** An entry that must follow in the same breath, made by Docket itself unless `actor` says otherwise. */
export interface FollowOn {
  readonly type: string;
  readonly body: JsonObject;
  readonly actor?: Actor;
}

export type Ruling =
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** `docket` is what Docket adds to the body, kept apart under that key. */
  | { readonly kind: 'accepted'; readonly followOns: readonly FollowOn[]; readonly docket?: JsonObject };

export const ACCEPTED: Ruling = { kind: 'accepted', followOns: [] };

/** Refuses: a stable code, the rule that refuses, why, and what would satisfy it. */
export function reject(code: string, rule: string, message: string, satisfiedBy: string): Ruling {
  return { kind: 'rejected', rejection: { code, rule, message, satisfiedBy } };
}

export function acceptWith(followOns: readonly FollowOn[], docket?: JsonObject): Ruling {
  return { kind: 'accepted', followOns, ...(docket === undefined ? {} : { docket }) };
}

/** When something happened, by the name of the field that says so; undefined where it was left out. */
export type Happened = Readonly<Record<string, string | undefined>>;

/** A body that has the right shape, bound to what it means. */
export interface ParsedEntry {
  readonly body: JsonObject;
  /** Evidence ids and other ids the body names that must be of this incident. */
  readonly cites: readonly string[];
  /** Fields of the body that say when something happened, with their RFC 3339 times. */
  readonly happened: Happened;
  decide(state: IncidentState, context: DecisionContext): Ruling;
  apply(state: IncidentState, entry: Entry): void;
}

export interface EntryKind {
  readonly type: string;
  readonly summary: string;
  readonly allowed: readonly ActorKind[];
  readonly schema: z.ZodType;
  parse(
    body: unknown,
  ):
    | { readonly ok: true; readonly parsed: ParsedEntry }
    | { readonly ok: false; readonly fields: readonly FieldProblem[] };
}

export const ANYONE: readonly ActorKind[] = ['human', 'agent', 'service', 'import'];
export const PEOPLE: readonly ActorKind[] = ['human', 'import'];
/** Docket makes these itself; no client may send them. */
export const DOCKET_ONLY: readonly ActorKind[] = [];

export interface EntryKindDefinition<Body> {
  readonly type: string;
  readonly summary: string;
  readonly allowed: readonly ActorKind[];
  readonly schema: z.ZodType<Body>;
  readonly cites?: (body: Body) => readonly string[];
  /** Times that may not lie in the future; a deadline is none. */
  readonly happened?: (body: Body) => Happened;
  readonly decide?: (state: IncidentState, body: Body, context: DecisionContext) => Ruling;
  readonly apply: (state: IncidentState, body: Body, entry: Entry) => void;
}

/** Makes a kind of entry out of its schema, its rules and what it does to the record. */
export function entryKind<Body>(definition: EntryKindDefinition<Body>): EntryKind {
  return {
    type: definition.type,
    summary: definition.summary,
    allowed: definition.allowed,
    schema: definition.schema,
    parse(raw) {
      const result = definition.schema.safeParse(raw);
      if (!result.success) return { ok: false, fields: fieldProblems(result.error, 'body', definition.schema) };
      const body = result.data;
      return {
        ok: true,
        parsed: {
          // Schemas admit JSON only, so what they give is JSON again.
          body: body as unknown as JsonObject,
          cites: definition.cites?.(body) ?? [],
          happened: definition.happened?.(body) ?? {},
          decide: (state, context) => definition.decide?.(state, body, context) ?? ACCEPTED,
          apply: (state, entry) => definition.apply(state, body, entry),
        },
      };
    },
  };
}

/** Every field that is wrong, by path, and what belongs there; never the value, nor a name that was sent. */
export function fieldProblems(error: z.ZodError, root = 'body', schema?: z.ZodType): FieldProblem[] {
  return error.issues.slice(0, 100).map((issue) => ({
    path: issue.path.reduce<string>(
      (path, key) => (typeof key === 'number' ? `${path}[${key}]` : `${path}.${String(key).slice(0, 100)}`),
      root,
    ),
    message: problemOf(issue, schema),
  }));
}

function problemOf(issue: z.core.$ZodIssue, schema: z.ZodType | undefined): string {
  const isObject = issue.code === 'unrecognized_keys' || (issue.code === 'invalid_type' && issue.expected === 'object');
  const members = isObject && schema !== undefined ? knownMembers(schema, issue.path) : [];
  const known = members.length === 0 ? '' : `: ${members.join(', ')}`;
  if (issue.code === 'unrecognized_keys') {
    return known === '' ? 'holds keys this type does not know' : `holds keys that are none of its own${known}`;
  }
  // Zod says it of what is not there at all, too.
  const missing = /^Invalid input: expected (.+), received undefined$/.exec(issue.message)?.[1];
  if (missing !== undefined) return `is missing, ${missing === 'object' ? `an object${known}` : missing}`;
  return `${issue.message}${known}`;
}

/** Who and when, as items of the record carry it. */
export function actOf(entry: Entry): Act {
  return { by: entry.actor, at: entry.occurredAt, seq: entry.seq };
}
