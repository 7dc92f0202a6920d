import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  snappyBlock,
  type SnappyElement,
  snappyOutput,
  snappyStream,
  snappyWithRun,
} from '../../test/support/compressed-bodies.ts';
import { createAdmission, createReservation, type Reservation } from './admission.ts';
import { DEFAULT_LIMITS } from './options.ts';
import { decompressSnappy } from './snappy.ts';

const LIMIT = 1024 * 1024;
const examples = join(import.meta.dirname, '..', '..', 'test', 'conformance', 'examples');
const text = readFileSync(join(examples, 'trace.json'));
/** Made by the encoder of the Collector. */
const block = readFileSync(join(examples, 'compressed', 'trace.json.snappy'));
const stream = readFileSync(join(examples, 'compressed', 'trace.json.snappy-framed'));

function reservation(bytes = 64 * LIMIT): Reservation {
  return createReservation(createAdmission({ ...DEFAULT_LIMITS, inFlightBytesMax: bytes }));
}

/** Literals and repetitions that reach back as far as there is something. */
const elements = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => ({ literal: Buffer.from(bytes) })),
      fc.record({ back: fc.integer({ min: 1, max: 5_000 }), length: fc.integer({ min: 1, max: 64 }) }),
    ),
    { maxLength: 40 },
  )
  .map((made) => {
    let length = 0;
    return made.flatMap((each): SnappyElement[] => {
      if ('literal' in each) length += each.literal.length;
      else if (length === 0) return [];
      const back = 'literal' in each ? 0 : ((each.back - 1) % length) + 1;
      if (!('literal' in each)) length += each.length;
      return ['literal' in each ? each : { back, length: each.length }];
    });
  });

test('what the encoder of the Collector made, as a block and as a stream, is the body again', async () => {
  expect(await decompressSnappy(block, LIMIT, reservation())).toEqual({ kind: 'done', body: text });
  expect(await decompressSnappy(stream, LIMIT, reservation())).toEqual({ kind: 'done', body: text });
});

test('any elements are what they say, as a block and as a stream of two', async () => {
  await fc.assert(
    fc.asyncProperty(elements, elements, async (first, second) => {
      const [one, two] = [snappyOutput(first), snappyOutput(second)];
      expect(await decompressSnappy(snappyBlock(first), LIMIT, reservation())).toEqual({ kind: 'done', body: one });
      const both = snappyStream([
        { block: snappyBlock(first), output: one },
        { block: snappyBlock(second), output: two },
      ]);
      expect(await decompressSnappy(both, LIMIT, reservation())).toEqual({
        kind: 'done',
        body: Buffer.concat([one, two]),
      });
    }),
  );
});

test('a stream may hold plain chunks, padding, chunks to be skipped and its beginning again; others are refused', async () => {
  const skipped = Buffer.from([0x80, 2, 0, 0, 9, 9]);
  const padding = Buffer.from([0xfe, 1, 0, 0, 0]);
  const whole = Buffer.concat([stream, skipped, stream, padding]);
  expect(await decompressSnappy(whole, LIMIT, reservation())).toEqual({
    kind: 'done',
    body: Buffer.concat([text, text]),
  });
  const unknown = Buffer.concat([stream, Buffer.from([0x02, 1, 0, 0, 0])]);
  expect(await decompressSnappy(unknown, LIMIT, reservation())).toEqual({ kind: 'malformed' });
  const plain = snappyStream([{ block: Buffer.from('123456789'), output: Buffer.from('123456789') }]);
  plain[10] = 0x01;
  expect(await decompressSnappy(plain, LIMIT, reservation())).toEqual({ kind: 'done', body: Buffer.from('123456789') });
  plain[14] = (plain[14] ?? 0) ^ 1;
  expect(await decompressSnappy(plain, LIMIT, reservation())).toEqual({ kind: 'malformed' });
});

test('a body of exactly the limit is taken, one byte more is too large before memory is taken', async () => {
  expect((await decompressSnappy(snappyWithRun(text, LIMIT - text.length), LIMIT, reservation())).kind).toBe('done');
  const untouched = reservation();
  const more = snappyWithRun(text, LIMIT + 1 - text.length);
  expect(await decompressSnappy(more, LIMIT, untouched)).toEqual({ kind: 'too_large' });
  expect(untouched.bytes).toBe(0);
  expect(await decompressSnappy(block, LIMIT, reservation(text.length - 1))).toEqual({ kind: 'no_memory' });
});

test('a length that the bytes cannot come to is malformed before memory is taken', async () => {
  const untouched = reservation();
  for (const length of [100, LIMIT, 2 ** 32 - 1, 2 ** 34]) {
    const lying = snappyBlock([{ literal: Buffer.from('abc') }], length);
    expect(await decompressSnappy(lying, 2 ** 40, untouched)).toEqual({ kind: 'malformed' });
  }
  expect(untouched.bytes).toBe(0);
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a length that never ends', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ['less than it claims', snappyBlock([{ literal: Buffer.from('abc') }], 5)],
  ['more than it claims', snappyBlock([{ literal: Buffer.from('abcdef') }], 5)],
  [
    'a repetition of what is before the beginning',
    snappyBlock([{ literal: Buffer.from('a') }, { back: 2, length: 5 }], 6),
  ],
  ['a repetition of nothing', snappyBlock([{ literal: Buffer.from('a') }, { back: 0, length: 5 }], 6)],
  ['a chunk of more than 64 KiB', snappyStream([{ block: snappyWithRun(text, 70_000), output: Buffer.alloc(0) }])],
])('%s is malformed', async (_, body) => {
  expect(await decompressSnappy(body, LIMIT, reservation())).toEqual({ kind: 'malformed' });
});

test('a body cut anywhere is malformed, and whatever bytes come the answer is one of four', async () => {
  for (let cut = 1; cut < block.length; cut += 1) {
    expect(await decompressSnappy(block.subarray(0, cut), LIMIT, reservation())).toEqual({ kind: 'malformed' });
  }
  for (let cut = 1; cut < stream.length; cut += 1) {
    // Cut behind its beginning a stream is one without chunks.
    expect((await decompressSnappy(stream.subarray(0, cut), LIMIT, reservation())).kind).toBe(
      cut === 10 ? 'done' : 'malformed',
    );
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(block, stream),
      fc.array(fc.tuple(fc.nat(block.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      async (whole, changes) => {
        const body = Buffer.from(whole);
        for (const [at, value] of changes) body[at] = value;
        const outcome = await decompressSnappy(body, LIMIT, reservation());
        expect(['done', 'malformed', 'too_large', 'no_memory']).toContain(outcome.kind);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('the event loop has its turn while a large body is decompressed', async () => {
  const large = snappyWithRun(text, 60 * LIMIT);
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const outcome = await decompressSnappy(large, 64 * LIMIT, reservation(128 * LIMIT));
  isOver = true;
  expect(outcome.kind).toBe('done');
  expect(turns).toBeGreaterThan(2);
});
