import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireReader } from '../otlp/protobuf/reader.ts';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { readKey } from './attribute-key.ts';

test('reads each key as the text it is, whichever fell on its place before', () => {
  // Few letters and lengths: many keys with the same place.
  const key = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 70 }),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), (keys) => {
      const writer = new WireWriter();
      for (const each of keys) writer.stringField(1, each);
      const reader = new WireReader(writer.finish());
      for (const each of keys) {
        reader.tag();
        expect(readKey(reader)).toBe(Buffer.from(each).toString());
      }
      expect(reader.tag()).toBe(0);
    }),
  );
});
