import { WIRE_BYTES, WIRE_FIXED64, WireReader } from '../../src/otlp/protobuf/reader.ts';
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
  /** In an attribute of the items for which it is text, and of no others. */
  readonly mark?: (number: number) => string | undefined;
  /** Bytes of filling in every item. */
  readonly padding?: number;
  /** Bytes of an agent's conversation, with an e-mail address in each turn, in every fifth span: what redaction has work with. */
  readonly agentContent?: number;
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

/**
 * Makes requests of spans that differ in their numbers alone, by writing new ids into a copy of one that was built before: a
 * load generator on the same machine as what it measures must cost as little as it can. No content comes twice.
 */
export function createSpanTemplate(count: number, options: RequestOptions = {}): (first: number) => NumberedRequest {
  const { bytes } = numberedRequest('traces', 0, count, options);
  const traces: number[] = [];
  const spans: { readonly id: number; readonly texts: readonly number[] }[] = [];
  let from = 0;
  for (let index = 0; index < count; index += 1) {
    const trace = bytes.indexOf(Buffer.from(traceIdOf(0), 'hex'), from);
    const id = bytes.indexOf(Buffer.from(spanIdOf(index), 'hex'), trace + 16);
    from = id + 8;
    const text = spanIdOf(index);
    const texts: number[] = [];
    for (let at = bytes.indexOf(text, from); at >= 0; at = bytes.indexOf(text, at + text.length)) texts.push(at);
    traces.push(trace);
    spans.push({ id, texts });
  }
  return (first) => {
    const copy = Buffer.from(bytes);
    // The first half of a trace id is the same for all.
    for (const trace of traces) copy.writeBigUInt64BE(BigInt(first + 1), trace + 8);
    for (const [index, { id, texts }] of spans.entries()) {
      copy.writeBigUInt64BE(BigInt(first + index + 1), id);
      const text = spanIdOf(first + index);
      for (const at of texts) copy.write(text, at, 'latin1');
    }
    return { signal: 'traces', bytes: copy, numbers: Array.from({ length: count }, (_, index) => first + index) };
  };
}

/** The numbers of the items in a numbered request, in order, redacted or not. */
export function numbersIn(signal: Signal, bytes: Uint8Array): number[] {
  const reader = new WireReader(bytes);
  const numbers: number[] = [];
  // {1 resource: {2 scope: {2 item}}}, and of a metric {5 gauge: {1 point}}.
  const walk = ([field, ...inner]: readonly number[]): void => {
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag !== ((Number(field) << 3) | WIRE_BYTES)) reader.skip(tag);
      else if (inner.length === 0) numbers.push(numberOfItem(signal, reader.view()));
      else {
        const outer = reader.enter();
        walk(inner);
        reader.leave(outer);
      }
    }
  };
  walk(signal === 'metrics' ? [1, 2, 2, 5, 1] : [1, 2, 2]);
  return numbers;
}

/** The number of a span (2 span_id), a log record (10 span_id) or a data point (4 as_double). */
function numberOfItem(signal: Signal, item: Uint8Array): number {
  const reader = new WireReader(item);
  const wanted = signal === 'metrics' ? (4 << 3) | WIRE_FIXED64 : ((signal === 'traces' ? 2 : 10) << 3) | WIRE_BYTES;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== wanted) reader.skip(tag);
    else if (signal === 'metrics') return reader.double();
    else return numberOfSpanId(Buffer.from(reader.view()).toString('hex'));
  }
  return -1;
}

/** The number of the item with this SpanId; -1 when no item of ours has it. */
export function numberOfSpanId(spanId: string): number {
  const number = Number.parseInt(spanId, 16) - 1;
  return spanIdOf(number) === spanId ? number : -1;
}

/** 16 hex digits: the SpanId of the item. */
export function spanIdOf(number: number): string {
  return (number + 1).toString(16).padStart(16, '0');
}

/** 32 hex digits: the TraceId of the request whose first item has this number. */
export function traceIdOf(first: number): string {
  return `${'a'.repeat(16)}${spanIdOf(first)}`;
}

function span(writer: WireWriter, number: number, first: number, at: bigint, options: RequestOptions): void {
  const mark = writer.begin(2);
  writer.bytesField(1, Buffer.from(traceIdOf(first), 'hex'));
  writer.bytesField(2, Buffer.from(spanIdOf(number), 'hex'));
  writer.stringField(5, 'GET /item');
  writer.varintField(6, 2);
  writer.fixed64Field(7, at);
  writer.fixed64Field(8, at + 1_000_000n);
  if (options.agentContent !== undefined && number % 5 === 0) conversation(writer, number, options.agentContent);
  extras(writer, 9, number, options);
  writer.end(mark);
}

function conversation(writer: WireWriter, number: number, bytes: number): void {
  const id = spanIdOf(number);
  const turns = Math.ceil(bytes / 300);
  const messages = Array.from({ length: turns }, (_, turn) => ({
    role: turn % 2 === 0 ? 'user' : 'assistant',
    parts: [
      {
        type: 'text',
        content:
          `Turn ${turn}: the checkout pod shop-${id} restarts, order ${id}-${turn} of buyer-${id}.${turn}@example.com ` +
          'is stuck at "payment authorised"; the queue has 1200 entries and grows. Compare the last deploy with this one.',
      },
    ],
  }));
  stringAttribute(writer, 9, 'gen_ai.operation.name', 'chat');
  stringAttribute(writer, 9, 'gen_ai.request.model', 'some-model');
  stringAttribute(writer, 9, 'gen_ai.input.messages', JSON.stringify(messages));
}

function logRecord(writer: WireWriter, number: number, first: number, at: bigint, options: RequestOptions): void {
  const mark = writer.begin(2);
  writer.fixed64Field(1, at);
  writer.varintField(2, 9);
  const body = writer.begin(5);
  writer.stringField(1, `line ${number}`);
  writer.end(body);
  extras(writer, 6, number, options);
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
  extras(writer, 7, number, options);
  writer.end(point);
  writer.end(gauge);
  writer.end(mark);
}

function extras(writer: WireWriter, field: number, number: number, options: RequestOptions): void {
  stringAttribute(writer, field, 'http.route', '/item');
  const mark = options.mark?.(number);
  if (mark !== undefined) stringAttribute(writer, field, 'mark', mark);
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
