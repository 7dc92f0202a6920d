import type { Rejection } from '../record/rejection.ts';

/** One field that is wrong. `path` starts with where it was: `body.title`, `query.limit`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** An error answer: RFC 9457 `application/problem+json`. `code` is stable, `detail` is for people and quotes nothing sent. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** On 5xx: the id the log line carries. */
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
  /** What refused it and what would make it pass, when the record's rules did. */
  readonly rule?: string;
  readonly satisfiedBy?: string;
  /** On 409: where the record is now and what happened since the head that was expected. */
  readonly head?: { readonly seq: number; readonly hash: string };
  readonly changed?: readonly unknown[];
  readonly existing?: unknown;
}

type ProblemExtension = Pick<Problem, 'errors' | 'rule' | 'satisfiedBy' | 'head' | 'changed' | 'existing' | 'instance'>;

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad request'],
  [401, 'Not authenticated'],
  [403, 'Forbidden'],
  [404, 'Not found'],
  [405, 'Method not allowed'],
  [409, 'Conflict'],
  [413, 'Too large'],
  [415, 'Unsupported media type'],
  [421, 'Misdirected request'],
  [422, 'Refused'],
  [500, 'Internal error'],
  [503, 'Unavailable'],
]);

export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 421 | 422 | 500 | 503;

/** Thrown by handlers; turned into the answer in one place. */
export class ApiProblem extends Error {
  readonly status: ProblemStatus;
  readonly code: string;
  readonly extension: ProblemExtension;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    extension: ProblemExtension = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.extension = extension;
    this.headers = headers;
  }

  toJSON(): Problem {
    return {
      type: `urn:docket:problem:${this.code}`,
      title: TITLES.get(this.status) ?? 'Error',
      status: this.status,
      code: this.code,
      detail: this.message,
      ...this.extension,
    };
  }
}

export function problemResponse(problem: ApiProblem): Response {
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...problem.headers },
  });
}

export function unknownIncident(): ApiProblem {
  return new ApiProblem(404, 'incident.unknown', 'There is no such incident.');
}

/** What the record's rules refused: 422, with the rule and what would satisfy it. */
export function rejected(rejection: Rejection): ApiProblem {
  return new ApiProblem(422, rejection.code, rejection.message, {
    rule: rejection.rule,
    satisfiedBy: rejection.satisfiedBy,
    ...(rejection.fields ? { errors: rejection.fields } : {}),
  });
}
