import { OtlpDecodeError } from '../otlp/decode-error.ts';
import { WIRE_BYTES, WIRE_VARINT, WireReader } from '../otlp/protobuf/reader.ts';

const PARTIAL_SUCCESS = (1 << 3) | WIRE_BYTES;
const REJECTED = (1 << 3) | WIRE_VARINT;

/**
 * The rejected items in an Export<Signal>ServiceResponse {1 partial_success {1 rejected_* int64, 2 error_message}}. A
 * response that cannot be read counts as full success: the status said so, and sending again would double the data.
 */
export function rejectedItemsIn(response: Uint8Array): number {
  const reader = new WireReader(response);
  let rejected = 0n;
  try {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== PARTIAL_SUCCESS) {
        reader.skip(tag);
        continue;
      }
      const outer = reader.enter();
      for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) {
        if (inner === REJECTED) rejected = BigInt.asIntN(64, reader.varint64());
        else reader.skip(inner);
      }
      reader.leave(outer);
    }
  } catch (error) {
    if (!(error instanceof OtlpDecodeError)) throw error;
    return 0;
  }
  return rejected < 0n ? 0 : Number(rejected);
}
