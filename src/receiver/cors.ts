import type { IncomingMessage } from 'node:http';

/** Cross-origin rules for browser senders; off unless origins are allowed (R30). */
export interface Cors {
  /** Headers every answer to this origin carries. */
  headers(origin: string | undefined): readonly (readonly [string, string])[];
  isPreflight(request: IncomingMessage): boolean;
  preflightHeaders(request: IncomingMessage): Record<string, string>;
}

/** Allows exactly the named origins; `*` allows every origin, without credentials. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const allowed = new Set(allowedOrigins);
  const any = allowed.has('*');
  const allows = (origin: string | undefined): origin is string => origin !== undefined && (any || allowed.has(origin));
  return {
    headers(origin) {
      if (!allows(origin)) return [];
      if (any) return [['access-control-allow-origin', '*']];
      return [
        ['access-control-allow-origin', origin],
        ['access-control-allow-credentials', 'true'],
        ['vary', 'origin'],
      ];
    },
    isPreflight(request) {
      return (
        request.method === 'OPTIONS' &&
        allows(request.headers.origin) &&
        request.headers['access-control-request-method'] !== undefined
      );
    },
    preflightHeaders() {
      return {
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization, content-encoding, content-type, x-requested-with',
        'access-control-max-age': '7200',
      };
    },
  };
}
