import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { zstdFrame, zstdRun, ZSTD_ZEROS } from '../../test/support/compressed-bodies.ts';
import { createAdmission, createReservation, type Reservation } from './admission.ts';
import { DEFAULT_LIMITS } from './options.ts';
import { decompressZstd, zstdExtent } from './zstd.ts';

const LIMIT = 1024 * 1024;
const KIB = 1024;
const examples = join(import.meta.dirname, '..', '..', 'test', 'conformance', 'examples');
const text = readFileSync(join(examples, 'trace.json'));
/** Made by the encoder of the Collector. */
const compressed = readFileSync(join(examples, 'compressed', 'trace.json.zst'));

function reservation(bytes = 64 * LIMIT): Reservation {
  return createReservation(createAdmission({ ...DEFAULT_LIMITS, inFlightBytesMax: bytes }));
}

test('what the encoder of the Collector made is the body again', async () => {
  expect(await decompressZstd(compressed, LIMIT, reservation())).toEqual({ kind: 'done', body: text });
  expect(zstdExtent(compressed)).toEqual({ bytesMin: text.length, bytesMax: text.length });
});

test('several frames, and ones to be skipped, are one body', async () => {
  const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const body = Buffer.concat([skipped, compressed, zstdFrame([{ raw: Buffer.from('more') }], 4), skipped, compressed]);
  expect(await decompressZstd(body, LIMIT, reservation())).toEqual({
    kind: 'done',
    body: Buffer.concat([text, Buffer.from('more'), text]),
  });
});

test('an empty frame, and no frame at all, are an empty body', async () => {
  for (const body of [zstdFrame([{ raw: Buffer.alloc(0) }]), Buffer.alloc(0)]) {
    expect(await decompressZstd(body, LIMIT, reservation())).toEqual({ kind: 'done', body: Buffer.alloc(0) });
  }
});

test('a body of exactly the limit is taken and one byte more is too large, whether its header says so or not', async () => {
  for (const [size, kind] of [
    [LIMIT, 'done'],
    [LIMIT + 1, 'too_large'],
  ] as const) {
    expect((await decompressZstd(zstdFrame(zstdRun(32, size)), LIMIT, reservation())).kind).toBe(kind);
    expect((await decompressZstd(zstdFrame(zstdRun(32, size), size), LIMIT, reservation())).kind).toBe(kind);
    // The size of compressed blocks is known only by decompressing them.
    const blocks = [...Array.from({ length: 7 }, () => ZSTD_ZEROS), ...zstdRun(0, size - 7 * 128 * KIB)];
    expect((await decompressZstd(zstdFrame(blocks), LIMIT, reservation())).kind).toBe(kind);
  }
});

test('a bomb is too large before memory is taken for what it holds', async () => {
  const untouched = reservation();
  for (const bomb of [zstdFrame(zstdRun(0, 4096 * LIMIT)), zstdFrame([ZSTD_ZEROS, ...zstdRun(0, 4096 * LIMIT)])]) {
    expect(bomb.length).toBeLessThan(LIMIT);
    expect(await decompressZstd(bomb, LIMIT, untouched)).toEqual({ kind: 'too_large' });
  }
  expect(untouched.bytes).toBe(0);
  const compressedBomb = zstdFrame(Array.from({ length: 5_000 }, () => ZSTD_ZEROS));
  const held = reservation();
  expect(await decompressZstd(compressedBomb, LIMIT, held)).toEqual({ kind: 'too_large' });
  expect(held.bytes).toBe(LIMIT);
  expect(await decompressZstd(compressedBomb, LIMIT, reservation(LIMIT - 1))).toEqual({ kind: 'no_memory' });
});

test('a header that claims what its blocks cannot hold is malformed, and takes no memory', async () => {
  const untouched = reservation();
  for (const body of [
    zstdFrame([{ raw: Buffer.from('abc') }], 1_000_000),
    zstdFrame([{ raw: Buffer.from('abc') }], 2),
    zstdFrame([ZSTD_ZEROS], 129 * KIB),
  ]) {
    expect(await decompressZstd(body, LIMIT, untouched)).toEqual({ kind: 'malformed' });
  }
  expect(untouched.bytes).toBe(0);
  expect(await decompressZstd(zstdFrame([ZSTD_ZEROS], 128 * KIB - 1), LIMIT, untouched)).toEqual({ kind: 'malformed' });
});

test('a body cut anywhere, a dictionary, a wrong checksum and what is no frame are malformed', async () => {
  const withDictionary = Buffer.from(compressed);
  withDictionary[4] = (withDictionary[4] ?? 0) | 1;
  const broken = [
    withDictionary,
    Buffer.concat([compressed, Buffer.from('junk junk')]),
    Buffer.from('not compressed at all'),
    zstdFrame([{ raw: Buffer.alloc(129 * KIB) }]),
    Buffer.concat([compressed.subarray(0, -1), Buffer.from([(compressed.at(-1) ?? 0) ^ 1])]),
  ];
  for (let cut = 1; cut < compressed.length; cut += 1) broken.push(compressed.subarray(0, cut));
  for (const body of broken) expect(await decompressZstd(body, LIMIT, reservation())).toEqual({ kind: 'malformed' });
});

test('whatever bytes come, the answer is one of four and the next body is taken', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      async (changes) => {
        const body = Buffer.from(compressed);
        for (const [at, value] of changes) body[at] = value;
        const outcome = await decompressZstd(body, LIMIT, reservation());
        expect(['done', 'malformed', 'too_large', 'no_memory']).toContain(outcome.kind);
        if (outcome.kind === 'done') expect(outcome.body.length).toBeLessThanOrEqual(LIMIT);
      },
    ),
    { numRuns: 500 },
  );
  expect(await decompressZstd(compressed, LIMIT, reservation())).toEqual({ kind: 'done', body: text });
});
