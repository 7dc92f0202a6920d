import { RESPONSE_MESSAGE_BYTES_MAX } from '../limits.ts';
import { boundedText } from '../bounded-text.ts';
import { WireWriter } from './writer.ts';

/** google.rpc.Code values that Docket answers with; the same numbers as gRPC status codes. */
export const RPC_CODE = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;
export type RpcCode = (typeof RPC_CODE)[keyof typeof RPC_CODE];

/**
 * google.rpc.Status as Docket sends it: `retryDelayMs` adds a google.rpc.RetryInfo, `badRequest` a google.rpc.BadRequest
 * with one violation that repeats the message.
 */
export interface RpcStatus {
  readonly code: RpcCode;
  readonly message: string;
  readonly retryDelayMs?: number;
  readonly badRequest?: boolean;
}

// google.rpc.Status: 1 code int32, 2 message string, 3 details repeated google.protobuf.Any.
// google.protobuf.Any: 1 type_url string, 2 value bytes.
// google.rpc.RetryInfo: 1 retry_delay google.protobuf.Duration {1 seconds int64, 2 nanos int32}.
// google.rpc.BadRequest: 1 field_violations repeated {1 field string, 2 description string}.
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';

function writeRetryInfo(writer: WireWriter, delayMs: number): void {
  const detail = writer.begin(3);
  writer.stringField(1, RETRY_INFO);
  const value = writer.begin(2);
  const delay = writer.begin(1);
  writer.varintField(1, Math.floor(delayMs / 1000));
  writer.varintField(2, Math.round((delayMs % 1000) * 1e6));
  writer.end(delay);
  writer.end(value);
  writer.end(detail);
}

function writeBadRequest(writer: WireWriter, description: string): void {
  const detail = writer.begin(3);
  writer.stringField(1, BAD_REQUEST);
  const value = writer.begin(2);
  const violation = writer.begin(1);
  writer.stringField(2, description);
  writer.end(violation);
  writer.end(value);
  writer.end(detail);
}

/** The status in protobuf: an HTTP error body, or the `grpc-status-details-bin` trailer. */
export function encodeStatus(status: RpcStatus): Buffer {
  const message = boundedText(status.message, RESPONSE_MESSAGE_BYTES_MAX);
  const writer = new WireWriter(256);
  writer.varintField(1, status.code);
  writer.stringField(2, message);
  if (status.retryDelayMs !== undefined) writeRetryInfo(writer, status.retryDelayMs);
  if (status.badRequest === true) writeBadRequest(writer, message);
  return writer.finish();
}

/** The status as proto3 JSON, for senders of OTLP/JSON (R25). */
export function encodeStatusJson(status: RpcStatus): Buffer {
  const message = boundedText(status.message, RESPONSE_MESSAGE_BYTES_MAX);
  const details: object[] = [];
  if (status.retryDelayMs !== undefined) {
    details.push({ '@type': RETRY_INFO, retryDelay: `${status.retryDelayMs / 1000}s` });
  }
  if (status.badRequest === true) {
    details.push({ '@type': BAD_REQUEST, fieldViolations: [{ description: message }] });
  }
  return Buffer.from(JSON.stringify({ code: status.code, message, ...(details.length > 0 ? { details } : {}) }));
}
