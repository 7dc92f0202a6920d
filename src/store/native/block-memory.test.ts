import { expect, test } from 'vitest';
import { createBlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { DictionaryRun } from './dictionary.ts';

const KiB = 1024;

test('a released buffer’s memory is what the next one grows into', () => {
  const memory = createBlockMemory();
  const first = new ByteBuffer(64 * KiB, memory);
  const piece = first.bytes;
  first.release();
  expect(first.view()).toHaveLength(0);
  const second = new ByteBuffer(undefined, memory);
  second.reserve(40 * KiB);
  expect(second.bytes).toBe(piece);
});

test('memory is given to one taker only', () => {
  const memory = createBlockMemory();
  memory.give(Buffer.alloc(64 * KiB));
  expect(memory.take(64 * KiB)).not.toBe(memory.take(64 * KiB));
});

test('what is kept is bounded, and small pieces are not kept', () => {
  const memory = createBlockMemory(128 * KiB);
  const pieces: Buffer[] = [Buffer.alloc(64 * KiB), Buffer.alloc(64 * KiB), Buffer.alloc(64 * KiB)];
  for (const piece of pieces) memory.give(piece);
  const taken = [memory.take(64 * KiB), memory.take(64 * KiB), memory.take(64 * KiB)];
  expect(taken.filter((each) => pieces.includes(each))).toHaveLength(2);
  const small = Buffer.alloc(4 * KiB);
  memory.give(small);
  expect(memory.take(4 * KiB)).not.toBe(small);
});

test('no more is kept than the largest batch takes', () => {
  const memory = createBlockMemory();
  const pieces: Buffer[] = Array.from({ length: 96 }, () => Buffer.allocUnsafeSlow(1024 * KiB));
  for (const piece of pieces) memory.give(piece);
  const taken = pieces.map(() => memory.take(1024 * KiB));
  expect(taken.filter((each) => pieces.includes(each))).toHaveLength(64);
});

test('a buffer that grows in memory of others holds what was written to it', () => {
  const memory = createBlockMemory();
  for (const dirt of [64, 128, 256]) memory.give(Buffer.alloc(dirt * KiB, 0xff));
  const buffer = new ByteBuffer(undefined, memory);
  for (let number = 0; number < 50_000; number += 1) buffer.uint32(number);
  const view = buffer.view();
  expect(view).toHaveLength(200_000);
  for (let number = 0; number < 50_000; number += 1) expect(view.readUInt32LE(number * 4)).toBe(number);
});

test('a dictionary that grows past 65,536 texts in memory of others keeps its ordinals', () => {
  const memory = createBlockMemory();
  for (const dirt of [64, 128, 256, 512]) memory.give(Buffer.alloc(dirt * KiB, 0xff));
  const run = new DictionaryRun(memory);
  for (let number = 0; number < 70_000; number += 1) run.text(`key ${number}`);
  const indexes = run.parts()[1];
  expect(indexes).toHaveLength(280_000);
  expect([indexes?.readUInt32LE(0), indexes?.readUInt32LE(4 * 69_999)]).toEqual([0, 69_999]);
});
