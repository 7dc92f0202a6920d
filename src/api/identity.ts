import { createHash } from 'node:crypto';
import type { Actor } from '../record/actor.ts';
import { ApiProblem } from './problem.ts';

/** Who calls, and on whose data. */
export interface Caller {
  readonly tenant: string;
  readonly actor: Actor;
}

/** The caller of a request, or undefined when it must authenticate. May throw an ApiProblem for headers that make no sense. */
export type Identify = (request: Request) => Caller | undefined;

/** A token as the deployment keeps it: by its SHA-256 in hex. */
export interface TokenEntry {
  readonly name: string;
  readonly kind: 'human' | 'agent' | 'service';
  readonly tenant: string;
  readonly id: string | null;
  readonly sha256: string;
}

const NAME_LENGTH_MAX = 200;

/**
 * Without authentication: the actor is who the headers `x-docket-actor` and `x-docket-actor-kind` (human, agent,
 * service or import) say, a human named anonymous without them. Names outside ASCII are percent-encoded UTF-8. `clean` takes
 * secrets out of a name: it goes into entries that nobody can change, and into the log.
 */
export function createOpenIdentity(tenant: string, clean: (name: string) => string): Identify {
  return (request) => {
    const kind = request.headers.get('x-docket-actor-kind') ?? 'human';
    if (kind !== 'human' && kind !== 'agent' && kind !== 'service' && kind !== 'import') {
      throw new ApiProblem(
        400,
        'request.invalid',
        'Header x-docket-actor-kind must be human, agent, service or import.',
        {
          errors: [{ path: 'headers.x-docket-actor-kind', message: 'must be human, agent, service or import' }],
        },
      );
    }
    const name = actorName(request.headers.get('x-docket-actor') ?? 'anonymous');
    if (name === undefined) {
      throw new ApiProblem(400, 'request.invalid', 'Header x-docket-actor must be a name of 1 to 200 characters.', {
        errors: [{ path: 'headers.x-docket-actor', message: 'must be 1 to 200 characters, percent-encoded UTF-8' }],
      });
    }
    return { tenant, actor: { kind, name: clean(name).slice(0, NAME_LENGTH_MAX), id: null } };
  };
}

/**
 * With tokens: `Authorization: Bearer TOKEN`, or HTTP Basic with the token as the password, which is what a browser can
 * send. The actor is the token's; headers that name another are ignored, but for one: a person's token with
 * `x-docket-actor-kind: import` enters what happened before, as an import on that person's behalf.
 */
export function createTokenIdentity(tokens: readonly TokenEntry[]): Identify {
  const callers = new Map(
    tokens.map(({ sha256, tenant, kind, name, id }): [string, Caller] => [
      sha256,
      { tenant, actor: { kind, name, id } },
    ]),
  );
  return (request) => {
    const token = presentedToken(request.headers.get('authorization'));
    // Looked up by digest: what the lookup's timing could tell is about a hash, not about the token.
    const caller =
      token === undefined ? undefined : callers.get(createHash('sha256').update(token, 'utf8').digest('hex'));
    const imports = request.headers.get('x-docket-actor-kind') === 'import';
    if (!imports || caller?.actor.kind !== 'human') return caller;
    return { ...caller, actor: { kind: 'import', name: 'docket import', id: null, onBehalfOf: caller.actor.name } };
  };
}

function presentedToken(header: string | null): string | undefined {
  const [, scheme, credentials] = /^([A-Za-z]+) +([\x21-\x7e]{1,4096})$/.exec(header ?? '') ?? [];
  if (scheme === undefined || credentials === undefined) return undefined;
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const decoded = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : decoded.slice(colon + 1);
}

function actorName(header: string): string | undefined {
  let name = header;
  try {
    name = decodeURIComponent(header);
  } catch {
    // A bare percent sign: the header is the name as it stands.
  }
  name = name.trim();
  return name === '' || name.length > NAME_LENGTH_MAX || /[\p{Cc}\p{Surrogate}]/u.test(name) ? undefined : name;
}
