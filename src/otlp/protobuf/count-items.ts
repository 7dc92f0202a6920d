import { OtlpDecodeError } from '../decode-error.ts';
import type { Signal } from '../signal.ts';
import { WIRE_BYTES, WireReader } from './reader.ts';
import { type MessageSchema, messageSchema, requestSchema, type MessageName } from './schema.ts';

const ITEMS: ReadonlySet<MessageName> = new Set([
  'Span',
  'LogRecord',
  'NumberDataPoint',
  'HistogramDataPoint',
  'ExponentialHistogramDataPoint',
  'SummaryDataPoint',
] satisfies MessageName[]);
/** Messages that hold items, or messages that do. */
const HOLDERS: ReadonlySet<MessageName> = new Set([
  'ResourceSpans',
  'ScopeSpans',
  'ResourceLogs',
  'ScopeLogs',
  'ResourceMetrics',
  'ScopeMetrics',
  'Metric',
  'Gauge',
  'Sum',
  'Histogram',
  'ExponentialHistogram',
  'Summary',
] satisfies MessageName[]);

/**
 * Spans, log records or data points in an Export<Signal>ServiceRequest, none of them looked into: a few nanoseconds each. Of bytes that
 * are no such request, those before the first mistake.
 */
export function countItems(signal: Signal, body: Uint8Array): number {
  const reader = new WireReader(body);
  let items = 0;
  const count = (schema: MessageSchema): void => {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const message = (tag & 7) === WIRE_BYTES ? schema.byNumber.get(tag >>> 3)?.message : undefined;
      if (message !== undefined && HOLDERS.has(message)) {
        const outer = reader.enter();
        count(messageSchema(message));
        reader.leave(outer);
        continue;
      }
      reader.skip(tag);
      if (message !== undefined && ITEMS.has(message)) items += 1;
    }
  };
  try {
    count(requestSchema(signal));
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
  }
  return items;
}
