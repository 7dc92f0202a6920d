import { expect, test } from 'vitest';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { attributeString, attributeText } from './message-field.ts';

/** A message whose field 6 holds one KeyValue with its value before its key, as protobuf allows. */
function valueFirst(write: (value: WireWriter) => void): Buffer {
  const writer = new WireWriter();
  const pair = writer.begin(6);
  const value = writer.begin(2);
  write(writer);
  writer.end(value);
  writer.stringField(1, 'gen_ai.choice.index');
  writer.end(pair);
  return writer.finish();
}

test('an attribute is read whatever the order of its key and its value', () => {
  const number = valueFirst((value) => value.varintField(3, 42));
  expect(attributeText(number, 0, number.length, 6, 'gen_ai.choice.index')).toBe('42');
  const text = valueFirst((value) => value.stringField(1, 'first'));
  expect(attributeText(text, 0, text.length, 6, 'gen_ai.choice.index')).toBe('first');
  expect(attributeString(text, 0, text.length, 6, 'gen_ai.choice.index')).toBe('first');
});

test('a value of more than 127 bytes is read whole', () => {
  const long = 'x'.repeat(300);
  const bytes = valueFirst((value) => value.stringField(1, long));
  expect(attributeText(bytes, 0, bytes.length, 6, 'gen_ai.choice.index')).toBe(long);
});
