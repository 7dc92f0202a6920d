import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { FrameBatch } from './pipeline/consumer.ts';
import { createStoreArrival, type StoreArrival, type StoreArrivalOptions } from './store-arrival.ts';
import { createLogger } from './telemetry/logger.ts';

const opened: StoreArrival[] = [];
const BATCH: FrameBatch = { id: 'a', frames: [], redelivered: false };

afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function arrivalOf(prepare: () => Promise<void>, options: Partial<StoreArrivalOptions> = {}): StoreArrival {
  const arrival = createStoreArrival({
    prepare,
    mayPass: (error) => error instanceof Error && error.message === 'away',
    patienceMs: 50,
    backoff: { initialMs: 1, maxMs: 2, factor: 2 },
    logger: createLogger('silent'),
    ...options,
  });
  opened.push(arrival);
  return arrival;
}

/** A consumer that counts what it is given. */
function counting(arrival: StoreArrival) {
  let batches = 0;
  const consumer = arrival.gate({
    name: 'one',
    batch: { framesMax: 1, bytesMax: 1, lingerMs: 0 },
    consume() {
      batches += 1;
      return Promise.resolve({ kind: 'accepted', setAside: 0 });
    },
  });
  return { consumer, batches: () => batches };
}

test('a store that is there is waited for', async () => {
  const arrival = arrivalOf(() => Promise.resolve());
  await arrival.begin();
  expect(arrival.arrived()).toBe(true);
});

test('a store that comes later is prepared then, and consumers and actions wait for it', async () => {
  let away = true;
  let tries = 0;
  const arrival = arrivalOf(() => {
    tries += 1;
    return away ? Promise.reject(new Error('away')) : Promise.resolve();
  });
  await arrival.begin();
  expect(arrival.arrived()).toBe(false);
  const { consumer, batches } = counting(arrival);
  let acted = false;
  arrival.afterwards(() => {
    acted = true;
  });
  const outcome = consumer.consume(BATCH);
  await expect.poll(() => tries).toBeGreaterThan(3);
  expect([batches(), acted, arrival.reason()]).toEqual([0, false, 'away']);
  away = false;
  await expect(outcome).resolves.toEqual({ kind: 'accepted', setAside: 0 });
  expect([batches(), acted, arrival.arrived()]).toEqual([1, true, true]);
});

test('a store that does not answer is waited for in the background', async () => {
  let answer: (() => void) | undefined;
  const arrival = arrivalOf(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  await arrival.begin();
  expect(arrival.arrived()).toBe(false);
  answer?.();
  await expect.poll(() => arrival.arrived()).toBe(true);
});

test('what will not pass ends the start', async () => {
  const arrival = arrivalOf(() => Promise.reject(new Error('the database is newer')));
  await expect(arrival.begin()).rejects.toThrow('the database is newer');
});

test('what may be repaired later is tried on in the background and named', async () => {
  let failure = 'away';
  const arrival = arrivalOf(() => (failure === '' ? Promise.resolve() : Promise.reject(new Error(failure))));
  await arrival.begin();
  failure = 'wrong password';
  await expect.poll(() => arrival.reason()).toBe('wrong password');
  failure = '';
  await expect.poll(() => arrival.arrived()).toBe(true);
});

test('closing lets waiting consumers go without a batch being done, and ends the tries', async () => {
  let tries = 0;
  const arrival = arrivalOf(() => {
    tries += 1;
    return Promise.reject(new Error('away'));
  });
  await arrival.begin();
  const { consumer, batches } = counting(arrival);
  const outcome = consumer.consume(BATCH);
  await arrival.close();
  await expect(outcome).resolves.toMatchObject({ kind: 'retryable' });
  const before = tries;
  await setTimeout(20);
  expect([batches(), tries]).toEqual([0, before]);
});

test('the reason why it is not there quotes nothing of what could not be read', async () => {
  const arrival = arrivalOf(async () => void JSON.parse('{"text":"my secret words" broken'), { mayPass: () => true });
  await arrival.begin();
  while (arrival.reason() === 'it does not answer') await setTimeout(1);
  expect(arrival.reason()).toBe('failed (SyntaxError)');
});
