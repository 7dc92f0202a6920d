import { boundedText } from '../bounded-text.ts';
import { RESPONSE_MESSAGE_BYTES_MAX } from '../limits.ts';
import type { Signal } from '../signal.ts';
import { WireWriter } from './writer.ts';

/** What an Export<Signal>ServiceResponse says beyond success: items refused for good, or a warning when 0 were (R12, R13). */
export interface PartialSuccess {
  readonly rejected: number;
  readonly message: string;
}

const REJECTED_NAME: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
};

const EMPTY = Buffer.alloc(0);
const EMPTY_JSON = Buffer.from('{}');

const isFull = (partial: PartialSuccess): boolean => partial.rejected === 0 && partial.message === '';

/**
 * The response in protobuf; the same fields for all signals: 1 partial_success {1 rejected_* int64, 2 error_message
 * string}. Full success leaves partial_success unset, which is no bytes at all (R10).
 */
export function encodeExportResponse(partial: PartialSuccess): Buffer {
  if (isFull(partial)) return EMPTY;
  const writer = new WireWriter(128);
  const mark = writer.begin(1);
  if (partial.rejected > 0) writer.varintField(1, partial.rejected);
  if (partial.message !== '') writer.stringField(2, boundedText(partial.message, RESPONSE_MESSAGE_BYTES_MAX));
  writer.end(mark);
  return writer.finish();
}

/** The response as OTLP/JSON: `{}` for full success, the 64-bit count as a string (R24). */
export function encodeExportResponseJson(signal: Signal, partial: PartialSuccess): Buffer {
  if (isFull(partial)) return EMPTY_JSON;
  return Buffer.from(
    JSON.stringify({
      partialSuccess: {
        ...(partial.rejected > 0 ? { [REJECTED_NAME[signal]]: String(partial.rejected) } : {}),
        ...(partial.message === '' ? {} : { errorMessage: boundedText(partial.message, RESPONSE_MESSAGE_BYTES_MAX) }),
      },
    }),
  );
}
