import type { Signal } from '../otlp/signal.ts';

/** What became of one request at the endpoint. Reasons are codes, never text of the endpoint: it may quote content. */
export type SendOutcome =
  /** Taken; the endpoint refused `rejected` of its items for good (OTLP partial success). */
  | { readonly kind: 'accepted'; readonly rejected: number }
  | RetryableSend
  /** The same request would be refused again. */
  | { readonly kind: 'refused'; readonly reason: string };

/** The endpoint may take the same request later, after `delayMs` if it said so. */
export interface RetryableSend {
  readonly kind: 'retryable';
  readonly reason: string;
  readonly delayMs?: number;
}

/** Sends whole requests, unchanged. */
export interface Transport {
  send(signal: Signal, bytes: Uint8Array): Promise<SendOutcome>;
  close(): void;
}
