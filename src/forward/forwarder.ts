import type { Meter } from '@opentelemetry/api';
import type { ConsumeOutcome, FrameBatch, FrameConsumer } from '../pipeline/consumer.ts';
import type { Signal } from '../otlp/signal.ts';
import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Logger } from '../telemetry/logger.ts';
import { parseForwardEndpoint, type ForwardProtocol } from './endpoint.ts';
import { createGrpcTransport } from './grpc-transport.ts';
import { createHttpTransport } from './http-transport.ts';
import { createForwardInstruments } from './instruments.ts';
import { plainRequest } from './plain-request.ts';
import type { RetryableSend, SendOutcome } from './send-outcome.ts';

/** Requests under way at once. */
const REQUESTS_MAX = 8;
const TIMEOUT_MS = 30_000;

export interface ForwarderOptions {
  /** `http(s)://host:port[/path]` or `grpc(s)://host:port`; see parseForwardEndpoint. */
  readonly url: string;
  /** Sent with every request, e.g. `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocol?: ForwardProtocol;
  /** `gzip` by default. */
  readonly compression?: 'none' | 'gzip';
  /** Longest wait for one answer; 30 s by default. */
  readonly timeoutMs?: number;
  readonly meter: Meter;
  readonly logger: Logger;
}

/** What became of what was sent on, since the start. */
export interface ForwarderStatus {
  readonly acceptedItems: number;
  /** Refused by the endpoint for good: one by one (partial success), or with their request. */
  readonly rejectedItems: number;
  readonly refusedItems: number;
  readonly refusedRequests: number;
  /** Groups and deep values without which alone a request was taken. */
  readonly leftOut: number;
  /** A code, never text of the endpoint. */
  readonly lastRefusal: { readonly reason: string; readonly atUnixMs: number } | undefined;
}

export interface Forwarder extends FrameConsumer {
  status(): ForwarderStatus;
  /** Closes the connections. Call it when the spool has closed. */
  close(): void;
}

/**
 * Processor mode: sends every frame's redacted bytes, unchanged, to an OTLP endpoint. A request that it refuses for good and that holds
 * what some decoders do not take (unknown groups, values within more than 100 messages) is sent once more without that, counted:
 * the rest of it is worth more than a refusal.
 *
 * A request that the endpoint may take later makes the batch retryable; the frames of it that were taken already are
 * not sent again. A request that it refuses for good is set aside and counted while the others go on; when every
 * request of a batch is refused, the batch is permanent and the spool keeps its frames. OTLP has no way to recognise a
 * repeated request, so after a crash the requests of the batch under way may arrive twice.
 */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { logger } = options;
  const endpoint = parseForwardEndpoint(options.url, options.protocol);
  const transportOptions = {
    endpoint,
    headers: options.headers ?? {},
    compression: options.compression ?? 'gzip',
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  };
  const transport =
    endpoint.protocol === 'grpc'
      ? createGrpcTransport(transportOptions)
      : createHttpTransport({ ...transportOptions, connectionsMax: REQUESTS_MAX });
  const instruments = createForwardInstruments(options.meter);
  // What is settled of the batch under way, by the frame's ordinal.
  let settled = new Map<number, SendOutcome>();
  let settledBatch = '';
  const counts = { acceptedItems: 0, rejectedItems: 0, refusedItems: 0, refusedRequests: 0, leftOut: 0 };
  let lastRefusal: ForwarderStatus['lastRefusal'];

  function refusedWith(reason: string): void {
    lastRefusal = { reason, atUnixMs: Date.now() };
  }

  async function attempt(signal: Signal, bytes: Buffer): Promise<SendOutcome> {
    const started = performance.now();
    const outcome = await transport.send(signal, bytes);
    instruments.duration.record((performance.now() - started) / 1000, { signal });
    instruments.requests.add(1, { signal, outcome: outcome.kind });
    return outcome;
  }

  /** What the endpoint says to the request, or if it refuses it to the plain form of it. */
  async function sendEither(signal: Signal, bytes: Buffer): Promise<SendOutcome> {
    const outcome = await attempt(signal, bytes);
    const plain = outcome.kind === 'refused' ? plainRequest(signal, bytes) : undefined;
    if (plain === undefined) return outcome;
    const again = await attempt(signal, plain.bytes);
    if (again.kind !== 'accepted') return again.kind === 'refused' ? outcome : again;
    const { groups, deepValues } = plain;
    if (groups > 0) instruments.leftOut.add(groups, { signal, what: 'group' });
    if (deepValues > 0) instruments.leftOut.add(deepValues, { signal, what: 'deep_value' });
    counts.leftOut += groups + deepValues;
    logger.warn(
      { signal, groups, deepValues },
      'the forward endpoint took a request only without what it cannot decode',
    );
    return again;
  }

  async function send(frame: SpooledFrame): Promise<SendOutcome> {
    const { signal } = frame;
    // A copy: a request that is given up may still be on its way when the frame's memory is another's.
    const outcome = await sendEither(signal, Buffer.from(frame.bytes));
    if (outcome.kind === 'accepted') {
      const rejected = Math.min(outcome.rejected, frame.items);
      instruments.bytes.add(frame.bytes.length, { signal });
      instruments.items.add(frame.items - rejected, { signal, outcome: 'accepted' });
      counts.acceptedItems += frame.items - rejected;
      counts.rejectedItems += rejected;
      if (rejected > 0) {
        instruments.items.add(rejected, { signal, outcome: 'rejected' });
        refusedWith('partial success');
      }
    } else if (outcome.kind === 'refused') {
      instruments.items.add(frame.items, { signal, outcome: 'refused' });
      counts.refusedItems += frame.items;
      counts.refusedRequests += 1;
      refusedWith(outcome.reason);
      logger.warn({ signal, items: frame.items, reason: outcome.reason }, 'the forward endpoint refused a request');
    }
    return outcome;
  }

  /**
   * Sends what is not settled, several at once. At the first retryable answer no more are started; of the retryable
   * answers the one with the longest wait is returned, since that is what all of them ask for.
   */
  async function sendAll(batch: FrameBatch): Promise<RetryableSend | undefined> {
    const remaining = [...batch.frames.entries()].filter(([ordinal]) => !settled.has(ordinal)).values();
    const retryable: RetryableSend[] = [];
    async function work(): Promise<void> {
      for (const [ordinal, frame] of remaining) {
        if (retryable.length > 0) return;
        const outcome = await send(frame);
        if (outcome.kind === 'retryable') retryable.push(outcome);
        else settled.set(ordinal, outcome);
      }
    }
    await Promise.all(Array.from({ length: Math.min(REQUESTS_MAX, batch.frames.length) }, work));
    return retryable.toSorted((left, right) => (right.delayMs ?? 0) - (left.delayMs ?? 0))[0];
  }

  return {
    name: 'forward',
    batch: { framesMax: 64, bytesMax: 16 * 1024 * 1024, lingerMs: 0 },
    async consume(batch): Promise<ConsumeOutcome> {
      if (settledBatch !== batch.id) {
        settledBatch = batch.id;
        settled = new Map();
      }
      const retryable = await sendAll(batch);
      if (retryable !== undefined) return retryable;
      const outcomes = [...settled.entries()];
      settledBatch = '';
      let setAside = 0;
      let refused = 0;
      let reason = '';
      for (const [ordinal, outcome] of outcomes) {
        if (outcome.kind === 'accepted') setAside += outcome.rejected;
        else {
          setAside += batch.frames[ordinal]?.items ?? 0;
          refused += 1;
          reason = outcome.reason;
        }
      }
      if (refused === batch.frames.length)
        return { kind: 'permanent', reason: `the forward endpoint answered ${reason}` };
      return { kind: 'accepted', setAside };
    },
    status: () => ({ ...counts, lastRefusal }),
    close: () => transport.close(),
  };
}
