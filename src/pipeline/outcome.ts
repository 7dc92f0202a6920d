/**
 * What became of one export request. Made where it is known (receiver, redaction, spool), turned into gRPC and HTTP
 * status only at the edge (receiver/status.ts).
 */
export type ExportOutcome = Accepted | Retryable | Permanent;

/** Durable. `rejected` items of it were refused for good (OTLP partial success); `message` says why, never with content. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly rejected: number;
  readonly message: string;
}

/** Nothing was kept; the same request may succeed later. */
export interface Retryable {
  readonly kind: 'retryable';
  readonly message: string;
  readonly retryAfterMs: number;
}

/** Nothing was kept; the same request fails again. */
export interface Permanent {
  readonly kind: 'permanent';
  readonly code: 'invalid_argument' | 'too_large' | 'unauthenticated' | 'permission_denied' | 'unimplemented';
  readonly message: string;
}

export const ACCEPTED: Accepted = { kind: 'accepted', rejected: 0, message: '' };
