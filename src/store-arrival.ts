import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoff, type BackoffOptions } from './pipeline/backoff.ts';
import type { ConsumeOutcome, FrameConsumer } from './pipeline/consumer.ts';
import type { Logger } from './telemetry/logger.ts';

export interface StoreArrivalOptions {
  /**
   * Brings the schema up to date and reads the record; tried again after it failed, so it must bear being run twice.
   */
  readonly prepare: () => Promise<void>;
  /** Whether a failure of `prepare` may pass by itself. */
  readonly mayPass: (error: unknown) => boolean;
  /** How long `begin` waits for the first try before it goes on in the background; as long as it takes when absent. */
  readonly patienceMs?: number;
  /** Between two tries; 250 ms doubling to 5 s by default. */
  readonly backoff?: BackoffOptions;
  readonly logger: Logger;
}

/**
 * Waits for a ClickHouse server that is not there yet when Docket starts. Intake goes on meanwhile, into the spool; what needs
 * the store waits for it, here.
 */
export interface StoreArrival {
  /**
   * Resolves when the store is ready, or when it is clear that it is not there now: then tries go on in the background. Rejects
   * with what will not pass by itself.
   */
  begin(): Promise<void>;
  /** The store can be asked. */
  arrived(): boolean;
  /** Runs `action` when the store has arrived: at once, later, or never. */
  afterwards(action: () => void): void;
  /** Why it is not there yet, without content. */
  reason(): string;
  /** The consumer, given nothing before the store has arrived. */
  gate(consumer: FrameConsumer): FrameConsumer;
  /** Ends the tries, and lets consumers that wait go. */
  close(): Promise<void>;
}

const BACKOFF: BackoffOptions = { initialMs: 250, maxMs: 5_000, factor: 2 };
const CLOSE_MS = 1_000;
const NOT_THERE: ConsumeOutcome = { kind: 'retryable', reason: 'ClickHouse is not there yet' };

export function createStoreArrival(options: StoreArrivalOptions): StoreArrival {
  const { prepare, mayPass, logger } = options;
  const backoff = createBackoff(options.backoff ?? BACKOFF);
  const closing = new AbortController();
  const actions: (() => void)[] = [];
  let arrived = false;
  let reason = 'it does not answer';
  let settle: () => void;
  /** Resolves when the store has arrived, or when nobody waits for it any more. */
  const over = new Promise<void>((resolve) => {
    settle = resolve;
  });
  let trying: Promise<void> | undefined;

  async function tryOnce(): Promise<void> {
    await prepare();
    if (closing.signal.aborted) return;
    arrived = true;
    settle();
    for (const action of actions.splice(0)) action();
  }

  function explain(error: unknown): void {
    const next = reasonOf(error);
    // Said when it changes, not with every try.
    if (next !== reason) logger.warn({ reason: next }, 'ClickHouse is not there yet; requests are kept in the spool');
    reason = next;
  }

  /** Tries until it is there. What will not pass by itself may still be repaired by people, while nothing is lost. */
  async function keepTrying(first: Promise<void>): Promise<void> {
    let attempt = first;
    while (!closing.signal.aborted) {
      try {
        await attempt;
        logger.info('ClickHouse is there; the record is ready');
        return;
      } catch (error) {
        explain(error);
      }
      await sleep(backoff.next(), undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      if (closing.signal.aborted) return;
      attempt = tryOnce();
    }
  }

  return {
    async begin() {
      const first = tryOnce();
      try {
        if (options.patienceMs === undefined) return await first;
        const late = sleep(options.patienceMs, 'late' as const, { ref: false });
        if ((await Promise.race([first, late])) !== 'late') return;
        logger.warn('ClickHouse takes long to answer; requests are kept in the spool');
      } catch (error) {
        if (!mayPass(error)) throw error;
      }
      trying = keepTrying(first);
    },
    arrived: () => arrived,
    afterwards(action) {
      if (arrived) action();
      else actions.push(action);
    },
    reason: () => reason,
    gate: (consumer) => ({
      name: consumer.name,
      // Asked before each batch: a consumer may change it.
      get batch() {
        return consumer.batch;
      },
      async consume(batch) {
        if (!arrived) await over;
        return arrived ? consumer.consume(batch) : NOT_THERE;
      },
    }),
    async close() {
      closing.abort();
      settle();
      // A try may hang on a server that does not answer; what it still does then is of no effect.
      await Promise.race([trying, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

/** The store's errors and Docket's own say what is wrong; any other, such as a parser's, may quote what it failed on. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return error.name === 'Error' || error.name === 'EngineError' ? error.message : `failed (${error.name})`;
}
