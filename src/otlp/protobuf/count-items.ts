import { OtlpDecodeError } from '../decode-error.ts';
import type { Signal } from '../signal.ts';
import { WIRE_BYTES, WireReader } from './reader.ts';
import { type MessageSchema, messageSchema, requestSchema } from './schema.ts';

/**
 * Spans, log records or data points in an Export<Signal>ServiceRequest, none of them looked into: a few nanoseconds each. Of bytes that
 * are no such request, those before the first mistake.
 */
export function countItems(signal: Signal, body: Uint8Array): number {
  const reader = new WireReader(body);
  let items = 0;
  const count = (schema: MessageSchema): void => {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      const name = (tag & 7) === WIRE_BYTES ? schema.byNumber.get(tag >>> 3)?.message : undefined;
      const message = name === undefined ? undefined : messageSchema(name);
      if (message?.holdsItems === true) {
        const outer = reader.enter();
        count(message);
        reader.leave(outer);
        continue;
      }
      reader.skip(tag);
      if (message?.isItem === true) items += 1;
    }
  };
  try {
    count(requestSchema(signal));
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
  }
  return items;
}
