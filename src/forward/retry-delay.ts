import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from '../otlp/protobuf/reader.ts';

/** Milliseconds in a Retry-After header, which is seconds or an HTTP date (RFC 9110, 10.2.3); undefined when it is neither. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse alone takes much that is no HTTP date, `-1` for instance.
  const date = /^[A-Z][a-z]+,? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

const STATUS_DETAILS = (3 << 3) | WIRE_BYTES;
const ANY_TYPE_URL = (1 << 3) | WIRE_BYTES;
const ANY_VALUE = (2 << 3) | WIRE_BYTES;
const RETRY_DELAY = (1 << 3) | WIRE_BYTES;
const DURATION_SECONDS = (1 << 3) | WIRE_VARINT;
const DURATION_NANOS = (2 << 3) | WIRE_VARINT;

/**
 * Milliseconds in the google.rpc.RetryInfo of a `grpc-status-details-bin` value; undefined when there is none.
 * google.rpc.Status {3 details: Any {1 type_url, 2 value}}; RetryInfo {1 retry_delay: Duration {1 seconds, 2 nanos}}.
 */
export function retryInfoMs(statusDetails: Uint8Array): number | undefined {
  const reader = new WireReader(statusDetails);
  let found: number | undefined;
  try {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === STATUS_DETAILS) found ??= delayInAny(reader.view());
      else reader.skip(tag);
    }
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
  }
  return found;
}

function delayInAny(any: Uint8Array): number | undefined {
  const reader = new WireReader(any);
  let typeUrl = '';
  let value: Uint8Array | undefined;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ANY_TYPE_URL) typeUrl = reader.string();
    else if (tag === ANY_VALUE) value = reader.view();
    else reader.skip(tag);
  }
  if (!typeUrl.endsWith('/google.rpc.RetryInfo')) return undefined;
  // An empty RetryInfo says "retry, whenever".
  return value === undefined ? 0 : delayInRetryInfo(value);
}

function delayInRetryInfo(retryInfo: Uint8Array): number {
  const reader = new WireReader(retryInfo);
  let delayMs = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== RETRY_DELAY) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
      if (inner === DURATION_SECONDS) delayMs += Number(BigInt.asIntN(64, reader.varint64())) * 1000;
      else if (inner === DURATION_NANOS) delayMs += Number(BigInt.asIntN(32, reader.varint64())) / 1e6;
      else reader.skip(inner);
    }
    reader.leave(outer);
  }
  return Math.max(0, Math.round(delayMs));
}
