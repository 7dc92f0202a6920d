import { STATUS_CODES } from 'node:http';
import { encodeStatus, encodeStatusJson, RPC_CODE, type RpcStatus } from '../otlp/protobuf/status.ts';
import type { Permanent, Retryable } from '../pipeline/outcome.ts';
import { COMPRESSIONS_TAKEN } from './compression.ts';
import type { Encoding } from './handle-export.ts';
import type { RequestResult } from './instruments.ts';
import { failureOf } from './status.ts';
import { WRONG_PROTOCOL, wrongProtocolIn } from './wrong-protocol.ts';

/** An answer that is known before the handler was asked. */
export interface Refusal {
  readonly httpStatus: number;
  readonly rpcStatus: RpcStatus;
  readonly result: RequestResult;
  readonly headers?: Readonly<Record<string, string>>;
}

export const CONTENT_TYPE: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** A failure that the pipeline's own words describe, as HTTP says it. */
export function refusalOf(outcome: Retryable | Permanent): Refusal {
  const { httpStatus, rpcStatus, retryAfterSeconds } = failureOf(outcome);
  return {
    httpStatus,
    rpcStatus,
    result: outcome.kind === 'permanent' ? outcome.code : 'retryable',
    ...(retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } }),
  };
}

/** What is said to a sender whose bytes are not an HTTP request, or not in time; the error is Node's. */
export function brokenRequest(error: NodeJS.ErrnoException, retryAfterMs: number): Refusal {
  const wrong = wrongProtocolIn(error);
  if (wrong !== undefined) {
    return refusalOf({ kind: 'permanent', code: 'invalid_argument', message: WRONG_PROTOCOL[wrong] });
  }
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refusalOf({ kind: 'retryable', message: 'the request did not arrive in time', retryAfterMs });
    case 'HPE_HEADER_OVERFLOW':
      return {
        ...refusalOf({ kind: 'permanent', code: 'too_large', message: 'the request header is too large' }),
        httpStatus: 431,
      };
    case 'HPE_INVALID_EOF_STATE':
      return refusalOf({ kind: 'permanent', code: 'invalid_argument', message: 'the request ends before it is whole' });
    default:
      return refusalOf({ kind: 'permanent', code: 'invalid_argument', message: 'the request is not well-formed HTTP' });
  }
}

/** An answer in bytes, for a connection on which HTTP has come to an end. */
export function rawAnswer(refusal: Refusal, encoding: Encoding): Buffer {
  const body = statusIn(encoding, refusal.rpcStatus);
  const headers = {
    ...refusal.headers,
    connection: 'close',
    'content-type': CONTENT_TYPE[encoding],
    'content-length': String(body.length),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `${refusal.httpStatus} ${STATUS_CODES[refusal.httpStatus] ?? ''}`;
  return Buffer.concat([Buffer.from([`HTTP/1.1 ${status}`, ...lines, '', ''].join('\r\n')), body]);
}

/** google.rpc.Status in the request's encoding (R25). */
export function statusIn(encoding: Encoding, rpcStatus: RpcStatus): Buffer {
  return encoding === 'json' ? encodeStatusJson(rpcStatus) : encodeStatus(rpcStatus);
}

/** 404 for a path that takes no telemetry. */
export function unknownPath(path: string): Refusal {
  return refusalOf({
    kind: 'permanent',
    code: 'unimplemented',
    message:
      path === '/v1development/profiles'
        ? 'profiles are not taken; traces, logs and metrics are'
        : 'unknown path; OTLP is taken at /v1/traces, /v1/logs and /v1/metrics',
  });
}

/** gRPC-web sent to the port of OTLP/HTTP. */
export const GRPC_OVER_HTTP1: Refusal = refusalOf({
  kind: 'permanent',
  code: 'unimplemented',
  message:
    'gRPC-web is not taken: browsers send OTLP/HTTP to this port, and OTLP/gRPC over HTTP/2 has a port of its own',
});

export const METHOD_NOT_ALLOWED: Refusal = {
  httpStatus: 405,
  rpcStatus: { code: RPC_CODE.unimplemented, message: 'OTLP/HTTP requests are POST requests' },
  result: 'method_not_allowed',
  headers: { allow: 'POST' },
};

export const HOST_MISSING: Refusal = refusalOf({
  kind: 'permanent',
  code: 'invalid_argument',
  message: 'an HTTP/1.1 request names its host',
});

export const EXPECTATION_FAILED: Refusal = {
  httpStatus: 417,
  rpcStatus: { code: RPC_CODE.invalidArgument, message: 'the one expectation that is met is 100-continue' },
  result: 'invalid_argument',
};

export const UNSUPPORTED_TYPE: Refusal = {
  httpStatus: 415,
  rpcStatus: {
    code: RPC_CODE.invalidArgument,
    message: 'the content type must be application/x-protobuf or application/json',
  },
  result: 'unsupported_media_type',
};

export const UNSUPPORTED_ENCODING: Refusal = {
  httpStatus: 415,
  rpcStatus: { code: RPC_CODE.invalidArgument, message: `the content encoding must be one of ${COMPRESSIONS_TAKEN}` },
  result: 'unsupported_media_type',
  headers: { 'accept-encoding': COMPRESSIONS_TAKEN },
};

export const UNAUTHENTICATED: Refusal = {
  ...refusalOf({ kind: 'permanent', code: 'unauthenticated', message: 'valid credentials are required' }),
  headers: { 'www-authenticate': 'Bearer' },
};
