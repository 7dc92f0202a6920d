import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { bytesField, Edits } from './edits.ts';

function written(write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter(16);
  write(writer);
  return Buffer.from(writer.finish());
}

test('a replaced content and a replaced value are the fields that a writer writes', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 300 });
  fc.assert(
    fc.property(texts, texts, texts, (before, after, beside) => {
      const bytes = written((writer) => {
        writer.stringField(1, before);
        writer.bytesField(2, bytesField(1, Buffer.from(before)));
        writer.stringField(3, beside);
      });
      const value = written((writer) => writer.bytesField(2, bytesField(1, Buffer.from(before))));
      const rest = written((writer) => writer.stringField(3, beside));
      const valueAt = bytes.length - rest.length - value.length;
      const edits = new Edits();
      let grown = edits.replaceValue(valueAt + 1, valueAt + value.length, after);
      grown += edits.replaceContent(1, valueAt, after);
      const expected = written((writer) => {
        writer.stringField(1, after);
        writer.bytesField(2, bytesField(1, Buffer.from(after)));
        writer.stringField(3, beside);
      });
      expect(edits.apply(bytes)).toEqual(expected);
      expect(grown).toBe(expected.length - bytes.length);
    }),
  );
});

test('what was rolled back is not applied, and without edits the bytes are the same', () => {
  const bytes = Buffer.from([1, 2, 3]);
  const edits = new Edits();
  const mark = edits.mark();
  edits.remove(0, 2);
  edits.rollback(mark);
  expect(edits.apply(bytes)).toBe(bytes);
});
