import { WireWriter } from '../../src/otlp/protobuf/writer.ts';
import type { Signal } from '../../src/otlp/signal.ts';

/**
 * Requests whose items are numbered, so that what arrived can be held against what was sent. An item is found again in the
 * store by its number: a span and a log record by SpanId, a data point by Value.
 */
export interface NumberedRequest {
  readonly signal: Signal;
  readonly bytes: Buffer;
  readonly numbers: readonly number[];
}

export interface RequestOptions {
  readonly service?: string;
  /** In an attribute of every item; redaction must keep it from ever being stored. */
  readonly canary?: string;
  /** Time of the items in nanoseconds since 1970; now by default. */
  readonly timeUnixNano?: (number: number) => bigint;
  /** Bytes of filling in every item. */
  readonly padding?: number;
}

export function numberedRequest(
  signal: Signal,
  first: number,
  count: number,
  options: RequestOptions = {},
): NumberedRequest {
  const numbers = Array.from({ length: count }, (_, index) => first + index);
  const now = BigInt(Date.now()) * 1_000_000n;
  const writer = new WireWriter(256 + count * 200);
  const resource = writer.begin(1);
  const attributes = writer.begin(1);
  stringAttribute(writer, 1, 'service.name', options.service ?? 'shop');
  writer.end(attributes);
  const scope = writer.begin(2);
  for (const number of numbers) {
    const at = options.timeUnixNano?.(number) ?? now;
    if (signal === 'traces') span(writer, number, first, at, options);
    else if (signal === 'logs') logRecord(writer, number, first, at, options);
    else metric(writer, number, at, options);
  }
  writer.end(scope);
  writer.end(resource);
  return { signal, numbers, bytes: writer.finish() };
}

/** 16 hex digits: the SpanId of the item. */
export function spanIdOf(number: number): string {
  return (number + 1).toString(16).padStart(16, '0');
}

/** 32 hex digits: the TraceId of the request whose first item has this number. */
export function traceIdOf(first: number): string {
  return (first + 1).toString(16).padStart(32, 'a');
}

function span(writer: WireWriter, number: number, first: number, at: bigint, options: RequestOptions): void {
  const mark = writer.begin(2);
  writer.bytesField(1, Buffer.from(traceIdOf(first), 'hex'));
  writer.bytesField(2, Buffer.from(spanIdOf(number), 'hex'));
  writer.stringField(5, 'GET /item');
  writer.varintField(6, 2);
  writer.fixed64Field(7, at);
  writer.fixed64Field(8, at + 1_000_000n);
  extras(writer, 9, options);
  writer.end(mark);
}

function logRecord(writer: WireWriter, number: number, first: number, at: bigint, options: RequestOptions): void {
  const mark = writer.begin(2);
  writer.fixed64Field(1, at);
  writer.varintField(2, 9);
  const body = writer.begin(5);
  writer.stringField(1, `line ${number}`);
  writer.end(body);
  extras(writer, 6, options);
  writer.bytesField(9, Buffer.from(traceIdOf(first), 'hex'));
  writer.bytesField(10, Buffer.from(spanIdOf(number), 'hex'));
  writer.end(mark);
}

function metric(writer: WireWriter, number: number, at: bigint, options: RequestOptions): void {
  const mark = writer.begin(2);
  writer.stringField(1, 'queue.length');
  const gauge = writer.begin(5);
  const point = writer.begin(1);
  writer.fixed64Field(3, at);
  writer.doubleField(4, number);
  extras(writer, 7, options);
  writer.end(point);
  writer.end(gauge);
  writer.end(mark);
}

function extras(writer: WireWriter, field: number, options: RequestOptions): void {
  stringAttribute(writer, field, 'http.route', '/item');
  if (options.canary !== undefined) stringAttribute(writer, field, 'note', `token ${options.canary} here`);
  if (options.padding !== undefined)
    stringAttribute(writer, field, 'filling', 'lorem ipsum '.repeat(options.padding / 12));
}

function stringAttribute(writer: WireWriter, field: number, key: string, value: string): void {
  const attribute = writer.begin(field);
  writer.stringField(1, key);
  const any = writer.begin(2);
  writer.stringField(1, value);
  writer.end(any);
  writer.end(attribute);
}
