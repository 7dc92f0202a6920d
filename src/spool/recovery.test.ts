import { appendFile, mkdtemp, open as openFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFaultyFiles, systemError, type FileFaults } from '../../test/fault/spool/faulty-files.ts';
import { createSmallDisk } from '../../test/fault/spool/small-disk.ts';
import { frameLabelled, labelOf, recordingConsumer } from '../../test/fault/spool/frames.ts';
import type { FrameConsumer } from '../pipeline/consumer.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { crc32c } from '../pipeline/crc32c.ts';
import { HEADER_BYTES } from './frame-codec.ts';
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

async function segmentPaths(): Promise<string[]> {
  return (await readdir(join(directory, 'segments'))).sort().map((name) => join(directory, 'segments', name));
}

/** Appends the labels one by one, closes, and gives the content of each segment. */
async function written(labels: readonly string[], options: Partial<SpoolOptions> = {}) {
  const spool = await open([], options);
  for (const label of labels) expect((await spool.append(frameLabelled(label))).kind).toBe('accepted');
  await spool.close();
  const paths = await segmentPaths();
  return Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) })));
}

/** What a new consumer is given after a restart. */
async function delivered() {
  await rm(join(directory, 'cursors'), { recursive: true, force: true });
  await rm(join(directory, 'dedup-window'), { force: true });
  const consumer = recordingConsumer('reader');
  const spool = await open([consumer]);
  expect(await spool.drain(5_000)).toBe(true);
  const status = spool.status();
  await spool.close();
  return { labels: consumer.accepted, status };
}

/** The frame's header as a Docket of that version would have written it: with a checksum that holds. */
function ofVersion(frame: Buffer, version: number): Buffer {
  const header = Buffer.from(frame);
  header.writeUInt8(version, 4);
  header.writeUInt32LE(crc32c(header.subarray(0, 28)), 28);
  return header;
}

/** The frame with other metadata, its lengths and checksums as a writer would have them. */
function withMetadata(frame: Buffer, change: (metadata: Record<string, unknown>) => object): Buffer {
  const end = HEADER_BYTES + frame.readUInt32LE(16);
  const told = JSON.parse(frame.toString('utf8', HEADER_BYTES, end)) as Record<string, unknown>;
  const metadata = Buffer.from(JSON.stringify(change(told)));
  const header = Buffer.from(frame.subarray(0, HEADER_BYTES));
  header.writeUInt32LE(metadata.length, 16);
  header.writeUInt32LE(crc32c(metadata), 24);
  header.writeUInt32LE(crc32c(header.subarray(0, 28)), 28);
  return Buffer.concat([header, metadata, frame.subarray(end)]);
}

test.each([
  ['of a newer version', (frame: Buffer) => ofVersion(frame, 2)],
  [
    'of a signal that this version does not know',
    (frame: Buffer) => withMetadata(frame, (metadata) => ({ ...metadata, signal: 'profiles' })),
  ],
  ['of a newer version, and cut off', (frame: Buffer) => ofVersion(frame, 2).subarray(0, frame.length - 3)],
])('a frame %s ends the start and keeps the segment as it is', async (_, newer) => {
  const [segment] = await written(['a', 'b', 'c']);
  if (segment === undefined) throw new Error('no segment');
  const length = segment.bytes.length / 3;
  const bytes = Buffer.concat([segment.bytes.subarray(0, 2 * length), newer(segment.bytes.subarray(2 * length))]);
  await writeFile(segment.path, bytes);
  await expect(delivered()).rejects.toThrow(
    `${segment.path} holds requests that a newer Docket took in (at byte ${2 * length})`,
  );
  expect(await readFile(segment.path)).toEqual(bytes);
  expect(await readdir(directory)).not.toContain('damaged.jsonl');
  // The directory is free for the Docket that can read it.
  await writeFile(segment.path, segment.bytes);
  expect((await delivered()).labels).toEqual(['a', 'b', 'c']);
});

test('a write cut at any byte of the last frame loses that frame alone and counts no damage', async () => {
  const [segment] = await written(['a', 'b', 'c']);
  if (segment === undefined) throw new Error('no segment');
  const lastFrame = Math.round((segment.bytes.length / 3) * 2);
  for (let length = lastFrame; length < segment.bytes.length; length += 1) {
    await writeFile(segment.path, segment.bytes);
    await truncate(segment.path, length);
    const { labels, status } = await delivered();
    expect(labels, `cut at ${length}`).toEqual(['a', 'b']);
    expect(status.corruptFrames).toBe(0);
    expect(status.tornBytes).toBe(length - lastFrame);
    await writeFile(segment.path, segment.bytes);
  }
});

test('after a torn tail the spool takes frames again and delivers them behind the sound ones', async () => {
  const [segment] = await written(['a', 'b']);
  await truncate(segment?.path ?? '', (segment?.bytes.length ?? 0) - 1);
  const spool = await open();
  expect((await spool.append(frameLabelled('b'))).kind).toBe('accepted');
  await spool.close();
  expect((await delivered()).labels).toEqual(['a', 'b']);
});

// One offset of each class in the frame in the middle.
test.each([
  ['the magic', 0],
  ['the version', 4],
  ['the reserved bytes', 6],
  ['the salt', 9],
  ['the length of the metadata', 16],
  ['the length of the bytes', 23],
  ['the checksum of the metadata', 25],
  ['the checksum of the header', 31],
  ['the metadata', HEADER_BYTES + 5],
  ['the bytes', -3],
])('a flipped bit in %s loses that frame alone, counted once', async (_what, at) => {
  const [segment] = await written(['a', 'b', 'c']);
  if (segment === undefined) throw new Error('no segment');
  const size = segment.bytes.length / 3;
  for (let bit = 0; bit < 8; bit += 1) {
    const damaged = Buffer.from(segment.bytes);
    const offset = at < 0 ? 2 * size + at : size + at;
    damaged.writeUInt8(damaged.readUInt8(offset) ^ (1 << bit), offset);
    await writeFile(segment.path, damaged);
    const { labels, status } = await delivered();
    expect(labels, `bit ${bit}`).toEqual(['a', 'c']);
    expect(status.corruptFrames).toBe(1);
    await writeFile(segment.path, segment.bytes);
  }
});

test('a segment that became shorter, noise, and a foreign file stop neither start nor the other frames', async () => {
  const segments = await written(['a', 'b', 'c', 'd'], { segmentBytes: 1 });
  expect(segments.length).toBe(4);
  await truncate(segments[1]?.path ?? '', 40);
  await writeFile(segments[2]?.path ?? '', Buffer.alloc(5_000, 0x5a));
  await writeFile(join(directory, 'segments', 'notes.txt'), 'not a segment');
  const { labels, status } = await delivered();
  expect(labels).toEqual(['a', 'd']);
  expect(status.corruptFrames).toBe(2);
});

test('what was lost is known to the next starts too, when its segment is gone, until somebody has dealt with it', async () => {
  const [segment] = await written(['a', 'b', 'c', 'd']);
  if (segment === undefined) throw new Error('no segment');
  const size = segment.bytes.length / 4;
  const damaged = Buffer.from(segment.bytes);
  damaged.writeUInt8(damaged.readUInt8(size + HEADER_BYTES) ^ 1, size + HEADER_BYTES);
  // Behind a broken header the length of a frame is not known: it goes up to the next sound one.
  damaged.writeUInt8(damaged.readUInt8(2 * size + 20) ^ 1, 2 * size + 20);
  await writeFile(segment.path, damaged);
  const consumer = recordingConsumer('reader');
  const first = await open([consumer], { clock: () => 1_790_000_000_000 });
  expect(await first.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'd']);
  const expected = [
    { segment: basename(segment.path), offset: size, bytes: size, foundAtUnixMs: 1_790_000_000_000 },
    { segment: basename(segment.path), offset: 2 * size, bytes: size, foundAtUnixMs: 1_790_000_000_000 },
  ];
  expect(first.status().damaged).toEqual(expected);
  await first.close();
  const second = await open([recordingConsumer('reader')]);
  expect(second.status()).toMatchObject({ damaged: expected });
  await second.close();
  await rm(segment.path, { force: true });
  await appendFile(join(directory, 'damaged.jsonl'), 'a line that a crash cut sho');
  const third = await open([recordingConsumer('reader')]);
  expect(third.status()).toMatchObject({ damaged: expected, corruptFrames: 0 });
  await third.close();
  await rm(join(directory, 'damaged.jsonl'));
  expect((await open([recordingConsumer('reader')])).status().damaged).toEqual([]);
});

test('a segment in which nothing is sound is removed although nothing comes any more', async () => {
  const [segment] = await written(['a']);
  await writeFile(segment?.path ?? '', Buffer.alloc(5_000, 0x5a));
  const spool = await open([recordingConsumer('reader')]);
  expect(spool.status()).toMatchObject({ corruptFrames: 1 });
  await expect.poll(segmentPaths).toEqual([]);
  expect((await spool.append(frameLabelled('b'))).kind).toBe('accepted');
  expect(await spool.drain(5_000)).toBe(true);
});

test('the image of a frame inside a payload is never taken for a frame', async () => {
  const [first] = await written(['stolen']);
  const spool = await open();
  const image = first?.bytes ?? Buffer.alloc(0);
  await spool.append({ ...frameLabelled('carrier'), bytes: Object.assign(frameLabelled('carrier').bytes, image) });
  await spool.close();
  const paths = await segmentPaths();
  const path = paths.at(-1) ?? '';
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(16) ^ 1, 16);
  await writeFile(path, bytes);
  const { labels, status } = await delivered();
  expect(labels).toEqual(['stolen']);
  expect(status.corruptFrames).toBe(1);
});

test('a frame damaged while the process runs is stepped over and the consumer catches up', async () => {
  const consumer = recordingConsumer('late', {
    answer: (_batch, attempt) =>
      attempt === 1 ? { kind: 'retryable', reason: 'down', delayMs: 20 } : { kind: 'accepted', setAside: 0 },
    batch: { framesMax: 1 },
  });
  const [segment] = await written(['a', 'b', 'c']);
  const spool = await open([consumer]);
  const size = (segment?.bytes.length ?? 0) / 3;
  const file = await openFile(segment?.path ?? '', 'r+');
  await file.write(Buffer.from([0xff]), 0, 1, size + 40);
  await file.close();
  await spool.drain(5_000);
  // Whether `b` was in memory before the damage came is a race; nothing else may be missing.
  expect(consumer.accepted.filter((label) => label !== 'b')).toEqual(['a', 'c']);
  await expect.poll(() => spool.status().consumers[0]?.pendingFrames).toBe(0);
});

test('a cursor file that cannot be read starts its consumer at the oldest frame', async () => {
  await written(['a', 'b']);
  await writeFile(join(directory, 'cursors', 'one.json'), '{"committed":');
  const consumer = recordingConsumer('one');
  const spool = await open([consumer]);
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.accepted).toEqual(['a', 'b']);
});

// ---- faults of the disk

function faults(): FileFaults & { failNext(operation: string, code: string, path?: RegExp): void } {
  const planned: { operation: string; code: string; path: RegExp }[] = [];
  return {
    failNext(operation, code, path = /segments/) {
      planned.push({ operation, code, path });
    },
    before(operation, path) {
      const at = planned.findIndex((plan) => plan.operation === operation && plan.path.test(path));
      const [plan] = at === -1 ? [] : planned.splice(at, 1);
      if (plan !== undefined) throw systemError(plan.code);
    },
  };
}

test.each(['open', 'append', 'fdatasync', 'fsyncDirectory'])(
  'a failed %s acknowledges nothing, keeps what was acknowledged, and the retry is kept once',
  async (operation) => {
    const plan = faults();
    const consumer = recordingConsumer('one');
    // A segment for each frame, so that every append opens one.
    const spool = await open([consumer], { files: createFaultyFiles(plan), segmentBytes: 1 });
    expect((await spool.append(frameLabelled('before'))).kind).toBe('accepted');
    plan.failNext(operation, 'EIO');
    expect(await spool.append(frameLabelled('hit'))).toMatchObject({ kind: 'retryable' });
    expect((await spool.append(frameLabelled('hit'))).kind).toBe('accepted');
    expect((await spool.append(frameLabelled('after'))).kind).toBe('accepted');
    expect(await spool.drain(5_000)).toBe(true);
    expect(consumer.accepted).toEqual(['before', 'hit', 'after']);
    await spool.close();
    expect((await readdir(join(directory, 'segments'))).length).toBeLessThanOrEqual(1);
  },
);

test('a segment whose fdatasync failed is never written again', async () => {
  const plan = faults();
  const spool = await open([], { files: createFaultyFiles(plan) });
  await spool.append(frameLabelled('before'));
  const [former = ''] = await segmentPaths();
  const size = (await readFile(former)).length;
  plan.failNext('fdatasync', 'EIO');
  const outcomes = await Promise.all(['x', 'y', 'z'].map((label) => spool.append(frameLabelled(label))));
  expect(outcomes.map(({ kind }) => kind)).toEqual(['retryable', 'retryable', 'retryable']);
  await spool.append(frameLabelled('after'));
  expect((await segmentPaths()).length).toBe(2);
  expect((await readFile(former)).length).toBe(size);
  await spool.close();
  expect((await delivered()).labels).toEqual(['before', 'after']);
});

test('a disk that fills up in the middle of a frame refuses, and accepts again when there is room', async () => {
  let room: number | undefined;
  const spool = await open([], {
    files: createFaultyFiles({
      room(path) {
        if (!path.includes('segments') || room === undefined) return undefined;
        const left = room;
        room = 0;
        return left;
      },
    }),
  });
  await spool.append(frameLabelled('before'));
  for (const partial of [0, 1, 20, 40, 200]) {
    room = partial;
    expect(await spool.append(frameLabelled('hit'))).toMatchObject({
      kind: 'retryable',
      message: 'the disk is full; send the request again later',
    });
  }
  room = undefined;
  expect((await spool.append(frameLabelled('hit'))).kind).toBe('accepted');
  await spool.close();
  const { labels, status } = await delivered();
  expect(labels).toEqual(['before', 'hit']);
  expect(status).toMatchObject({ corruptFrames: 0, tornBytes: 0 });
});

test('short writes are completed', async () => {
  let calls = 0;
  const spool = await open([], {
    files: createFaultyFiles({
      room(path) {
        calls += 1;
        return path.includes('segments') ? 7 : undefined;
      },
    }),
  });
  expect((await spool.append(frameLabelled('a'))).kind).toBe('accepted');
  expect(calls).toBeGreaterThan(20);
  await spool.close();
  expect((await delivered()).labels).toEqual(['a']);
});

test('a duplicate that arrives while its first copy fails is not acknowledged', async () => {
  const plan = faults();
  const spool = await open([], { files: createFaultyFiles(plan) });
  plan.failNext('fdatasync', 'EIO');
  const outcomes = await Promise.all([spool.append(frameLabelled('a')), spool.append(frameLabelled('a'))]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['retryable', 'retryable']);
  expect(spool.status().duplicates).toBe(0);
});

test('a cursor that cannot be written holds its consumer back and nothing else', async () => {
  const plan = faults();
  const consumer = recordingConsumer('one');
  const spool = await open([consumer], { files: createFaultyFiles(plan) });
  for (let at = 0; at < 3; at += 1) plan.failNext('open', 'ENOSPC', /cursors/);
  expect((await spool.append(frameLabelled('a'))).kind).toBe('accepted');
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.deliveries.map(({ frames }) => frames.map(labelOf))).toEqual([['a']]);
});

test('a batch that cannot be put into the dead-letter folder stays', async () => {
  const plan = faults();
  const consumer = recordingConsumer('one', { answer: () => ({ kind: 'permanent', reason: 'never' }) });
  const spool = await open([consumer], { files: createFaultyFiles(plan) });
  plan.failNext('fdatasync', 'EIO', /dead-letter/);
  await spool.append(frameLabelled('a'));
  expect(await spool.drain(5_000)).toBe(true);
  expect(consumer.deliveries.length).toBe(2);
  expect(spool.status().deadLetters.length).toBe(1);
});

test('a spool that filled the disk itself still lets its consumers go on, and takes frames again', async () => {
  let healthy = false;
  const consumer = recordingConsumer('one', {
    batch: { framesMax: 3 },
    answer: () => (healthy ? { kind: 'accepted', setAside: 0 } : { kind: 'retryable', reason: 'down', delayMs: 1 }),
  });
  const disk = createSmallDisk(200);
  const spool = await open([consumer], { files: disk.files, segmentBytes: 64 * 1024 });
  const accepted: string[] = [];
  // Ever smaller frames use up the last block.
  for (const bytes of [20_000, 3_000, 100]) {
    for (let at = 0; disk.free() >= 0; at += 1) {
      const label = `f${bytes}.${at}`;
      if ((await spool.append(frameLabelled(label, bytes))).kind !== 'accepted') break;
      accepted.push(label);
    }
  }
  expect(disk.free()).toBeLessThan(2);
  healthy = true;
  expect(await spool.drain(20_000)).toBe(true);
  expect(consumer.accepted).toEqual(accepted);
  await expect.poll(async () => (await spool.append(frameLabelled('late', 5_000))).kind).toBe('accepted');
});

test('a full spool that a restart reads from disk makes room once its consumer goes on', async () => {
  let healthy = false;
  const answer = () =>
    healthy
      ? ({ kind: 'accepted', setAside: 0 } as const)
      : ({ kind: 'retryable', reason: 'down', delayMs: 1 } as const);
  const disk = createSmallDisk(200);
  const down = recordingConsumer('one', { answer });
  const before = await open([down], { files: disk.files });
  const accepted: string[] = [];
  for (let at = 0; ; at += 1) {
    if ((await before.append(frameLabelled(`f${at}`, 20_000))).kind !== 'accepted') break;
    accepted.push(`f${at}`);
  }
  await before.close();

  // The frames are no longer in memory: they are read from a file, which must not stay open when it is removed.
  const consumer = recordingConsumer('one', { answer });
  const spool = await open([consumer], { files: disk.files });
  expect((await spool.append(frameLabelled('no room', 20_000))).kind).toBe('retryable');
  healthy = true;
  expect(await spool.drain(20_000)).toBe(true);
  expect(consumer.accepted).toEqual(accepted);
  await expect.poll(async () => (await spool.append(frameLabelled('late', 300_000))).kind).toBe('accepted');
});

test('senders that ask again and again do not keep a full disk full', async () => {
  let healthy = false;
  const consumer = recordingConsumer('one', {
    batch: { framesMax: 3 },
    answer: () => (healthy ? { kind: 'accepted', setAside: 0 } : { kind: 'retryable', reason: 'down', delayMs: 1 }),
  });
  const disk = createSmallDisk(200);
  // A consumer that fails to write its cursor a few times is not back within the time of this test.
  const backoff = { initialMs: 20, maxMs: 60_000, factor: 8 };
  const spool = await open([consumer], { files: disk.files, segmentBytes: 64 * 1024, backoff });
  const accepted: string[] = [];
  let asking = true;
  let asked = 0;
  const senders = Array.from({ length: 4 }, async (_, sender) => {
    while (asking) {
      const label = `s${sender}.${(asked += 1)}`;
      if ((await spool.append(frameLabelled(label, 20_000))).kind === 'accepted') accepted.push(label);
      else await setTimeout(1);
    }
  });
  await expect.poll(() => asked - accepted.length, { timeout: 10_000 }).toBeGreaterThan(200);
  healthy = true;
  const before = accepted.length;
  await expect.poll(() => accepted.length, { timeout: 20_000 }).toBeGreaterThan(before + 200);
  asking = false;
  await Promise.all(senders);
  expect(await spool.drain(20_000)).toBe(true);
  expect([...consumer.accepted].sort()).toEqual([...accepted].sort());
});
