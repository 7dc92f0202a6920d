import { expect, test } from 'vitest';
import { countRecords, nameIncident, readJsonLines, readJsonRequests } from './otlp-json.ts';

const span = (more: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"${more}}]}]}]}`;

function onlySpan(text: string): Record<string, unknown> {
  const { requests } = readJsonRequests(text);
  const body = requests[0]?.body as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
  };
  return body.resourceSpans[0]?.scopeSpans[0]?.spans[0] ?? {};
}

test('a 64-bit integer keeps every digit', () => {
  expect(onlySpan(span(',"startTimeUnixNano":1544712660000000123'))['startTimeUnixNano']).toBe('1544712660000000123');
});

test('a fraction of many digits, an exponent and digits in a string stay as they are', () => {
  const read = onlySpan(span(',"x":0.12345678901234567,"y":1.5e-7,"z":"1234567890123456789","s":-0.30000000000000004'));
  expect(read).toMatchObject({
    x: Number('0.12345678901234567'),
    y: 1.5e-7,
    z: '1234567890123456789',
    s: -0.30000000000000004,
  });
});

test('one request, a list of requests, and requests under otlp are all found', () => {
  const one = span('');
  expect(readJsonRequests(one).requests).toHaveLength(1);
  expect(readJsonRequests(`[${one},${one}]`).requests).toHaveLength(2);
  expect(readJsonRequests(`[{"test":"t","otlp":${one}},{"other":1}]`)).toMatchObject({ others: 1 });
  expect(readJsonLines(`${one}\n\n${one}\n`).requests).toHaveLength(2);
});

test('an incident named on a request replaces one that was there', () => {
  const text =
    '{"resourceSpans":[{"resource":{"attributes":[{"key":"incident.id","value":{"stringValue":"OLD"}}]},"scopeSpans":[{"spans":[{}]}]}]}';
  const [request] = readJsonRequests(text).requests;
  if (request === undefined) throw new Error('no request');
  const named = nameIncident(request, 'INC-1');
  expect(JSON.stringify(named.body)).toContain('INC-1');
  expect(JSON.stringify(named.body)).not.toContain('OLD');
  expect(countRecords(named)).toBe(1);
});

test('text that is not JSON is a SyntaxError', () => {
  expect(() => readJsonRequests('{"resourceSpans": [')).toThrow(SyntaxError);
});
