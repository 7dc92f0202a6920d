import { expect, test } from 'vitest';
import { requestedInMessages } from './requested-calls.ts';

const CALL =
  '[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"kubectl","arguments":{"verb":"get"}}]}]';
const FOUND = { callId: 'call_1', name: 'kubectl', arguments: '{"verb":"get"}' };

test('finds a call whose type has a letter escaped', () => {
  const escaped = CALL.replace('tool_call', 't\\u006f\\u006fl_call');
  expect(JSON.parse(escaped)).toEqual(JSON.parse(CALL));
  expect(requestedInMessages(escaped)).toEqual([FOUND]);
});

test('finds an escaped call in messages that are text within messages', () => {
  const escaped = CALL.replace('tool_call', 't\\u006fol_c\\u0061ll');
  expect(requestedInMessages(JSON.stringify({ output: escaped }))).toEqual([FOUND]);
});

test.each(['[withheld:content.prompt bytes=20 ~0123456789]', '[{"role":"assistant","parts":[]}]', 'which tool?'])(
  'finds none in %s',
  (text) => {
    expect(requestedInMessages(text)).toEqual([]);
  },
);
