import { expect, test } from 'vitest';
import * as fields from './fields.ts';
import { MESSAGE_NAMES, messageSchema } from './schema.ts';

const constantName = (message: string): string =>
  `${message.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}_FIELD`;

test.each(Object.keys(fields))('%s has the numbers and names of the schema', (constant) => {
  const all: Readonly<Record<string, Readonly<Record<string, number>>>> = fields;
  const message = MESSAGE_NAMES.find((each) => constantName(each) === constant);
  if (message === undefined) throw new Error(`${constant} names no message`);
  const expected = messageSchema(message).fields.map((each) => [each.name, each.number]);
  expect(new Map(Object.entries(all[constant] ?? {}))).toEqual(new Map(expected as [string, number][]));
});
