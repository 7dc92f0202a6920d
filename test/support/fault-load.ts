import type { Listeners } from './docket-process.ts';
import type { Ledger } from './fault-ledger.ts';
import { numberedRequest, type NumberedRequest, type RequestOptions } from './fault-requests.ts';
import { createOtlpClient, type Attempt, type Protocol } from './fault-sender.ts';
import { SIGNALS, type Signal } from '../../src/otlp/signal.ts';

export interface LoadOptions extends RequestOptions {
  readonly ledger: Ledger;
  readonly listeners: Listeners;
  /** Number of the first item; each worker counts on from there, so that no two requests share a number. */
  readonly firstNumber: number;
  readonly workers?: number;
  readonly itemsPerRequest?: number;
  readonly signals?: readonly Signal[];
  readonly protocols?: readonly Protocol[];
  /** Between two requests of a worker; 0 by default. */
  readonly pauseMs?: number;
}

/** Clients that send until told to stop and send a request again, the same bytes, while its answer says to. */
export interface Load {
  /** Ends after the requests under way have been answered; unanswered ones are tried again for as long as `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** Gives up at once; requests under way stay unacknowledged. */
  abandon(): Promise<void>;
  /** How often each answer came, e.g. `200`, `503`, `UNAVAILABLE`, `ECONNREFUSED`. */
  readonly answers: ReadonlyMap<string, number>;
  /** Answers that no client would ever retry. */
  readonly refusals: readonly Attempt[];
  /** Retryable answers of Docket itself (not a broken connection) that named no delay. */
  delaysNotNamed(): number;
  acknowledgedRequests(): number;
  nextNumber(): number;
}

export function startLoad(options: LoadOptions): Load {
  const { ledger, listeners } = options;
  const workers = options.workers ?? 8;
  const itemsPerRequest = options.itemsPerRequest ?? 20;
  const signals = options.signals ?? SIGNALS;
  const protocols = options.protocols ?? ['http', 'grpc'];
  const answers = new Map<string, number>();
  const refusals: Attempt[] = [];
  let delaysNotNamed = 0;
  let acknowledged = 0;
  let next = options.firstNumber;
  let turn = 0;
  let stopping = false;
  let giveUpAt = Number.POSITIVE_INFINITY;

  async function deliver(
    send: (request: NumberedRequest) => Promise<Attempt>,
    request: NumberedRequest,
  ): Promise<void> {
    ledger.onSent(request);
    for (;;) {
      const attempt = await send(request);
      answers.set(attempt.answer, (answers.get(attempt.answer) ?? 0) + 1);
      if (attempt.outcome === 'acknowledged') {
        ledger.onAcknowledged(request);
        acknowledged += 1;
        return;
      }
      if (attempt.outcome === 'refused') {
        refusals.push(attempt);
        return;
      }
      if ((attempt.answer === '503' || attempt.answer === '429') && !attempt.asksForDelay) delaysNotNamed += 1;
      if (performance.now() > giveUpAt) return;
      await pause(25);
    }
  }

  const running = Array.from({ length: workers }, async (_, index) => {
    const client = createOtlpClient(listeners, protocols[index % protocols.length] ?? 'http');
    try {
      while (!stopping) {
        const first = next;
        next += itemsPerRequest;
        const signal = signals[turn++ % signals.length] ?? 'traces';
        await deliver((request) => client.send(request), numberedRequest(signal, first, itemsPerRequest, options));
        if (options.pauseMs !== undefined) await pause(options.pauseMs);
      }
    } finally {
      client.close();
    }
  });

  async function end(graceMs: number): Promise<void> {
    stopping = true;
    giveUpAt = performance.now() + graceMs;
    await Promise.all(running);
  }

  return {
    stop: (graceMs = 60_000) => end(graceMs),
    abandon: () => end(0),
    answers,
    refusals,
    delaysNotNamed: () => delaysNotNamed,
    acknowledgedRequests: () => acknowledged,
    nextNumber: () => next,
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
