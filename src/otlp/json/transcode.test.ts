import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { OtlpDecodeError } from '../decode-error.ts';
import { checkRequest } from '../protobuf/check.ts';
import { type FieldSchema, messageSchema, type MessageName } from '../protobuf/schema.ts';
import { type Signal, SIGNALS } from '../signal.ts';
import { transcodeJson } from './transcode.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const oracle = new protobuf.Root();
oracle.resolvePath = (_origin, target) => join(root, 'proto', target);
const services: Readonly<Record<Signal, [string, string]>> = {
  traces: ['trace', 'Trace'],
  logs: ['logs', 'Logs'],
  metrics: ['metrics', 'Metrics'],
};
oracle.loadSync(
  SIGNALS.map(
    (signal) => `opentelemetry/proto/collector/${services[signal][0]}/v1/${services[signal][0]}_service.proto`,
  ),
);

const requestType = (signal: Signal): protobuf.Type => {
  const [folder, name] = services[signal];
  return oracle.lookupType(`opentelemetry.proto.collector.${folder}.v1.Export${name}ServiceRequest`);
};

function decoded(signal: Signal, bytes: Uint8Array): unknown {
  const type = requestType(signal);
  return type.toObject(type.decode(bytes), { longs: String, bytes: String, defaults: true, arrays: true });
}

const transcoded = (signal: Signal, value: unknown): unknown =>
  decoded(signal, transcodeJson(signal, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))).bytes);

const spanJson = (fields: string): string => `{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`;
const logJson = (fields: string): string => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{${fields}}]}]}]}`;
const span = (fields: string): Record<string, unknown> => {
  const request = transcoded('traces', spanJson(fields)) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
  };
  return request.resourceSpans[0]?.scopeSpans[0]?.spans[0] ?? {};
};
const log = (fields: string): Record<string, unknown> => {
  const request = transcoded('logs', logJson(fields)) as {
    resourceLogs: { scopeLogs: { logRecords: Record<string, unknown>[] }[] }[];
  };
  return request.resourceLogs[0]?.scopeLogs[0]?.logRecords[0] ?? {};
};

function problem(signal: Signal, text: string): string {
  try {
    transcodeJson(signal, Buffer.from(text));
  } catch (error) {
    expect(error).toBeInstanceOf(OtlpDecodeError);
    return (error as Error).message;
  }
  throw new Error('was transcoded');
}

describe('malformed requests', () => {
  test.each([
    ['nothing', '', "expected '{' at byte 0"],
    ['an array', '[]', "expected '{' at byte 0"],
    ['text behind the request', '{} x', 'expected the end of the text at byte 3'],
    ['an open string', '{"resourceSpans', 'the text ends inside a string'],
    ['a missing colon', '{"a" 1}', "expected ':' at byte 5"],
    ['a trailing comma', '{"a":1,}', 'expected a field name at byte 7'],
    ['a list that is not one', '{"resourceSpans":{}}', 'resourceSpans: expected an array at byte 17'],
    [
      'a null among spans',
      spanJson('').replace('{}', 'null'),
      'resourceSpans[0].scopeSpans[0].spans[0]: expected an object at byte 43',
    ],
    [
      'an id that is not hex',
      spanJson('"traceId":"xy"'),
      'resourceSpans[0].scopeSpans[0].spans[0].traceId: expected hex digits',
    ],
    [
      'an odd id',
      spanJson('"spanId":"abc"'),
      'resourceSpans[0].scopeSpans[0].spans[0].spanId: expected an even number of hex digits',
    ],
    [
      'a fraction of a nanosecond',
      spanJson('"startTimeUnixNano":1.5'),
      'resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected a 64-bit integer',
    ],
    [
      'a negative time',
      spanJson('"startTimeUnixNano":-1'),
      'resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected an unsigned 64-bit integer',
    ],
    [
      '65 bits',
      spanJson('"startTimeUnixNano":"18446744073709551616"'),
      'resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected a 64-bit integer',
    ],
    [
      'an endless exponent',
      spanJson('"startTimeUnixNano":1e999999999'),
      'resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected a 64-bit integer',
    ],
    [
      '33 bits of flags',
      spanJson('"flags":4294967296'),
      'resourceSpans[0].scopeSpans[0].spans[0].flags: expected an unsigned 32-bit integer',
    ],
    [
      'a name that is a number',
      spanJson('"name":1'),
      'resourceSpans[0].scopeSpans[0].spans[0].name: expected a string at byte 51',
    ],
    [
      'an unknown enum name',
      spanJson('"kind":"SPAN_KIND_X"'),
      'resourceSpans[0].scopeSpans[0].spans[0].kind: expected a 64-bit integer',
    ],
    // Each of them was tried as the beginning of the padding: this took minutes.
    [
      'base64 with padding in front',
      logJson(`"body":{"bytesValue":"${'='.repeat(400_000)}a"}`),
      'resourceLogs[0].scopeLogs[0].logRecords[0].body.bytesValue: expected base64',
    ],
    [
      'base64 with a stranger',
      logJson('"body":{"bytesValue":"a*=="}'),
      'resourceLogs[0].scopeLogs[0].logRecords[0].body.bytesValue: expected base64',
    ],
    [
      'a double in words',
      logJson('"body":{"doubleValue":"many"}'),
      'resourceLogs[0].scopeLogs[0].logRecords[0].body.doubleValue: expected a 64-bit floating-point number',
    ],
    [
      'a bool in words',
      logJson('"body":{"boolValue":"true"}'),
      'resourceLogs[0].scopeLogs[0].logRecords[0].body.boolValue: expected true or false at byte 67',
    ],
    [
      'a broken escape',
      spanJson(String.raw`"name":"a\x"`),
      'resourceSpans[0].scopeSpans[0].spans[0].name: invalid escape in the string at byte 52',
    ],
    [
      'a raw control character',
      spanJson('"name":"a\nb"'),
      'resourceSpans[0].scopeSpans[0].spans[0].name: control character in a string at byte 53',
    ],
  ])('%s is refused with the path to it', (_, text, message) => {
    const signal = text.startsWith('{"resourceLogs') ? 'logs' : 'traces';
    expect(problem(signal, text)).toBe(message);
  });

  test('the request of another signal is refused instead of being lost', () => {
    expect(problem('logs', spanJson('"name":"a"'))).toBe('the body is a traces request sent as logs');
  });

  test('every prefix of a request is refused', () => {
    const text = spanJson(
      String.raw`"traceId":"0102","name":"a\né","attributes":[{"key":"k","value":{"intValue":"-5"}}],"x":{"y":[1,null,true]}`,
    );
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => transcodeJson('traces', bytes.subarray(0, length))).toThrow(OtlpDecodeError);
    }
  });
});

describe('scalars', () => {
  test('ids are hex in any case', () => {
    const { traceId, spanId } = span('"traceId":"5B8EFFF798038103d269b633813fc60c","spanId":"eEe19b7eC3c1b174"');
    expect(Buffer.from(String(traceId), 'base64').toString('hex')).toBe('5b8efff798038103d269b633813fc60c');
    expect(Buffer.from(String(spanId), 'base64').toString('hex')).toBe('eee19b7ec3c1b174');
  });

  test.each([
    ['1544712660000000123', '1544712660000000123'],
    ['"1544712660000000123"', '1544712660000000123'],
    ['18446744073709551615', '18446744073709551615'],
    ['0', '0'],
    ['1.5e3', '1500'],
    ['2.0', '2'],
    ['1544712660000000123e0', '1544712660000000123'],
    ['"1e18"', '1000000000000000000'],
  ])('a time of %s keeps every digit', (written, read) => {
    expect(span(`"startTimeUnixNano":${written}`)['startTimeUnixNano']).toBe(read);
  });

  test.each(['-9223372036854775808', '9223372036854775807', '-1', '0', '-0', '9007199254740993'])(
    'an int value of %s keeps every digit',
    (written) => {
      const read = String(BigInt(written));
      expect(log(`"body":{"intValue":${written}}`)['body']).toMatchObject({ intValue: read });
      expect(log(`"body":{"intValue":"${written}"}`)['body']).toMatchObject({ intValue: read });
    },
  );

  test.each([
    ['"NaN"', Number.NaN],
    ['"Infinity"', Number.POSITIVE_INFINITY],
    ['"-Infinity"', Number.NEGATIVE_INFINITY],
    ['-1.5e-3', -0.0015],
    ['"2.5"', 2.5],
  ])('a double may be %s', (written, read) => {
    expect(log(`"body":{"doubleValue":${written}}`)['body']).toMatchObject({ doubleValue: read });
  });

  test('enums are numbers or names', () => {
    expect(span('"kind":2')['kind']).toBe(2);
    expect(span('"kind":"SPAN_KIND_SERVER"')['kind']).toBe(2);
    expect(log('"severityNumber":"SEVERITY_NUMBER_ERROR2"')['severityNumber']).toBe(18);
  });

  test.each(['+/8=', '-_8=', '+/8', '-_8'])('bytes are base64 in either alphabet, padded or not: %s', (written) => {
    expect(log(`"body":{"bytesValue":"${written}"}`)['body']).toMatchObject({ bytesValue: '+/8=' });
  });

  test('ids, bytes and longs may be protobufjs objects that went through JSON.stringify', () => {
    const read = span(
      '"spanId":{"type":"Buffer","data":[1,2,3,4,5,6,7,255]},"startTimeUnixNano":{"low":-1,"high":1,"unsigned":true}',
    );
    expect(Buffer.from(String(read['spanId']), 'base64')).toEqual(Buffer.from([1, 2, 3, 4, 5, 6, 7, 255]));
    expect(read['startTimeUnixNano']).toBe(String(2n ** 33n - 1n));
  });

  test('escapes in keys and values are undone, a lone surrogate becomes U+FFFD', () => {
    expect(span(String.raw`"n\u0061me":"\u00e9\n\"\ud83d\ude00\ud800"`)['name']).toBe('é\n"😀\uFFFD');
  });
});

describe('fields', () => {
  test('null is unset and unknown fields are ignored at every level', () => {
    const text = `{"later":[[{"a":1}]],"resourceSpans":[{"x":null,"resource":null,"scopeSpans":[{"spans":[{"name":"a","kind":null,"y":{"z":[1.5e3,"s",false]}}]}]}]}`;
    expect(transcoded('traces', text)).toEqual(transcoded('traces', spanJson('"name":"a"')));
  });

  test('names in snake_case are ignored and told of', () => {
    const { bytes, warning } = transcodeJson('traces', Buffer.from('{"resource_spans":[{}]}'));
    expect(bytes.length).toBe(0);
    expect(warning).toContain('resource_spans');
  });

  test('the last of a scalar that comes twice counts, all attributes do', () => {
    const read = span('"name":"a","attributes":[{"key":"k"}],"name":"b","attributes":[{"key":"k"}]');
    expect(read['name']).toBe('b');
    expect(read['attributes']).toHaveLength(2);
  });

  test('keys such as __proto__ are keys like any other', () => {
    const read = span('"__proto__":{"polluted":1},"attributes":[{"key":"__proto__","value":{"stringValue":"v"}}]');
    expect(read['attributes']).toMatchObject([{ key: '__proto__', value: { stringValue: 'v' } }]);
    expect('polluted' in {}).toBe(false);
  });
});

describe('nesting', () => {
  const nested = (levels: number): string =>
    logJson(`"body":${'{"arrayValue":{"values":['.repeat(levels - 1)}{"intValue":1}${']}}'.repeat(levels - 1)}`);

  test('47 levels of AnyValue are taken, 48 and a million are not', () => {
    expect(transcodeJson('logs', Buffer.from(nested(47))).bytes.length).toBeGreaterThan(0);
    expect(problem('logs', nested(48))).toContain('AnyValue nested deeper than 47');
    expect(problem('logs', nested(1_000_000))).toContain('AnyValue nested deeper than 47');
  });

  const pairs = (levels: number): string =>
    logJson(
      `"body":${'{"kvlistValue":{"values":[{"value":'.repeat(levels - 1)}{"intValue":1}${'}]}}'.repeat(levels - 1)}`,
    );

  test('lists of pairs may be as deep as arrays', () => {
    expect(transcodeJson('logs', Buffer.from(pairs(47))).bytes.length).toBeGreaterThan(0);
    expect(problem('logs', pairs(48))).toContain('AnyValue nested deeper than 47');
    expect(problem('logs', pairs(1_000_000))).toContain('AnyValue nested deeper than 47');
  });

  test('what passes here passes the structural check', () => {
    for (const text of [nested(47), pairs(47)]) {
      expect(checkRequest('logs', transcodeJson('logs', Buffer.from(text)).bytes).items).toBe(1);
    }
  });

  test('an unknown field nested a million deep is refused', () => {
    expect(problem('logs', `{"x":${'['.repeat(1_000_000)}`)).toContain('nested deeper than 1000');
  });
});

// A value of a field in the two forms that must mean the same: as OTLP/JSON and as what protobufjs encodes.
interface Both {
  readonly json: unknown;
  readonly plain: unknown;
}

const longs = (min: bigint, max: bigint): fc.Arbitrary<Both> =>
  fc.tuple(fc.bigInt({ min, max }), fc.boolean()).map(([value, quoted]) => ({
    json: quoted || BigInt(Number(value)) !== value ? String(value) : Number(value),
    plain: String(value),
  }));
const int32 = fc.integer().map((value): Both => ({ json: value, plain: value }));
const uint32 = fc.nat(0xffffffff).map((value): Both => ({ json: value, plain: value }));
const hex = fc
  .uint8Array({ maxLength: 20 })
  .map((bytes): Both => ({ json: Buffer.from(bytes).toString('hex'), plain: bytes }));

const scalars: Readonly<Record<Exclude<FieldSchema['kind'], 'message'>, fc.Arbitrary<Both>>> = {
  string: fc.string({ unit: 'grapheme' }).map((value) => ({ json: value, plain: value })),
  base64: fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) => ({ json: Buffer.from(bytes).toString('base64'), plain: bytes })),
  traceId: hex,
  spanId: hex,
  bool: fc.boolean().map((value) => ({ json: value, plain: value })),
  enum: fc.nat(30).map((value) => ({ json: value, plain: value })),
  uint32,
  sint32: int32,
  fixed32: uint32,
  int64: longs(-(2n ** 63n), 2n ** 63n - 1n),
  sfixed64: longs(-(2n ** 63n), 2n ** 63n - 1n),
  uint64: longs(0n, 2n ** 64n - 1n),
  fixed64: longs(0n, 2n ** 64n - 1n),
  double: fc.double().map((value) => ({
    json: Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : String(value),
    plain: Object.is(value, -0) ? 0 : value,
  })),
};

const ONEOFS: Readonly<Record<string, readonly string[]>> = {
  AnyValue: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue', 'kvlistValue', 'bytesValue'],
  Metric: ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
  NumberDataPoint: ['asDouble', 'asInt'],
  Exemplar: ['asDouble', 'asInt'],
};

function fieldValue(field: FieldSchema, depth: number): fc.Arbitrary<Both> {
  if (field.kind !== 'message') return scalars[field.kind];
  return field.message === undefined ? fc.constant({ json: {}, plain: {} }) : messageValue(field.message, depth - 1);
}

const asRecord = (entries: readonly (readonly [string, Both])[]): Both => ({
  json: Object.fromEntries(entries.map(([name, value]) => [name, value.json])),
  plain: Object.fromEntries(entries.map(([name, value]) => [name, value.plain])),
});

function messageValue(name: MessageName, depth: number): fc.Arbitrary<Both> {
  const alternatives = ONEOFS[name] ?? [];
  const fields = messageSchema(name).fields.filter((field) => depth > 0 || field.message === undefined);
  const arbitraryOf = (field: FieldSchema): fc.Arbitrary<readonly [string, Both]> => {
    const one = fieldValue(field, depth);
    const value = field.repeated
      ? fc
          .array(one, { maxLength: 2 })
          .map((all): Both => ({ json: all.map((each) => each.json), plain: all.map((each) => each.plain) }))
      : one;
    return value.map((each) => [field.name, each] as const);
  };
  const chosen = fields.filter((field) => alternatives.includes(field.name));
  const others = fields.filter((field) => !alternatives.includes(field.name));
  return fc
    .tuple(
      ...others.map((field) => fc.option(arbitraryOf(field), { nil: undefined, freq: 2 })),
      chosen.length === 0 ? fc.constant(undefined) : fc.oneof(...chosen.map(arbitraryOf)),
    )
    .map((entries) => asRecord(entries.filter((entry) => entry !== undefined)));
}

test.each(SIGNALS)('any %s request means in protobuf what it means in JSON', (signal) => {
  const name: MessageName =
    signal === 'traces'
      ? 'ExportTraceServiceRequest'
      : signal === 'logs'
        ? 'ExportLogsServiceRequest'
        : 'ExportMetricsServiceRequest';
  const type = requestType(signal);
  fc.assert(
    fc.property(messageValue(name, 7), ({ json, plain }) => {
      const encoded = type.encode(type.fromObject(plain as object)).finish();
      expect(transcoded(signal, json)).toEqual(decoded(signal, encoded));
    }),
    { numRuns: 60 },
  );
});

test.each(SIGNALS)('arbitrary text sent as %s is transcoded or refused, never anything else', (signal) => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (text) => {
      try {
        transcodeJson(signal, Buffer.from(text as string));
      } catch (error) {
        expect(error).toBeInstanceOf(OtlpDecodeError);
      }
    }),
    { numRuns: 200 },
  );
});

const recorded = join(root, '..', 'shared', 'data');
describe.skipIf(!existsSync(recorded))('recorded requests (skipped where ../shared/data is not there)', () => {
  const files = existsSync(recorded)
    ? ['emitted', 'genai', 'incidents'].flatMap((folder) =>
        readdirSync(join(recorded, folder), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.json'))
          .map((file) => join(folder, file)),
      )
    : [];
  const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  const requestsIn = (file: string): [Signal, unknown][] => {
    const content: unknown = JSON.parse(readFileSync(join(recorded, file), 'utf8'));
    return (Array.isArray(content) ? content : [content]).flatMap((entry: unknown): [Signal, unknown][] => {
      const request = isRecord(entry) && isRecord(entry['otlp']) ? entry['otlp'] : entry;
      if (!isRecord(request)) return [];
      if ('resourceSpans' in request) return [['traces', request]];
      if ('resourceLogs' in request) return [['logs', request]];
      return 'resourceMetrics' in request ? [['metrics', request]] : [];
    });
  };
  const withRequests = files
    .map((file) => [file, requestsIn(file)] as const)
    .filter(([, requests]) => requests.length > 0);

  test.each(withRequests)('%s is transcoded and passes the check', (_, requests) => {
    for (const [signal, request] of requests) {
      const { bytes, warning } = transcodeJson(signal, Buffer.from(JSON.stringify(request)));
      expect(warning).toBe('');
      const { items, rejected } = checkRequest(signal, bytes);
      expect(items + rejected).toBeGreaterThan(0);
    }
  });
});
