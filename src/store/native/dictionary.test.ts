import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DictionaryRun } from './dictionary.ts';

interface Decoded {
  readonly texts: string[];
  readonly values: string[];
  readonly indexBytes: number;
}

/** Reads a run as ClickHouse does (SerializationLowCardinality.cpp). */
function decode(run: DictionaryRun): Decoded {
  const bytes = Buffer.concat(run.parts());
  if (bytes.length === 0) return { texts: [], values: [], indexBytes: 0 };
  const flags = Number(bytes.readBigUInt64LE(0));
  expect(flags & 0xff00).toBe(0x600);
  const indexBytes = 1 << (flags & 0xff);
  const texts: string[] = [];
  let at = 16;
  for (let left = Number(bytes.readBigUInt64LE(8)); left > 0; left -= 1) {
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    texts.push(bytes.toString('utf8', at, at + size));
    at += size;
  }
  const values = Array.from({ length: Number(bytes.readBigUInt64LE(at)) }, (_, index) => {
    const position = at + 8 + index * indexBytes;
    return texts[indexBytes === 2 ? bytes.readUInt16LE(position) : bytes.readUInt32LE(position)] ?? '?';
  });
  expect(bytes.length).toBe(at + 8 + values.length * indexBytes);
  return { texts, values, indexBytes };
}

test('a run without values has no bytes', () => {
  expect(new DictionaryRun().parts()).toEqual([]);
});

test('whatever is added is read back, each text once', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 2000 }), (added) => {
      const run = new DictionaryRun();
      for (const text of added) run.text(text);
      const { texts, values } = decode(run);
      expect(values).toEqual(added);
      expect(texts.length).toBe(new Set(added).size);
    }),
  );
});

test('more texts than 16 bits number are numbered with 32', () => {
  const run = new DictionaryRun();
  const added = Array.from({ length: 70_000 }, (_, index) => `key.${index % 66_000}`);
  for (const text of added) run.text(text);
  const { values, indexBytes } = decode(run);
  expect(indexBytes).toBe(4);
  expect(values).toEqual(added);
});

test('texts chosen to fall into one slot are read back all the same', () => {
  // As DictionaryRun hashes, so that all of them begin at one slot however far its table grows here.
  const run = new DictionaryRun();
  const hashOf = (text: string): number => {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
    return (hash ^ (hash >>> 15)) & 0x1fff;
  };
  const colliding: string[] = [];
  for (let index = 0; colliding.length < 300; index += 1) if (hashOf(`k${index}`) === 7) colliding.push(`k${index}`);
  for (const text of [...colliding, ...colliding]) run.text(text);
  expect(decode(run).values).toEqual([...colliding, ...colliding]);
});
