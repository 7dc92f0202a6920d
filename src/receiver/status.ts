import { RPC_CODE, type RpcCode, type RpcStatus } from '../otlp/protobuf/status.ts';
import type { Permanent, Retryable } from '../pipeline/outcome.ts';

/** One failure as both transports say it. `retryAfterSeconds` is the HTTP header; the Status carries RetryInfo. */
export interface Failure {
  readonly httpStatus: number;
  readonly rpcStatus: RpcStatus;
  readonly retryAfterSeconds: number | undefined;
}

const PERMANENT: Readonly<Record<Permanent['code'], { readonly httpStatus: number; readonly code: RpcCode }>> = {
  invalid_argument: { httpStatus: 400, code: RPC_CODE.invalidArgument },
  too_large: { httpStatus: 413, code: RPC_CODE.resourceExhausted },
  unauthenticated: { httpStatus: 401, code: RPC_CODE.unauthenticated },
  permission_denied: { httpStatus: 403, code: RPC_CODE.permissionDenied },
  unimplemented: { httpStatus: 404, code: RPC_CODE.unimplemented },
};

/**
 * The one place where outcomes become gRPC and HTTP status. Retryable is UNAVAILABLE with RetryInfo and 503 with
 * Retry-After, never INTERNAL or 500, which make senders drop their data (R15, R17, R27). Permanent failures carry no
 * RetryInfo: RESOURCE_EXHAUSTED with one would be retried (R5).
 */
export function failureOf(outcome: Retryable | Permanent): Failure {
  if (outcome.kind === 'retryable') {
    return {
      httpStatus: 503,
      rpcStatus: { code: RPC_CODE.unavailable, message: outcome.message, retryDelayMs: outcome.retryAfterMs },
      retryAfterSeconds: Math.max(1, Math.ceil(outcome.retryAfterMs / 1000)),
    };
  }
  const { httpStatus, code } = PERMANENT[outcome.code];
  return {
    httpStatus,
    rpcStatus: { code, message: outcome.message, badRequest: outcome.code === 'invalid_argument' },
    retryAfterSeconds: undefined,
  };
}
