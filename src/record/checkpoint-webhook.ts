import type { Counter, Meter } from '@opentelemetry/api';
import type { Logger } from '../telemetry/logger.ts';
import type { SignedCheckpoint } from './checkpoint.ts';

/** Tells another system of every signed head, so that somebody else's disk knows it too. */
export interface CheckpointWebhook {
  /** Queues it and returns at once; a newer head of the same incident takes the place of one still waiting. */
  offer(checkpoint: SignedCheckpoint): void;
  /** Gives what waits a last short chance. */
  close(): Promise<void>;
}

export interface CheckpointWebhookOptions {
  readonly url: string;
  readonly logger: Logger;
  readonly meter: Meter;
  /** First wait after a failure; doubles up to a minute. 1 s when left out. */
  readonly retryMilliseconds?: number;
}

/** Incidents with a head waiting; what comes beyond that is counted and left to the file. */
const WAITING_MAX = 10_000;
const TIMEOUT_MILLISECONDS = 10_000;
const RETRY_MAX_MILLISECONDS = 60_000;
const CLOSING_MILLISECONDS = 2_000;

/**
 * Posts each checkpoint as JSON, one after the other, until it is taken with a 2xx. 4xx answers other than 408 and 429 are
 * final: the same body would be refused again.
 */
export function createCheckpointWebhook(options: CheckpointWebhookOptions): CheckpointWebhook {
  const { logger } = options;
  const results: Counter = options.meter.createCounter('docket.record.anchor_webhook', {
    unit: '{checkpoint}',
    description: 'Checkpoints offered to the webhook, by result',
  });
  const waiting = new Map<string, SignedCheckpoint>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let wake = (): void => undefined;

  async function run(): Promise<void> {
    let delay = options.retryMilliseconds ?? 1_000;
    for (let next = first(waiting); next !== undefined && !stopping.signal.aborted; next = first(waiting)) {
      const [key, checkpoint] = next;
      const result = await post(checkpoint);
      if (result === 'retry') {
        await pause(delay);
        delay = Math.min(delay * 2, RETRY_MAX_MILLISECONDS);
        continue;
      }
      delay = options.retryMilliseconds ?? 1_000;
      results.add(1, { result });
      // What came meanwhile is newer and stays.
      if (waiting.get(key) === checkpoint) waiting.delete(key);
    }
  }

  async function post(checkpoint: SignedCheckpoint): Promise<'taken' | 'refused' | 'retry'> {
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(checkpoint),
        redirect: 'error',
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(TIMEOUT_MILLISECONDS)]),
      });
      await response.body?.cancel();
      if (response.ok) return 'taken';
      if (response.status >= 500 || response.status === 408 || response.status === 429) return 'retry';
      logger.error({ status: response.status }, 'the anchor webhook refuses checkpoints');
      return 'refused';
    } catch (error) {
      if (!stopping.signal.aborted) {
        logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'the anchor webhook cannot be reached');
      }
      return 'retry';
    }
  }

  async function pause(milliseconds: number): Promise<void> {
    if (stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      timer.unref();
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    offer(checkpoint) {
      const key = `${checkpoint.tenant}\n${checkpoint.incident}`;
      if (waiting.size >= WAITING_MAX && !waiting.has(key)) {
        results.add(1, { result: 'dropped' });
        return;
      }
      waiting.set(key, checkpoint);
      running ??= run().finally(() => {
        running = undefined;
      });
    },
    async close() {
      const timer = setTimeout(() => {
        stopping.abort();
        wake();
      }, CLOSING_MILLISECONDS);
      await running;
      clearTimeout(timer);
    },
  };
}

function first<K, V>(map: ReadonlyMap<K, V>): readonly [K, V] | undefined {
  for (const entry of map) return entry;
  return undefined;
}
