import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lz4Frame, lz4Output, type Lz4Sequence, lz4WithRun } from '../../test/support/compressed-bodies.ts';
import { createAdmission, createReservation, type Reservation } from './admission.ts';
import { decompressLz4 } from './lz4.ts';
import { DEFAULT_LIMITS } from './options.ts';

const MiB = 1024 * 1024;
const examples = join(import.meta.dirname, '..', '..', 'test', 'conformance', 'examples');
const text = readFileSync(join(examples, 'trace.json'));
/** Made by the encoder of the Collector, with a checksum of the content. */
const frame = readFileSync(join(examples, 'compressed', 'trace.json.lz4'));

/** The same with a checksum of each block. */
const checked = readFileSync(join(examples, 'compressed', 'trace.json.lz4-checked'));

/** Buffers of megabytes: compared as bytes, not one by one. */
async function expectBody(compressed: Buffer, bytesMax: number, body: Buffer, room = reservation()): Promise<void> {
  const outcome = await decompressLz4(compressed, bytesMax, room);
  expect(outcome.kind).toBe('done');
  if (outcome.kind === 'done') expect(outcome.body.equals(body)).toBe(true);
}

function flipped(body: Buffer, bit: number): Buffer {
  const copy = Buffer.from(body);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

function reservation(bytes = 64 * MiB): Reservation {
  return createReservation(createAdmission({ ...DEFAULT_LIMITS, inFlightBytesMax: bytes }));
}

const bytes = (most: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength: most }).map((each) => Buffer.from(each));

/** Sequences that reach back as far as there is something, `before` them too. */
function sequencesBehind(before: number): fc.Arbitrary<Lz4Sequence[]> {
  const made = fc.record({
    literal: bytes(400),
    back: fc.integer({ min: 1, max: 65_535 }),
    length: fc.integer({ min: 4, max: 700 }),
  });
  return fc.array(made, { maxLength: 12 }).map((all) => {
    let length = before;
    return all.flatMap((each) => {
      length += each.literal.length;
      if (length === 0) return [];
      const sequence = { ...each, back: ((each.back - 1) % Math.min(length, 65_535)) + 1 };
      length += each.length;
      return [sequence];
    });
  });
}

test('what the encoder of the Collector made is the body again', async () => {
  await expectBody(frame, MiB, text);
});

test('any sequences are what they say, in blocks that stand alone and in blocks that reach back', async () => {
  const two = fc
    .tuple(bytes(60_000), fc.boolean(), fc.boolean(), bytes(30))
    .chain(([plain, linked, checked, last]) =>
      fc.tuple(fc.constant({ plain, linked, checked, last }), sequencesBehind(linked ? plain.length : 0)),
    );
  await fc.assert(
    fc.asyncProperty(two, async ([{ plain, linked, checked, last }, sequences]) => {
      fc.pre(plain.length > 0);
      const body = Buffer.concat([plain, lz4Output(sequences, last, linked ? plain : Buffer.alloc(0))]);
      const options = checked ? { blockChecksums: true, contentBytes: body.length, output: body } : {};
      const compressed = lz4Frame([{ plain }, { sequences, last }], { linked, ...options });
      await expectBody(compressed, MiB, body);
    }),
  );
});

test('several frames are one body, and what is no LZ4 between them is stepped over', async () => {
  const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex');
  const body = Buffer.concat([frame, skippable, frame]);
  await expectBody(body, MiB, Buffer.concat([text, text]));
  expect(await decompressLz4(Buffer.concat([frame, frame.subarray(4)]), MiB, reservation())).toEqual({
    kind: 'malformed',
  });
});

test('a frame with any bit flipped, or cut anywhere, is refused, or at least nothing else comes out', async () => {
  for (let bit = 0; bit < checked.length * 8; bit += 1) {
    const { kind } = await decompressLz4(flipped(checked, bit), MiB, reservation());
    expect(['malformed', 'too_large'], `bit ${bit}`).toContain(kind);
  }
  // Of a text that repeats itself, some places to reach back to are as good as others.
  for (let bit = 0; bit < frame.length * 8; bit += 1) {
    const outcome = await decompressLz4(flipped(frame, bit), MiB, reservation());
    if (outcome.kind === 'done') expect(outcome.body.equals(text), `bit ${bit}`).toBe(true);
  }
  for (let length = 1; length < frame.length; length += 1) {
    const { kind } = await decompressLz4(frame.subarray(0, length), MiB, reservation());
    expect(kind, `length ${length}`).toBe('malformed');
  }
});

test.each([
  [
    'reaches back before its beginning',
    lz4Frame([{ sequences: [{ literal: text, back: text.length + 1, length: 4 }], last: text }]),
  ],
  ['reaches back by nothing', lz4Frame([{ sequences: [{ literal: text, back: 0, length: 4 }], last: text }])],
  [
    'reaches back into another that stands alone',
    lz4Frame([{ plain: text }, { sequences: [{ literal: Buffer.from('x'), back: 9, length: 4 }], last: text }]),
  ],
  [
    'comes to more than its frame allows',
    lz4Frame([{ sequences: [{ literal: Buffer.from('x'), back: 1, length: 5 * MiB }], last: text }]),
  ],
  ['comes to less than its frame says', lz4Frame([{ plain: text }], { contentBytes: text.length + 1 })],
  ['is empty', lz4Frame([{ plain: Buffer.alloc(0) }])],
])('a block that %s is malformed', async (_, compressed) => {
  expect(await decompressLz4(compressed, 64 * MiB, reservation())).toEqual({ kind: 'malformed' });
});

test('what comes to more than the limit, or than there is room for, takes no memory', async () => {
  const bomb = lz4WithRun(Buffer.from('x'), 1024 * MiB);
  const room = reservation();
  const before = process.memoryUsage().arrayBuffers;
  expect(await decompressLz4(bomb, 16 * MiB, room)).toEqual({ kind: 'too_large' });
  expect(await decompressLz4(lz4Frame([], { contentBytes: 2 ** 40 }), 16 * MiB, room)).toEqual({ kind: 'too_large' });
  expect(await decompressLz4(lz4WithRun(Buffer.from('x'), 8 * MiB), 16 * MiB, reservation(MiB))).toEqual({
    kind: 'no_memory',
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * MiB);
  await expectBody(lz4WithRun(Buffer.from('x'), 16 * MiB - 1), 16 * MiB, Buffer.alloc(16 * MiB, 'x'), room);
});
