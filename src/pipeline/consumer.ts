import type { KnownKeys } from '../otlp/known-keys.ts';
import type { Signal } from '../otlp/signal.ts';
import type { SpooledFrame } from './frame.ts';
import type { ExportOutcome } from './outcome.ts';

/** One export request as the receiver hands it on: protobuf bytes, structurally checked, not yet redacted. */
export interface ExportRequest {
  readonly tenant: string;
  readonly signal: Signal;
  /**
   * A well-formed Export<Signal>ServiceRequest. The callee's until it answers: the memory is then used for other requests, so
   * what is kept longer is a copy.
   */
  readonly bytes: Uint8Array;
  /** Spans, log records or data points in `bytes`. */
  readonly items: number;
  readonly receivedAtUnixNano: bigint;
  /** Given when attributes of the request have keys beyond these: they are to be filed under one key, once redacted. */
  readonly knownKeys?: KnownKeys;
}

/** What the receiver is given: takes a request and answers when its fate is known (for `accepted`: when it is durable). */
export type ExportHandler = (request: ExportRequest) => Promise<ExportOutcome>;

/**
 * A consumer of the spool, with a cursor of its own under `name`.
 *
 * Contract: at-least-once, in spool order, one batch at a time. After a crash the batch that was under way is delivered
 * again with *the same frames* and the same `id`, so `id` may serve as a deduplication token. `consume` resolves when
 * the batch's effect is durable; it never throws for an operating error (a throw counts as retryable). The frames' bytes are
 * there until then and not longer: their memory is used for other frames.
 */
export interface FrameConsumer {
  /** Stable; names the cursor on disk. Lower-case letters and dashes. */
  readonly name: string;
  readonly batch: BatchLimits;
  consume(batch: FrameBatch): Promise<ConsumeOutcome>;
}

export interface BatchLimits {
  readonly framesMax: number;
  readonly bytesMax: number;
  /** How long to wait for more frames when fewer than the maximum are there. 0 delivers at once. */
  readonly lingerMs: number;
}

export interface FrameBatch {
  /** SHA-256 hex over the frames' content hashes: the same frames give the same id. */
  readonly id: string;
  readonly frames: readonly SpooledFrame[];
  /** True when an earlier delivery of this batch may have had an effect. */
  readonly redelivered: boolean;
}

export type ConsumeOutcome =
  /** Done; `setAside` of its items were put aside with a reason instead (counted by the spool's metrics). */
  | { readonly kind: 'accepted'; readonly setAside: number }
  /** Try the same batch again, after `delayMs` or the spool's own back-off. */
  | { readonly kind: 'retryable'; readonly reason: string; readonly delayMs?: number }
  /** This batch will never succeed: the spool keeps its frames in its dead-letter folder and goes on. */
  | { readonly kind: 'permanent'; readonly reason: string };
