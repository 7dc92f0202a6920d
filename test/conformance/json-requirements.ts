import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Signal } from '../../src/otlp/signal.ts';
import { ACCEPTED } from '../../src/pipeline/outcome.ts';
import { readRequest } from './oracle.ts';
import { type ReceiverUnderTest, SPAN_ID, startReceiver, TRACE_ID } from './receiver-under-test.ts';
import { requirement } from './requirement.ts';
import { type HttpAnswer, post } from './wire.ts';

let target: ReceiverUnderTest;

beforeAll(async () => {
  target = await startReceiver();
});
beforeEach(() => {
  target.answerWith(async () => ACCEPTED);
  target.handled.length = 0;
});
afterAll(() => target.close());

/** Sends JSON text as it is. */
const send = (signal: Signal, text: string): Promise<HttpAnswer> => post(target, `/v1/${signal}`, text);

/** What protobufjs reads in the request the handler was given last. */
function handledAs(signal: Signal): unknown {
  const last = target.handled.at(-1);
  if (last === undefined) throw new Error('the handler was given nothing');
  return readRequest(signal, last.bytes);
}

const span = (fields: string): string =>
  `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"${TRACE_ID}","spanId":"${SPAN_ID}"${fields === '' ? '' : `,${fields}`}}]}]}]}`;
const log = (fields: string): string => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${fields}}]}]}]}`;
const gauge = (fields: string): string =>
  `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{${fields}}]}}]}]}]}`;

const spanOf = (expected: object): object => ({ resourceSpans: [{ scopeSpans: [{ spans: [expected] }] }] });
const logOf = (expected: object): object => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [expected] }] }] });
const gaugeOf = (expected: object): object => ({
  resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: [expected] } }] }] }],
});

requirement(
  {
    number: 31,
    level: 'MUST',
    sentence: 'ids are hex in any case, other bytes are base64',
    docket: 'base64 in either alphabet, padded or not.',
    collector: 'hex in any case; url-safe base64 is 400',
  },
  () => {
    test.each([TRACE_ID, TRACE_ID.toUpperCase(), `${TRACE_ID.slice(0, 15).toUpperCase()}${TRACE_ID.slice(15)}`])(
      'trace id %s in spans, links and log records',
      async (id) => {
        await send(
          'traces',
          span(`"parentSpanId":"${SPAN_ID.toUpperCase()}","links":[{"traceId":"${id}","spanId":"${SPAN_ID}"}]`),
        );
        expect(handledAs('traces')).toMatchObject(
          spanOf({ traceId: TRACE_ID, parentSpanId: SPAN_ID, links: [{ traceId: TRACE_ID, spanId: SPAN_ID }] }),
        );
        await send('logs', log(`"traceId":"${id}","spanId":"${SPAN_ID.toUpperCase()}"`));
        expect(handledAs('logs')).toMatchObject(logOf({ traceId: TRACE_ID, spanId: SPAN_ID }));
        await send('metrics', gauge(`"asInt":1,"exemplars":[{"traceId":"${id}","spanId":"${SPAN_ID}","asInt":1}]`));
        expect(handledAs('metrics')).toMatchObject(gaugeOf({ exemplars: [{ traceId: TRACE_ID, spanId: SPAN_ID }] }));
      },
    );
    test.each(['+/8=', '-_8=', '-_8', '+/8'])('bytesValue %s', async (text) => {
      await send('logs', log(`"body":{"bytesValue":"${text}"}`));
      expect(handledAs('logs')).toMatchObject(logOf({ body: { bytesValue: 'fbff' } }));
    });
  },
);

requirement(
  {
    number: 32,
    level: 'MUST',
    sentence: 'enums are integers',
    docket: 'Names are understood as well.',
    collector: 'yes, names too',
  },
  () => {
    test.each(['3', '"3"', '"SPAN_KIND_CLIENT"'])('kind %s', async (kind) => {
      await send('traces', span(`"kind":${kind},"status":{"code":2}`));
      expect(handledAs('traces')).toMatchObject(spanOf({ kind: 3, status: { code: 2 } }));
    });
    test('a number the schema does not know is kept', async () => {
      await send('logs', log('"severityNumber":99'));
      expect(handledAs('logs')).toMatchObject(logOf({ severityNumber: 99 }));
    });
  },
);

requirement(
  {
    number: 33,
    level: 'MUST',
    sentence: 'unknown JSON fields are ignored at every level',
    docket: 'Whatever is in them. They are counted.',
    collector: 'yes',
  },
  () => {
    test('of every type, at every level', async () => {
      const unknown = '"newer":{"a":[1,{"b":null},"\\u00e9"],"c":1e300},"other":[[],{}],"third":"x"';
      const text =
        `{${unknown},"resourceSpans":[{${unknown},"resource":{${unknown}},"scopeSpans":[{${unknown},"scope":{${unknown}},` +
        `"spans":[{${unknown},"traceId":"${TRACE_ID}","spanId":"${SPAN_ID}","attributes":[{${unknown},"key":"k","value":{${unknown},"stringValue":"v"}}],` +
        `"events":[{${unknown},"name":"e"}],"status":{${unknown}}}]}]}]}`;
      expect((await send('traces', text)).status).toBe(200);
      expect(handledAs('traces')).toMatchObject(
        spanOf({ attributes: [{ key: 'k', value: { stringValue: 'v' } }], events: [{ name: 'e' }] }),
      );
      // Ignored, and counted: those of the ten objects, and not what is in them.
      expect(await target.metrics.prometheusText()).toMatch(
        /docket_receiver_ignored_json_members_total\{transport="http",signal="traces"[^}]*\} 30/,
      );
    });
  },
);

requirement(
  {
    number: 34,
    level: 'MUST',
    sentence: 'field names are lowerCamelCase, others are not valid',
    docket: 'snake_case is ignored as unknown, and told of in a partial success with 0 rejected.',
    collector: 'takes snake_case',
  },
  () => {
    test('resource_spans is an empty request with a warning', async () => {
      const answer = await send('traces', '{"resource_spans":[{"scope_spans":[]}]}');
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body.toString())).toEqual({
        partialSuccess: { errorMessage: expect.stringContaining('resource_spans') as string },
      });
      expect(target.handled).toEqual([]);
    });
  },
);

requirement(
  {
    number: 35,
    level: 'MUST',
    sentence: '64-bit integers come as strings or numbers and keep every digit',
    docket: 'Read from the text, never as a double.',
    collector: 'yes',
  },
  () => {
    test.each([
      ['"1544712660000000123"', '1544712660000000123'],
      ['1544712660000000123', '1544712660000000123'],
      ['18446744073709551615', '18446744073709551615'],
      ['"18446744073709551615"', '18446744073709551615'],
    ])('timeUnixNano %s', async (text, expected) => {
      await send('logs', log(`"timeUnixNano":${text}`));
      expect(handledAs('logs')).toMatchObject(logOf({ timeUnixNano: expected }));
    });
    test.each(['-9223372036854775808', '9223372036854775807', '9007199254740993'])('intValue %s', async (text) => {
      for (const written of [text, `"${text}"`]) {
        await send('logs', log(`"body":{"intValue":${written}}`));
        expect(handledAs('logs')).toMatchObject(logOf({ body: { intValue: text } }));
      }
    });
    test.each(['9223372036854775808', '"1.5"', '"x"', '1.5'])('intValue %s is refused', async (text) => {
      expect((await send('logs', log(`"body":{"intValue":${text}}`))).status).toBe(400);
    });
  },
);

requirement(
  {
    number: 36,
    level: 'MUST',
    sentence: 'null is unset; doubles may be NaN or Infinity as strings and have exponents',
    docket: 'As the proto3 JSON mapping says.',
    collector: 'null yes; an integer with an exponent is 400',
  },
  () => {
    test('null is unset', async () => {
      await send('logs', log('"body":null,"attributes":null,"timeUnixNano":null,"severityText":"x"'));
      expect(handledAs('logs')).toEqual(logOf({ severityText: 'x' }));
    });
    test.each([
      ['"NaN"', '000000000000f87f'],
      ['"Infinity"', '000000000000f07f'],
      ['"-Infinity"', '000000000000f0ff'],
      ['1.5e3', '0000000000709740'],
      ['"1.5E3"', '0000000000709740'],
    ])('asDouble %s', async (text, hex) => {
      await send('metrics', gauge(`"asDouble":${text}`));
      expect(Buffer.from(target.handled.at(-1)?.bytes ?? []).toString('hex')).toContain(`21${hex}`);
    });
    test('an integer may be written with an exponent', async () => {
      await send('logs', log('"timeUnixNano":1.5e3'));
      expect(handledAs('logs')).toMatchObject(logOf({ timeUnixNano: '1500' }));
    });
  },
);

const example = (name: string): string => readFileSync(join(import.meta.dirname, 'examples', `${name}.json`), 'utf8');

/** A JSON value with ids in lower case, as the oracle shows them. */
const lowerCaseIds = (text: string): string =>
  text.replaceAll(
    /"(traceId|spanId|parentSpanId)":\s*"([0-9A-F]+)"/g,
    (_, name: string, id: string) => `"${name}":"${id.toLowerCase()}"`,
  );

requirement(
  {
    number: 37,
    level: 'industry',
    sentence: 'the examples of opentelemetry-proto are taken whole',
    docket: 'trace, logs, metrics and events, byte for byte as protobufjs reads them.',
  },
  () => {
    test.each([
      ['trace', 'traces', 1],
      ['logs', 'logs', 1],
      ['metrics', 'metrics', 4],
      ['events', 'logs', 1],
    ] as const)('%s.json', async (name, signal, items) => {
      const answer = await send(signal, example(name));
      expect(answer).toMatchObject({ status: 200 });
      expect(answer.body.toString()).toBe('{}');
      expect(target.handled.at(-1)?.items).toBeGreaterThanOrEqual(items);
      const expected = JSON.parse(lowerCaseIds(example(name))) as object;
      expect(handledAs(signal)).toMatchObject(withLongStrings(expected) as object);
    });
  },
);

/** The oracle shows 64-bit integers as strings, which the examples write as numbers here and there, and no fields that are zero. */
function withLongStrings(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => withLongStrings(each, name));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key, each]) => each !== 0 || key.startsWith('as'))
        .map(([key, each]) => [key, withLongStrings(each, key)]),
    );
  }
  const long = /^(count|zeroCount|bucketCounts|asInt|intValue|.*UnixNano)$/.test(name);
  return long && typeof value === 'number' ? String(value) : value;
}
