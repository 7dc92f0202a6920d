import type { Signal } from '../otlp/signal.ts';
import type { ItemFacts } from './facts.ts';
import type { RecordReceipt } from './receipt.ts';
import type { Redacted } from './redacted.ts';

/**
 * One acknowledged export request, redacted: what redaction hands to the spool and the spool hands to its consumers.
 * `bytes` is a whole Export<Signal>ServiceRequest in protobuf.
 */
export interface Frame {
  readonly tenant: string;
  readonly signal: Signal;
  /** Nanoseconds since the epoch when the receiver had the whole request. Kept across retries and restarts. */
  readonly receivedAtUnixNano: bigint;
  /** `<policy id>@<first 12 hex of the policy's SHA-256>`. */
  readonly policyVersion: string;
  /** Spans, log records or data points in `bytes`. */
  readonly items: number;
  readonly receipts: readonly RecordReceipt[];
  readonly facts: readonly ItemFacts[];
  readonly bytes: Redacted<Uint8Array>;
}

/** A frame as the spool gives it out: with its content hash (SHA-256 hex over tenant, signal and bytes). */
export interface SpooledFrame extends Frame {
  readonly contentHash: string;
}
