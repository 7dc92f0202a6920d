import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../../../src/pipeline/consumer.ts';
import type { Frame } from '../../../src/pipeline/frame.ts';
import { markRedacted } from '../../../src/pipeline/redacted.ts';

/** A frame whose bytes start with its label, filled up to `bytes` in length. */
export function frameLabelled(label: string, bytes = 64): Frame {
  const content = Buffer.alloc(Math.max(bytes, Buffer.byteLength(label) + 1), 0x2e);
  content.write(`${label}|`);
  return {
    tenant: 'default',
    signal: 'traces',
    receivedAtUnixNano: 1_700_000_000_000_000_000n,
    policyVersion: 'default@0123456789ab',
    items: 1,
    receipts: [{ item: 0, traceId: '', spanId: '', redactions: [] }],
    facts: [{ item: 0, tier: 'read', traceIds: ['00112233445566778899aabbccddeeff'] }],
    bytes: markRedacted<Uint8Array>(content),
  };
}

export function labelOf(frame: Frame): string {
  const text = Buffer.from(frame.bytes).toString('latin1');
  return text.slice(0, text.indexOf('|'));
}

export interface RecordingConsumer extends FrameConsumer {
  /** Every delivery, failed ones too. */
  readonly deliveries: FrameBatch[];
  /** Labels of the frames in accepted batches, in order. */
  readonly accepted: string[];
}

/** Notes what it is given and answers what `answer` says: accepted unless told otherwise. */
export function recordingConsumer(
  name: string,
  options: {
    readonly batch?: Partial<FrameConsumer['batch']>;
    readonly answer?: (batch: FrameBatch, attempt: number) => ConsumeOutcome | Promise<ConsumeOutcome>;
  } = {},
): RecordingConsumer {
  const deliveries: FrameBatch[] = [];
  const accepted: string[] = [];
  return {
    name,
    batch: { framesMax: 100, bytesMax: 1024 * 1024, lingerMs: 0, ...options.batch },
    deliveries,
    accepted,
    async consume(batch) {
      // Copies: the frames' memory is used again when this is over.
      const frames = batch.frames.map((frame) => ({ ...frame, bytes: markRedacted(Buffer.from(frame.bytes)) }));
      deliveries.push({ ...batch, frames });
      const outcome = (await options.answer?.(batch, deliveries.length)) ?? { kind: 'accepted', setAside: 0 };
      if (outcome.kind === 'accepted') accepted.push(...batch.frames.map(labelOf));
      return outcome;
    },
  };
}
