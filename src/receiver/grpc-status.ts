import type { OutgoingHttpHeaders } from 'node:http2';
import { boundedText } from '../otlp/bounded-text.ts';
import { RESPONSE_MESSAGE_BYTES_MAX } from '../otlp/limits.ts';
import { encodeStatus, type RpcStatus } from '../otlp/protobuf/status.ts';

/**
 * A failure as gRPC trailers: `grpc-status` is the number of google.rpc.Code, `grpc-message` its text percent-encoded, and
 * `grpc-status-details-bin` the whole google.rpc.Status where it says more than these two.
 */
export function grpcTrailers(rpcStatus: RpcStatus): OutgoingHttpHeaders {
  const detailed = rpcStatus.retryDelayMs !== undefined || rpcStatus.badRequest === true;
  return {
    'grpc-status': String(rpcStatus.code),
    'grpc-message': percentEncode(boundedText(rpcStatus.message, RESPONSE_MESSAGE_BYTES_MAX)),
    ...(detailed ? { 'grpc-status-details-bin': encodeStatus(rpcStatus).toString('base64').replace(/=+$/, '') } : {}),
  };
}

/** Status-Message (gRPC over HTTP/2): UTF-8, everything but printable ASCII and the percent sign itself is `%XX`. */
function percentEncode(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

/** `grpc-timeout` in milliseconds; undefined when there is none or it is not one. */
export function grpcTimeoutMs(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  const unit = UNIT_MS.get(match?.[2] ?? '');
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}
