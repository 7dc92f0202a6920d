import { randomFillSync, randomInt } from 'node:crypto';
import { WireWriter } from '../src/otlp/protobuf/writer.ts';
import { agentSpan, type AgentSpans } from './corpus-agent-span.ts';
import { attributes, pick, sentence, SERVICES } from './corpus-attributes.ts';

/**
 * The bench corpus: OTLP requests in the shape that was recorded from a shop of ten services and from coding agents. A service
 * span is about 515 bytes with 12 attributes of its own under a resource with 10; a log record is about 400 bytes.
 */
export interface CorpusOptions {
  readonly signal: 'traces' | 'logs';
  readonly itemsPerRequest: number;
  /** Share of GenAI spans with content, 0 to 1. */
  readonly agentShare: number;
  /** `tool calls` when not given. */
  readonly agentSpans?: AgentSpans;
  /**
   * Distinct requests made ahead; after that many the same attributes come again under new ids and times. Making a request takes longer
   * than Docket needs for it, so a generator prepares them.
   */
  readonly templates: number;
}

export interface Corpus {
  /** The next request: ids never used before, times around now. `headroom` bytes before it are left to the caller. */
  next(headroom?: number): Buffer;
  readonly bytesPerItem: number;
}

const ITEMS_PER_RESOURCE = 64;
const SPANS_PER_TRACE = 8;

const ROUTES = [
  '/api/v1/products/{productId}',
  '/api/v1/cart',
  '/api/v1/checkout',
  '/api/v1/currency',
  '/api/v1/recommendations',
  '/healthz',
] as const;
const STATUS_CODES = ['200', '200', '200', '404', '500'] as const;
/** Where the ids and times of a template's items lie. `at` of an absent field is -1. */
interface Place {
  readonly traceAt: number;
  /** Starts a new trace. */
  readonly newTrace: boolean;
  readonly spanAt: number;
  readonly parentAt: number;
  /** Eight characters of hex. */
  readonly callIdAt: number;
  readonly startAt: number;
  readonly endAt: number;
  /** Nanoseconds before the request's time at which the item began, and how long it took. */
  readonly ageNanos: number;
  readonly durationNanos: number;
}

interface Template {
  readonly bytes: Buffer;
  readonly places: readonly Place[];
}

export function createCorpus(options: CorpusOptions): Corpus {
  const templates = Array.from({ length: options.templates }, () => makeTemplate(options));
  const bytes = templates.reduce((sum, template) => sum + template.bytes.length, 0);
  const randomness = Buffer.alloc(options.itemsPerRequest * 32);
  let turn = 0;
  return {
    bytesPerItem: bytes / (options.templates * options.itemsPerRequest),
    next(headroom = 0) {
      const template = templates[turn++ % templates.length];
      if (template === undefined) throw new Error('a corpus has at least one template');
      const request = Buffer.allocUnsafe(headroom + template.bytes.length);
      template.bytes.copy(request, headroom);
      fill(request, headroom, template.places, randomFillSync(randomness));
      return request;
    },
  };
}

function fill(request: Buffer, headroom: number, places: readonly Place[], randomness: Buffer): void {
  const now = Date.now() * 1_000_000;
  let random = 0;
  let traceFrom = 0;
  let parentFrom = 0;
  for (const place of places) {
    if (place.newTrace) {
      traceFrom = random;
      random += 16;
    }
    randomness.copy(request, headroom + place.traceAt, traceFrom, traceFrom + 16);
    randomness.copy(request, headroom + place.spanAt, random, random + 8);
    if (place.parentAt >= 0) randomness.copy(request, headroom + place.parentAt, parentFrom, parentFrom + 8);
    if (place.callIdAt >= 0) {
      request.write(randomness.toString('hex', random, random + 4), headroom + place.callIdAt, 'latin1');
    }
    parentFrom = random;
    random += 8;
    const start = now - place.ageNanos;
    writeNanos(request, headroom + place.startAt, start);
    writeNanos(request, headroom + place.endAt, start + place.durationNanos);
  }
}

/** Numbers hold today's nanoseconds to about 256: enough for a bench, and much cheaper than bigints. */
function writeNanos(target: Buffer, at: number, nanos: number): void {
  target.writeUInt32LE(nanos % 0x1_0000_0000, at);
  target.writeUInt32LE(Math.floor(nanos / 0x1_0000_0000), at + 4);
}

function makeTemplate(options: CorpusOptions): Template {
  const writer = new WireWriter(options.itemsPerRequest * 700);
  const items: WrittenItem[] = [];
  for (let first = 0; first < options.itemsPerRequest; first += ITEMS_PER_RESOURCE) {
    const count = Math.min(ITEMS_PER_RESOURCE, options.itemsPerRequest - first);
    const resourceGroup = writer.begin(1);
    const service = pick(SERVICES);
    resource(writer, service);
    const scopeGroup = writer.begin(2);
    const scope = writer.begin(1);
    writer.stringField(1, 'otelhttp');
    writer.end(scope);
    for (let index = first; index < first + count; index += 1) {
      const newTrace = (index - first) % SPANS_PER_TRACE === 0;
      const agent = Math.floor((index + 1) * options.agentShare) > Math.floor(index * options.agentShare);
      const item = writer.begin(2);
      let hasCallId = false;
      if (options.signal === 'logs') logRecord(writer, index, service);
      else if (agent) {
        const span = agentSpan(options.agentSpans ?? 'tool calls', callId(index));
        hasCallId = 'gen_ai.tool.call.id' in span.attributes;
        spanHead(writer, index, newTrace, span.name, span.kind);
        attributes(writer, 9, span.attributes);
      } else serviceSpan(writer, index, newTrace);
      writer.end(item);
      items.push({ number: index, newTrace, hasCallId });
    }
    writer.end(scopeGroup);
    writer.end(resourceGroup);
  }
  const bytes = writer.finish();
  return { bytes, places: findPlaces(bytes, items, options.signal) };
}

// Lengths move bytes while a request is written, so ids and times are written as marks, each with its item's number, and found
// again in what came out.
const TRACE_MARK = 0xa1;
const SPAN_MARK = 0xa2;
const PARENT_MARK = 0xa3;
const START_MARK = 0xa4;
const END_MARK = 0xa5;

function mark(kind: number, number: number): Buffer {
  const bytes = Buffer.alloc(8, kind);
  bytes.writeUInt32BE(number, 3);
  return bytes;
}

interface WrittenItem {
  readonly number: number;
  readonly newTrace: boolean;
  readonly hasCallId: boolean;
}

function findPlaces(bytes: Buffer, items: readonly WrittenItem[], signal: CorpusOptions['signal']): Place[] {
  let from = 0;
  const find = (what: Buffer): number => {
    const at = bytes.indexOf(what, from);
    if (at < 0) throw new Error('a template lacks one of its marks');
    return at;
  };
  return items.map(({ number, newTrace, hasCallId }) => {
    // An item's marks stand behind those of the item before it.
    const traceAt = find(mark(TRACE_MARK, number));
    const place: Place = {
      traceAt,
      newTrace,
      spanAt: find(mark(SPAN_MARK, number)),
      parentAt: signal === 'traces' && !newTrace ? find(mark(PARENT_MARK, number)) : -1,
      callIdAt: hasCallId ? find(Buffer.from(callId(number))) + CALL_ID_PREFIX.length : -1,
      startAt: find(mark(START_MARK, number)),
      endAt: find(mark(END_MARK, number)),
      ageNanos: randomInt(1_000_000_000),
      durationNanos: signal === 'logs' ? 20_000 : 50_000 + randomInt(100_000_000),
    };
    from = Math.min(traceAt, place.startAt) + 1;
    return place;
  });
}

const CALL_ID_PREFIX = 'call_bench_';
const callId = (number: number): string => `${CALL_ID_PREFIX}${number.toString(16).padStart(8, '0')}`;

function resource(writer: WireWriter, service: string): void {
  const message = writer.begin(1);
  attributes(writer, 1, {
    'service.name': service,
    'service.version': `2.1.${randomInt(3)}`,
    'service.namespace': 'shop',
    'deployment.environment.name': 'production',
    'k8s.namespace.name': 'shop',
    'k8s.deployment.name': service,
    'k8s.pod.name': `${service}-5c9d8d7f6b-x2x9${randomInt(3)}`,
    'telemetry.sdk.language': 'go',
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.version': '1.35.0',
  });
  writer.end(message);
}

function spanHead(writer: WireWriter, number: number, newTrace: boolean, name: string, kind: number): void {
  writer.bytesField(1, Buffer.concat([mark(TRACE_MARK, number), Buffer.alloc(8)]));
  writer.bytesField(2, mark(SPAN_MARK, number));
  if (!newTrace) writer.bytesField(4, mark(PARENT_MARK, number));
  writer.stringField(5, name);
  writer.varintField(6, kind);
  writer.fixed64Field(7, mark(START_MARK, number).readBigUInt64LE());
  writer.fixed64Field(8, mark(END_MARK, number).readBigUInt64LE());
}

function serviceSpan(writer: WireWriter, number: number, newTrace: boolean): void {
  const route = pick(ROUTES);
  const product = `OLJ${1000 + randomInt(400)}`;
  spanHead(writer, number, newTrace, `GET ${route}`, 2);
  attributes(writer, 9, {
    'http.request.method': 'GET',
    'http.route': route,
    'url.path': `/api/v1/products/${product}`,
    'url.scheme': 'http',
    'server.address': 'frontend.shop.svc.cluster.local',
    'network.protocol.version': '1.1',
    'user_agent.original': `python-requests/2.31.${randomInt(5)}`,
    'client.address': `10.244.${randomInt(4)}.${randomInt(250)}`,
    'app.product.id': product,
    'app.cart.items': String(randomInt(20)),
    'http.response.status_code': pick(STATUS_CODES),
    'thread.name': `http-nio-8080-exec-${randomInt(16)}`,
  });
}

function logRecord(writer: WireWriter, number: number, service: string): void {
  writer.fixed64Field(1, mark(START_MARK, number).readBigUInt64LE());
  writer.varintField(2, 9);
  writer.stringField(3, 'INFO');
  const body = writer.begin(5);
  writer.stringField(1, `${service} handled order ${randomInt(100_000)} in ${randomInt(900)} ms: ${sentence(12)}`);
  writer.end(body);
  attributes(writer, 6, {
    'code.function.name': `handle${pick(['Order', 'Cart', 'Quote', 'Payment'])}`,
    'code.file.path': `/app/src/${service}/handler.go`,
    'thread.name': `http-nio-8080-exec-${randomInt(16)}`,
    'app.order.amount': String(randomInt(900)),
    'app.product.id': `OLJ${1000 + randomInt(400)}`,
    'client.address': `10.244.${randomInt(4)}.${randomInt(250)}`,
  });
  writer.bytesField(9, Buffer.concat([mark(TRACE_MARK, number), Buffer.alloc(8)]));
  writer.bytesField(10, mark(SPAN_MARK, number));
  writer.fixed64Field(11, mark(END_MARK, number).readBigUInt64LE());
}
