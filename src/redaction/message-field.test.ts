import { expect, test } from 'vitest';
import { WireWriter } from '../otlp/protobuf/writer.ts';
import { attributeString, attributeText, isUnder } from './message-field.ts';

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

test('a pair is under its last key, in whatever order and however often it is written', () => {
  const under = (write: (writer: WireWriter) => void, key: string): boolean => {
    const writer = new WireWriter();
    write(writer);
    const bytes = writer.finish();
    return isUnder(bytes, 0, bytes.length, key);
  };
  const value = (writer: WireWriter): void => {
    const any = writer.begin(2);
    writer.stringField(1, 'order.created');
    writer.end(any);
  };
  const usual = (writer: WireWriter): void => {
    writer.stringField(1, 'event.name');
    value(writer);
  };
  expect(under(usual, 'event.name')).toBe(true);
  expect(under(usual, 'event.nama')).toBe(false);
  expect(under(usual, 'event')).toBe(false);
  const twice = (writer: WireWriter): void => {
    usual(writer);
    writer.stringField(1, 'message');
  };
  expect(under(twice, 'event.name')).toBe(false);
  expect(under(twice, 'message')).toBe(true);
  const keyLast = (writer: WireWriter): void => {
    value(writer);
    writer.stringField(1, 'event.name');
  };
  expect(under(keyLast, 'event.name')).toBe(true);
  expect(under(() => {}, 'event.name')).toBe(false);
});
