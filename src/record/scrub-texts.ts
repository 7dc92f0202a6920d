import type { ActorKind } from './actor.ts';
import { scrubFailed } from './command-refusal.ts';
import type { Rejection } from './rejection.ts';

export type Scrubbed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly rejection: Rejection };

/** The key of what an actor is called: who acted, and who was given what, is what a record is for. */
export const ACTOR_NAME = 'actor';

/**
 * Takes secrets out of a text, by the rules of the tenant and, where there is one already, of the incident. `key` is the name of the
 * member the text stands under where that names things, `ACTOR_NAME` for what an actor is called, and `''` for prose.
 */
export type ScrubText = (text: string, tenant: string, incidentId: string | undefined, key: string) => string;

/** Applies `scrub` to every text of `value`. What it throws refuses the whole: nothing unchecked is kept. */
export function scrubTexts(
  value: unknown,
  scrub: ScrubText | undefined,
  { tenant, incidentId }: { readonly tenant: string; readonly incidentId?: string },
): Scrubbed {
  try {
    return {
      ok: true,
      value: scrub === undefined ? value : mapText(value, (text, key) => scrub(text, tenant, incidentId, key), '', 0),
    };
  } catch {
    return { ok: false, rejection: scrubFailed() };
  }
}

/**
 * Whether `covers` says yes to any text of `value`, each under the key that `scrubTexts` gives it. What Docket noted itself, under
 * `docket`, is left out.
 */
export function someText(value: unknown, covers: (text: string, key: string) => boolean): boolean {
  let found = false;
  const look = (text: string, key: string): string => {
    found ||= covers(text, key);
    return text;
  };
  mapText(withoutNotes(value), look, '', 0);
  return found;
}

function withoutNotes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNotes);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'docket')
      .map(([name, each]) => [name, withoutNotes(each)]),
  );
}

const ACTOR_KINDS: ReadonlySet<unknown> = new Set<ActorKind>(['human', 'agent', 'service', 'import']);
const NAMES_OF_ACTOR: ReadonlySet<string> = new Set(['name', 'id', 'onBehalfOf']);
const MAX_DEPTH = 64;

// Ids, digests and times are not prose: masking one would break what it names.
const MACHINE_MADE =
  /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d))$/;

/**
 * Members that name things. `INC0012345` and `pay-v2` under them are no numbers of a person, which a text that is nothing else may be; in
 * attributes of telemetry it is the same.
 */
const NAMING =
  /^(?:ref|incident|services?|environments?|agent|name|id|conversationId|sessionId|tool|rule|fingerprint|externalRef|source)$/;

function mapText(value: unknown, change: (text: string, key: string) => string, key: string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply');
  if (typeof value === 'string') return MACHINE_MADE.test(value) ? value : change(value, NAMING.test(key) ? key : '');
  if (Array.isArray(value)) return value.map((each) => mapText(each, change, key, depth + 1));
  if (value === null || typeof value !== 'object') return value;
  const isActor = ACTOR_KINDS.has(Reflect.get(value, 'kind')) && typeof Reflect.get(value, 'name') === 'string';
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (isActor && NAMES_OF_ACTOR.has(name) && typeof each === 'string') return [name, change(each, ACTOR_NAME)];
      return [name, mapText(each, change, name, depth + 1)];
    }),
  );
}
