import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSlabMemory, type Piece } from './slab-memory.ts';

test('a piece keeps its bytes while anybody holds it, whatever is taken and released besides', () => {
  const step = fc.record({
    length: fc.integer({ min: 0, max: 90 }),
    action: fc.constantFrom('take', 'take', 'retain', 'release', 'release'),
    which: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = createSlabMemory({ keptBytesMax: 128, slabBytes: 64 });
      const held: { readonly piece: Piece; readonly mark: number }[] = [];
      for (const [index, { length, action, which }] of steps.entries()) {
        const at = held.length === 0 ? -1 : which % held.length;
        const chosen = held[at];
        if (action === 'take' || chosen === undefined) {
          const piece = memory.take(length);
          piece.bytes.fill(index);
          held.push({ piece, mark: index & 0xff });
        } else if (action === 'retain') {
          chosen.piece.retain();
          held.push(chosen);
        } else {
          chosen.piece.release();
          held.splice(at, 1);
        }
        for (const { piece, mark } of held) expect(piece.bytes.every((byte) => byte === mark)).toBe(true);
      }
    }),
  );
});

test('what is released is used again, and no more slabs are made', () => {
  const memory = createSlabMemory({ keptBytesMax: 256, slabBytes: 64 });
  const live: Piece[] = [];
  for (let index = 0; index < 1_000; index += 1) {
    live.push(memory.take(20));
    if (live.length > 6) live.shift()?.release();
  }
  expect(memory.slabBytes).toBeLessThanOrEqual(4 * 64);
});

test('unused slabs beyond the bound are let go', () => {
  const memory = createSlabMemory({ keptBytesMax: 128, slabBytes: 64 });
  const pieces = Array.from({ length: 10 }, () => memory.take(60));
  expect(memory.slabBytes).toBe(640);
  for (const piece of pieces) piece.release();
  // The two that are kept, and the one that pieces are cut from.
  expect(memory.slabBytes).toBe(192);
});

test('a piece larger than a slab has memory of its own', () => {
  const memory = createSlabMemory({ keptBytesMax: 128, slabBytes: 64 });
  const piece = memory.take(1_000);
  expect(piece.bytes.length).toBe(1_000);
  expect(memory.slabBytes).toBe(0);
  piece.release();
});

test('a piece released once too often, or taken up after its release, is an error', () => {
  const memory = createSlabMemory({ keptBytesMax: 128, slabBytes: 64 });
  const piece = memory.take(10);
  piece.release();
  expect(() => piece.release()).toThrow('released twice');
  expect(() => piece.retain()).toThrow('after its release');
});
