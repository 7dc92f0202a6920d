import { createHash } from 'node:crypto';
import { transcodeJson } from '../../src/otlp/json/transcode.ts';
import type { Signal } from '../../src/otlp/signal.ts';
import type { FrameBatch } from '../../src/pipeline/consumer.ts';
import type { SpooledFrame } from '../../src/pipeline/frame.ts';
import { markRedacted } from '../../src/pipeline/redacted.ts';

const RECEIVED_AT = BigInt(Date.UTC(2026, 10, 22, 12)) * 1_000_000n;

export interface FrameParts extends Partial<Omit<SpooledFrame, 'bytes' | 'items' | 'signal'>> {
  readonly items: number;
}

/** A frame as the spool gives it out, from protobuf bytes that need no redaction. */
export function frameOf(signal: Signal, bytes: Uint8Array, parts: FrameParts): SpooledFrame {
  return {
    tenant: 'default',
    signal,
    receivedAtUnixNano: RECEIVED_AT,
    policyVersion: 'test@000000000000',
    receipts: [],
    facts: [],
    bytes: markRedacted(bytes),
    contentHash: createHash('sha256')
      .update(`${parts.tenant ?? 'default'}\n${signal}\n`)
      .update(bytes)
      .digest('hex'),
    ...parts,
  };
}

/** The same from an OTLP/JSON request. */
export function frameOfJson(signal: Signal, request: unknown, parts: FrameParts): SpooledFrame {
  const { bytes } = transcodeJson(signal, Buffer.from(JSON.stringify(request)));
  return frameOf(signal, bytes, parts);
}

export function batchOf(...frames: readonly SpooledFrame[]): FrameBatch {
  const hash = createHash('sha256');
  for (const frame of frames) hash.update(frame.contentHash);
  return { id: hash.digest('hex'), frames, redelivered: false };
}
