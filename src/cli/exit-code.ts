import { ApiError, ServiceUnreachable } from '../api/client.ts';

/** What `docket` exits with. */
export const EXIT = {
  done: 0,
  /** The answer is no: a check failed, a request was refused. */
  no: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** The service or the store could not be reached. */
  unreachable: 3,
} as const;

/** Wrong usage that the argument parser cannot see. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The exit code of an error that ended a command, and what to say; undefined for a defect. */
export function describeFailure(error: unknown): { readonly code: number; readonly message: string } | undefined {
  if (error instanceof UsageError) return { code: EXIT.usage, message: error.message };
  if (error instanceof ServiceUnreachable) {
    return { code: EXIT.unreachable, message: `${error.message}. Is it running? Start it with: docket serve` };
  }
  if (error instanceof ApiError) {
    const { errors = [], satisfiedBy, status } = error.problem;
    const lines = [error.message, ...errors.map(({ path, message }) => `  ${path}: ${message}`)];
    if (satisfiedBy !== undefined) lines.push(`  would pass with: ${satisfiedBy}`);
    // 400: what the query or the path says has no meaning, which flags and arguments put there.
    const code = status >= 502 ? EXIT.unreachable : status === 400 ? EXIT.usage : EXIT.no;
    return { code, message: lines.join('\n') };
  }
  return undefined;
}
