import type { IncomingMessage } from 'node:http';

/** Cross-origin rules for browser senders; off unless origins are allowed (R30). */
export interface Cors {
  /** Headers every answer to this origin carries. */
  headers(origin: string | undefined): readonly (readonly [string, string])[];
  isPreflight(request: IncomingMessage): boolean;
  preflightHeaders(request: IncomingMessage): Record<string, string>;
}

/** A list of header names that is not unreasonably long (RFC 9110, 5.1). */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]{1,1024}$/;

/** Allows exactly the named origins; `*` allows every origin, without credentials. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const allowed = new Set(allowedOrigins);
  const any = allowed.has('*');
  const allows = (origin: string | undefined): origin is string => origin !== undefined && (any || allowed.has(origin));
  return {
    headers(origin) {
      if (!allows(origin)) return [];
      // Without this a page's exporter would not see when to come back (R28).
      const exposed = ['access-control-expose-headers', 'retry-after'] as const;
      if (any) return [['access-control-allow-origin', '*'], exposed];
      return [
        ['access-control-allow-origin', origin],
        ['access-control-allow-credentials', 'true'],
        exposed,
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
    preflightHeaders(request) {
      const asked = request.headers['access-control-request-headers'] ?? '';
      return {
        'access-control-allow-methods': 'POST',
        // Exporters send headers of their own (x-api-key); those that Docket does not know it does not look at.
        'access-control-allow-headers': HEADER_NAMES.test(asked)
          ? asked
          : 'authorization, content-encoding, content-type, x-requested-with',
        'access-control-max-age': '7200',
      };
    },
  };
}
