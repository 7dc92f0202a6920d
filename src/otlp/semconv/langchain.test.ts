import { expect, test } from 'vitest';
import { langChainArguments, langChainToolMessage } from './langchain.ts';

const message = (kwargs: object, more: object = {}): string =>
  JSON.stringify({ lc: 1, type: 'constructor', id: ['langchain_core', 'messages', 'ToolMessage'], kwargs, ...more });

test('a serialised tool message says which tool answered which call', () => {
  const text = message({ content: 'ok', name: 'get_pods', tool_call_id: 'call_1' });
  expect(langChainToolMessage(text)).toEqual({ name: 'get_pods', callId: 'call_1' });
  expect(langChainToolMessage(`{"output":${text}}`)).toEqual({ name: 'get_pods', callId: 'call_1' });
});

test.each([
  ['text', 'about a "ToolMessage"'],
  ['JSON that is cut', message({ name: 'a' }).slice(0, -4)],
  ['another message', message({ name: 'a' }).replace('ToolMessage', 'AIMessage')],
  ['a list', `[${message({ name: 'a' })}]`],
  ['what only quotes one', JSON.stringify({ output: 'a "ToolMessage"' })],
  ['another serialisation', message({ name: 'a' }, { lc: 2 })],
])('%s is no tool message', (_what, text) => {
  expect(langChainToolMessage(text)).toBeUndefined();
});

test.each([
  ['fields of other types', message({ name: 7, tool_call_id: ['a'] })],
  ['no fields', message({}, { kwargs: null })],
])('a tool message with %s names nothing', (_what, text) => {
  expect(langChainToolMessage(text)).toEqual({ name: '', callId: '' });
});

test('a call of one argument is that argument, everything else stays as it is', () => {
  expect(langChainArguments('{"args":["{\\"ns\\":\\"shop\\"}"]}')).toBe('{"ns":"shop"}');
  for (const text of ['{"args":["a","b"]}', '{"args":[{"a":1}]}', '{"args":["a"],"kwargs":{}}', '{"args":["a"', 'ls']) {
    expect(langChainArguments(text)).toBe(text);
  }
});
