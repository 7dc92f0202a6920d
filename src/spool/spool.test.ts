import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { frameLabelled, labelOf, recordingConsumer } from '../../test/fault/spool/frames.ts';
import type { FrameConsumer } from '../pipeline/consumer.ts';
import { ACCEPTED } from '../pipeline/outcome.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createSpoolFiles } from './files.ts';
import { contentHashOf } from './frame-codec.ts';
import { createSpool, type Spool, type SpoolOptions } from './spool.ts';

const logger = createLogger('silent');
let directory: string;
let metrics: Metrics;
let opened: Spool[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'docket-spool-'));
  metrics = createMetrics();
  opened = [];
});

afterEach(async () => {
  for (const spool of opened) await spool.close();
  await metrics.close();
  await rm(directory, { recursive: true });
});

async function open(consumers: readonly FrameConsumer[] = [], options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = createSpool({
    directory,
    meter: metrics.meter,
    logger,
    backoff: { initialMs: 1, maxMs: 5, factor: 2 },
    ...options,
  });
  for (const consumer of consumers) spool.attach(consumer);
  await spool.start();
  opened.push(spool);
  return spool;
}

async function append(spool: Spool, ...labels: readonly string[]): Promise<void> {
  const outcomes = await Promise.all(labels.map((label) => spool.append(frameLabelled(label))));
  expect(outcomes).toEqual(labels.map(() => ACCEPTED));
}

async function segmentFiles(): Promise<string[]> {
  return (await readdir(join(directory, 'segments'))).map((name) => join(directory, 'segments', name)).sort();
}

test('an append before start or after close is answered retryable', async () => {
  const spool = createSpool({ directory, meter: metrics.meter, logger });
  expect(await spool.append(frameLabelled('a'))).toMatchObject({ kind: 'retryable' });
  await spool.start();
  await spool.close();
  expect(await spool.append(frameLabelled('a'))).toMatchObject({ kind: 'retryable' });
});

test('a directory in use is refused with the process that has it', async () => {
  await open();
  await expect(open()).rejects.toThrow(`in use by process ${process.pid}`);
});

test('a lock whose process is gone is taken over', async () => {
  await writeFile(join(directory, 'lock'), '999999999 boot:1\n');
  const spool = await open();
  await append(spool, 'a');
});

test('a lock of a former process with the same id is taken over', async () => {
  await writeFile(join(directory, 'lock'), `${process.pid} former-boot:1\n`);
  const spool = await open();
  await append(spool, 'a');
});

test('appended frames reach every consumer in order with all their fields', async () => {
  const first = recordingConsumer('first');
  const second = recordingConsumer('second', { batch: { framesMax: 2 } });
  const spool = await open([first, second]);
  await append(spool, 'a', 'b', 'c');
  await append(spool, 'd', 'e');
  expect(await spool.drain(5_000)).toBe(true);
  expect(first.accepted).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(second.accepted).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(second.deliveries.every(({ frames }) => frames.length <= 2)).toBe(true);
  const [delivered] = first.deliveries[0]?.frames ?? [];
  const { contentHash, ...frame } = delivered ?? { contentHash: '' };
  expect(frame).toEqual(frameLabelled('a'));
  expect(contentHash).toMatch(/^[0-9a-f]{64}$/);
});

test.each([{ recentBytesMax: 64 * 1024 * 1024 }, { recentBytesMax: 16_000 }, { recentBytesMax: 0 }])(
  'a consumer has its frames as they were until it is done, whatever comes and goes meanwhile: $recentBytesMax bytes recent',
  async ({ recentBytesMax }) => {
    const changed: string[] = [];
    let seen = 0;
    const slow = (name: string, waitMs: number): FrameConsumer => ({
      name,
      batch: { framesMax: 100, bytesMax: 1024 * 1024, lingerMs: 0 },
      async consume({ frames }) {
        for (const wait of [0, waitMs]) {
          await delay(wait);
          for (const frame of frames) if (contentHashOf(frame) !== frame.contentHash) changed.push(labelOf(frame));
        }
        seen += frames.length;
        return { kind: 'accepted', setAside: 0 };
      },
    });
    const spool = await open([slow('quick', 0), slow('slow', 4), slow('slower', 9)], { recentBytesMax });
    for (let round = 0; round < 40; round += 1) {
      const frames = [100, 700, 1_500].map((bytes) => frameLabelled(`${round}-${bytes}`, bytes));
      expect(await Promise.all(frames.map((frame) => spool.append(frame)))).toEqual(frames.map(() => ACCEPTED));
      // They are the sender's again, who uses the memory for something else.
      for (const frame of frames) frame.bytes.fill(0xdb);
    }
    expect(await spool.drain(10_000)).toBe(true);
    expect(changed).toEqual([]);
    expect(seen).toBe(3 * 40 * 3);
  },
);

test('frames appended in one turn of the event loop are written together before the next', async () => {
  const files = createSpoolFiles();
  const writes: number[] = [];
  const spool = await open([], {
    files: {
      ...files,
      async open(path, mode) {
        const file = await files.open(path, mode);
        return {
          ...file,
          append(buffers, position) {
            writes.push(buffers.length);
            return file.append(buffers, position);
          },
        };
      },
    },
  });
  await append(spool, 'opens the segment');
  writes.length = 0;
  const nextTurn = new Promise((resolve) => setImmediate(resolve));
  const appended = append(spool, 'a', 'b');
  await nextTurn;
  // Three buffers a frame: header, metadata, bytes.
  expect(writes).toEqual([6]);
  await appended;
});

test('frames come back from disk as they went in', async () => {
  await append(await open(), 'a', 'b');
  await opened.pop()?.close();
  const late = recordingConsumer('late');
  const spool = await open([late]);
  expect(await spool.drain(5_000)).toBe(true);
  const { contentHash, ...frame } = late.deliveries[0]?.frames[0] ?? { contentHash: '' };
  expect({ ...frame, bytes: Buffer.from((frame as { bytes: Uint8Array }).bytes) }).toEqual({
    ...frameLabelled('a'),
    bytes: Buffer.from(frameLabelled('a').bytes),
  });
  expect(contentHash).not.toBe('');
  expect(late.accepted).toEqual(['a', 'b']);
});

test('the same content twice is acknowledged twice and kept once, after a restart too', async () => {
  const consumer = recordingConsumer('one');
  const spool = await open([consumer]);
  await append(spool, 'a', 'a', 'a');
  await append(spool, 'a');
  expect(await spool.drain(5_000)).toBe(true);
  expect(spool.status().duplicates).toBe(3);
  await spool.close();
  const again = await open([consumer]);
  await append(again, 'a', 'b');
  expect(await again.drain(5_000)).toBe(true);
  expect(again.status().duplicates).toBe(1);
  expect(consumer.accepted).toEqual(['a', 'b']);
});

test('the same bytes of another tenant or signal are another frame', async () => {
  const consumer = recordingConsumer('one');
  const spool = await open([consumer]);
  await append(spool, 'a');
  await spool.append({ ...frameLabelled('a'), tenant: 'other' });
  await spool.append({ ...frameLabelled('a'), signal: 'logs' });
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'a', 'a']);
});

test('content is recognised after its segment was removed and the process restarted', async () => {
  const consumer = recordingConsumer('one');
  const spool = await open([consumer], { segmentBytes: 1 });
  await append(spool, 'a');
  await append(spool, 'b');
  expect(await spool.drain(5_000)).toBe(true);
  await expect.poll(() => spool.status().segments).toBeLessThanOrEqual(1);
  await spool.close();
  const again = await open([consumer]);
  await append(again, 'a', 'b');
  expect(again.status().duplicates).toBe(2);
});

test('segments are removed when every consumer is past them, and kept while one is not', async () => {
  const fast = recordingConsumer('fast');
  const slow = recordingConsumer('slow', { answer: () => ({ kind: 'retryable', reason: 'down' }) });
  const spool = await open([fast, slow], { segmentBytes: 1 });
  for (const label of ['a', 'b', 'c']) await append(spool, label);
  await expect.poll(() => fast.accepted).toEqual(['a', 'b', 'c']);
  expect(spool.status().segments).toBe(3);
  await spool.close();
  const healed = recordingConsumer('slow');
  const again = await open([fast, healed], { segmentBytes: 1 });
  expect(await again.drain(5_000)).toBe(true);
  expect(healed.accepted).toEqual(['a', 'b', 'c']);
  await expect.poll(segmentFiles).toEqual([]);
});

test('a new consumer starts at the oldest frame kept', async () => {
  const stuck = recordingConsumer('stuck', { answer: () => ({ kind: 'retryable', reason: 'down' }) });
  const spool = await open([stuck]);
  await append(spool, 'a', 'b');
  await spool.close();
  const fresh = recordingConsumer('fresh');
  await append(await open([recordingConsumer('stuck'), fresh]), 'c');
  await expect.poll(() => fresh.accepted).toEqual(['a', 'b', 'c']);
});

test('a retryable batch comes again, the same and marked, until it is accepted', async () => {
  const consumer = recordingConsumer('one', {
    answer: (_batch, attempt) =>
      attempt <= 2 ? { kind: 'retryable', reason: 'down', delayMs: 1 } : { kind: 'accepted', setAside: 0 },
  });
  const spool = await open([consumer]);
  await append(spool, 'a');
  await expect.poll(() => consumer.deliveries.length).toBeGreaterThan(1);
  await append(spool, 'b');
  expect(await spool.drain(5_000)).toBe(true);
  const [one, two, three] = consumer.deliveries;
  expect(one?.redelivered).toBe(false);
  expect([two, three]).toEqual([
    { ...one, redelivered: true },
    { ...one, redelivered: true },
  ]);
  expect(consumer.accepted).toEqual(['a', 'b']);
});

test('a consumer that throws is given the batch again', async () => {
  let thrown = 0;
  const consumer = recordingConsumer('one', {
    answer: () => {
      thrown += 1;
      if (thrown === 1) throw new Error('a bug');
      return { kind: 'accepted', setAside: 0 };
    },
  });
  const spool = await open([consumer]);
  await append(spool, 'a');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.deliveries.map(({ redelivered }) => redelivered)).toEqual([false, true]);
});

test('a batch refused for good goes to the dead-letter folder with the reason, and the next one is delivered', async () => {
  const consumer = recordingConsumer('one', {
    batch: { framesMax: 1 },
    answer: (batch) =>
      batch.frames.some((frame) => labelOf(frame) === 'poison')
        ? { kind: 'permanent', reason: 'no such column' }
        : { kind: 'accepted', setAside: 2 },
  });
  const spool = await open([consumer]);
  await append(spool, 'a', 'poison', 'b');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'b']);
  const [letter] = spool.status().deadLetters;
  expect(letter).toMatchObject({ consumer: 'one', reason: 'no such column', frames: 1 });
  const content = await readFile(join(directory, 'dead-letter', letter?.file ?? ''));
  expect(content.includes('poison|')).toBe(true);
  expect(await metrics.prometheusText()).toMatch(/docket_spool_dead_letter_frames[^ ]*\{consumer="one"[^}]*\} 1/);
  await spool.close();
  expect((await open([consumer])).status().deadLetters).toEqual([letter]);
});

test('a full dead-letter folder loses its oldest batch, counted', async () => {
  const consumer = recordingConsumer('one', {
    batch: { framesMax: 1 },
    answer: () => ({ kind: 'permanent', reason: 'never' }),
  });
  const spool = await open([consumer], { deadLetterBytesMax: 1500 });
  await append(spool, 'a', 'b', 'c', 'd');
  expect(await spool.drain(5_000)).toBe(true);
  const kept = spool.status().deadLetters.length;
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(4);
  expect(await metrics.prometheusText()).toMatch(
    new RegExp(`docket_spool_dead_letter_evicted_frames[^ ]*\\{[^}]*\\} ${4 - kept}`),
  );
});

test('a full spool refuses with a time to come back, and accepts again when a consumer caught up', async () => {
  let open_ = false;
  const consumer = recordingConsumer('one', {
    answer: () => (open_ ? { kind: 'accepted', setAside: 0 } : { kind: 'retryable', reason: 'down', delayMs: 1 }),
  });
  const spool = await open([consumer], { bytesMax: 4_000 });
  const accepted: string[] = [];
  let refusal: unknown;
  for (let at = 0; refusal === undefined; at += 1) {
    const outcome = await spool.append(frameLabelled(`f${at}`, 500));
    if (outcome.kind === 'accepted') accepted.push(`f${at}`);
    else refusal = outcome;
  }
  expect(refusal).toMatchObject({ kind: 'retryable', message: 'the spool is full; send the request again later' });
  expect(spool.status().bytes).toBeLessThanOrEqual(4_000);
  // Known before the frame is made: redaction is work for nothing then.
  expect(spool.refusal(500)).toMatchObject({
    kind: 'retryable',
    message: 'the spool is full; send the request again later',
  });
  open_ = true;
  expect(await spool.drain(5_000)).toBe(true);
  await expect.poll(() => spool.refusal(500)).toBeUndefined();
  await expect.poll(async () => (await spool.append(frameLabelled('late', 500))).kind).toBe('accepted');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual([...accepted, 'late']);
});

test('few frames wait for more until the linger time is over', async () => {
  const consumer = recordingConsumer('one', { batch: { framesMax: 3, lingerMs: 60_000 } });
  const spool = await open([consumer]);
  await append(spool, 'a');
  await append(spool, 'b');
  expect(consumer.deliveries).toEqual([]);
  await append(spool, 'c');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.deliveries.map(({ frames }) => frames.map(labelOf))).toEqual([['a', 'b', 'c']]);
});

test('how long to wait for more is asked when the first frame comes', async () => {
  let lingerMs = 60_000;
  const plain = recordingConsumer('one');
  const consumer: FrameConsumer = {
    ...plain,
    get batch() {
      return { framesMax: 100, bytesMax: 1024 * 1024, lingerMs };
    },
  };
  const spool = await open([consumer]);
  lingerMs = 0;
  await append(spool, 'a');
  expect(await spool.drain(5_000)).toBe(true);
  expect(plain.accepted).toEqual(['a']);
});

test('a batch stays within its bytes, but one larger frame is still delivered', async () => {
  const consumer = recordingConsumer('one', { batch: { bytesMax: 1_000, lingerMs: 1 } });
  const spool = await open([consumer]);
  await Promise.all(['a', 'b', 'c'].map((label) => spool.append(frameLabelled(label, 400))));
  await spool.append(frameLabelled('large', 3 * 1024 * 1024));
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'b', 'c', 'large']);
  for (const { frames } of consumer.deliveries) {
    expect(frames.length === 1 || frames.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 1_000).toBe(true);
  }
});

test('close lets the consume call under way finish and leaves nothing to deliver again', async () => {
  let finish: () => void = () => {};
  const consumer = recordingConsumer('one', {
    answer: () =>
      new Promise((resolve) => {
        finish = () => resolve({ kind: 'accepted', setAside: 0 });
      }),
  });
  const spool = await open([consumer]);
  await append(spool, 'a');
  await expect.poll(() => consumer.deliveries.length).toBe(1);
  const closed = spool.close();
  finish();
  await closed;
  const next = recordingConsumer('one');
  const again = await open([next]);
  expect(await again.drain(1_000)).toBe(true);
  expect(next.deliveries).toEqual([]);
});

test('lag, group size and fsync time are in the metrics', async () => {
  const stuck = recordingConsumer('stuck', { answer: () => ({ kind: 'retryable', reason: 'down', delayMs: 60_000 }) });
  const spool = await open([stuck]);
  await append(spool, 'a', 'b');
  const text = await metrics.prometheusText();
  expect(text).toMatch(/docket_spool_lag_frames\{consumer="stuck"[^}]*\} 2/);
  expect(text).toMatch(/docket_spool_group_frames_count\S* 1/);
  expect(text).toMatch(/docket_spool_fsync_duration\S*_count\S* 1/);
  expect(text).toMatch(/docket_spool_lag_age\{consumer="stuck"/);
  expect(spool.status().consumers).toMatchObject([{ name: 'stuck', pendingFrames: 2 }]);
});

test('how long a consumer is behind goes by its oldest frame, also between two batches', async () => {
  let finish: () => void = () => {};
  const slow: FrameConsumer = {
    name: 'slow',
    batch: { framesMax: 1, bytesMax: 1024 * 1024, lingerMs: 0 },
    async consume() {
      await new Promise<void>((resolve) => (finish = resolve));
      return { kind: 'accepted', setAside: 0 };
    },
  };
  const spool = await open([slow], { clock: () => 100_000 });
  const age = (): number | undefined => spool.status().consumers[0]?.oldestAgeMs;
  expect(age()).toBe(0);
  await spool.append({ ...frameLabelled('a'), receivedAtUnixNano: 60_000_000_000n });
  await spool.append({ ...frameLabelled('b'), receivedAtUnixNano: 70_000_000_000n });
  await expect.poll(age).toBe(40_000);
  finish();
  await expect.poll(age).toBe(30_000);
  finish();
  await expect.poll(age).toBe(0);
});

test('what every consumer is past leaves the disk when asked, and what comes meanwhile is kept', async () => {
  const consumer = recordingConsumer('one');
  const spool = await open([consumer]);
  await append(spool, 'a', 'b');
  expect((await segmentFiles()).length).toBe(1);
  expect(await spool.passed(5_000)).toBe(true);
  expect(await segmentFiles()).toEqual([]);
  await append(spool, 'a', 'c');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'b', 'c']);
});

test('a consumer that does not keep up keeps what it has not had', async () => {
  const stuck: FrameConsumer = {
    name: 'stuck',
    batch: { framesMax: 10, bytesMax: 1024 * 1024, lingerMs: 0 },
    consume: () => Promise.resolve({ kind: 'retryable', reason: 'not now' }),
  };
  const spool = await open([stuck]);
  await append(spool, 'a');
  expect(await spool.passed(50)).toBe(false);
  expect((await segmentFiles()).length).toBe(1);
});

test('a request with more receipts than a frame can say is refused for good, and the next is taken', async () => {
  const spool = await open();
  // Six characters each in JSON: together beyond the longest string there is.
  const spanId = '\u0000'.repeat(1024 * 1024);
  const receipts = Array.from({ length: 100 }, (_, item) => ({ item, traceId: '', spanId, redactions: [] }));
  expect(await spool.append({ ...frameLabelled('a'), receipts })).toMatchObject({
    kind: 'permanent',
    code: 'too_large',
    message: expect.stringContaining('smaller requests') as string,
  });
  await append(spool, 'a');
});
