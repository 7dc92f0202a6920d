/**
 * Redaction's speed on one core, of the built JavaScript: `npm run build && node --import tsx bench/redact.bench.ts [--json FILE]
 * [--dist FOLDER]`. Loads: service spans without content (about 500 bytes, 12 attributes and 10 resource attributes, an order id that
 * never comes twice), tool arguments and results, prompts that are scrubbed and prompts that are withheld. Prints spans and megabytes
 * for a second of processor time, best of the rounds, beside what a loop that only reads each character does on this machine.
 */
import { writeFileSync } from 'node:fs';
import { WireWriter } from '../src/otlp/protobuf/writer.ts';
import type * as PolicyFile from '../src/redaction/policy-file.ts';
import type { PresetName } from '../src/redaction/policy.ts';
import type * as RedactorModule from '../src/redaction/redactor.ts';
import type * as LoggerModule from '../src/telemetry/logger.ts';
import type * as MetricsModule from '../src/telemetry/metrics.ts';
import { built } from './built.ts';

const { defaultPolicy } = await built<typeof PolicyFile>('redaction/policy-file.js');
const { createRedactor } = await built<typeof RedactorModule>('redaction/redactor.js');
const { createLogger } = await built<typeof LoggerModule>('telemetry/logger.js');
const { createMetrics } = await built<typeof MetricsModule>('telemetry/metrics.js');

const SPANS = 512;
const ROUNDS = 5;

function hex(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (Math.imul(seed + at * 7919, 2654435761) >>> 13) & 0xff;
  return bytes;
}

function attribute(writer: WireWriter, field: number, key: string, value: string | number): void {
  const pair = writer.begin(field);
  writer.stringField(1, key);
  const any = writer.begin(2);
  if (typeof value === 'string') writer.stringField(1, value);
  else writer.varintField(3, value);
  writer.end(any);
  writer.end(pair);
}

function request(start: number, fill: (writer: WireWriter, index: number) => void): Buffer {
  const writer = new WireWriter(1 << 20);
  const resourceSpans = writer.begin(1);
  const resource = writer.begin(1);
  for (const [key, value] of [
    ['service.name', 'checkout'],
    ['service.version', '2.14.0'],
    ['service.instance.id', '4f6f0c2e-5c7a-4f6e-9d0e-0c2f6a1b7d11'],
    ['deployment.environment.name', 'production'],
    ['k8s.namespace.name', 'shop'],
    ['k8s.pod.name', 'checkout-5c696cc4dc-wrvnx'],
    ['k8s.node.name', 'node-7'],
    ['host.name', 'node-7.eu-west-1.internal'],
    ['telemetry.sdk.language', 'nodejs'],
    ['telemetry.sdk.version', '2.1.0'],
  ] as const) {
    attribute(writer, 1, key, value);
  }
  writer.end(resource);
  const scopeSpans = writer.begin(2);
  const scope = writer.begin(1);
  writer.stringField(1, '@opentelemetry/instrumentation-http');
  writer.stringField(2, '0.223.0');
  writer.end(scope);
  for (let index = start; index < start + SPANS; index += 1) {
    const span = writer.begin(2);
    writer.bytesField(1, hex(index >> 3, 16));
    writer.bytesField(2, hex(index, 8));
    writer.bytesField(4, hex(index - 1, 8));
    fill(writer, index);
    writer.end(span);
  }
  writer.end(scopeSpans);
  writer.end(resourceSpans);
  return writer.finish();
}

const ROUTES = ['/cart', '/cart/{id}', '/checkout', '/products/{id}', '/healthz'];

function serviceSpan(writer: WireWriter, index: number): void {
  const route = ROUTES[index % ROUTES.length] ?? '/';
  writer.stringField(5, `GET ${route}`);
  writer.varintField(6, 2);
  writer.fixed64Field(7, 1795000000000000000n + BigInt(index) * 1000n);
  writer.fixed64Field(8, 1795000000000500000n + BigInt(index) * 1000n);
  attribute(writer, 9, 'http.request.method', 'GET');
  attribute(writer, 9, 'http.route', route);
  attribute(writer, 9, 'url.scheme', 'https');
  attribute(writer, 9, 'url.path', `/cart/${index % 1000}`);
  attribute(writer, 9, 'server.address', 'checkout.shop.svc.cluster.local');
  attribute(writer, 9, 'server.port', 8080);
  attribute(writer, 9, 'http.response.status_code', index % 50 === 0 ? 500 : 200);
  attribute(writer, 9, 'network.protocol.version', '1.1');
  attribute(writer, 9, 'user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36');
  attribute(writer, 9, 'app.order.id', `ord_${(index * 7919).toString(36)}`);
  attribute(writer, 9, 'thread.name', `worker-${index % 16}`);
  attribute(writer, 9, 'code.function.name', 'CartController.get');
}

function toolSpan(writer: WireWriter, index: number): void {
  writer.stringField(5, 'execute_tool query_logs');
  attribute(writer, 9, 'gen_ai.operation.name', 'execute_tool');
  attribute(writer, 9, 'gen_ai.tool.name', 'query_logs');
  const lines = Array.from({ length: 24 }, (_, line) => ({
    ts: `2026-11-22T10:${String(line).padStart(2, '0')}:00Z`,
    level: line % 7 === 0 ? 'error' : 'info',
    msg: `checkout request ${index}-${line} took ${line * 13} ms, upstream payments answered 503`,
  }));
  attribute(
    writer,
    9,
    'gen_ai.tool.call.arguments',
    JSON.stringify({ lines, query: '{service="checkout"}', limit: 100 }),
  );
}

function resultSpan(writer: WireWriter, index: number): void {
  writer.stringField(5, 'execute_tool get_pods');
  attribute(writer, 9, 'gen_ai.operation.name', 'execute_tool');
  attribute(writer, 9, 'gen_ai.tool.name', 'get_pods');
  attribute(writer, 9, 'gen_ai.tool.call.arguments', JSON.stringify({ namespace: 'shop', limit: 100 + index }));
  const items = Array.from({ length: 20 }, (_, line) => ({
    name: `checkout-5c69${(index * 31 + line).toString(16)}dc-${(line * 7919 + index).toString(36)}x`,
    node: `node-${line}`,
    status: 'Running',
    restarts: line,
    image: `registry.shop.internal/checkout:2.14.${line}`,
    started: `2026-11-22T08:${10 + line}:11Z`,
  }));
  attribute(writer, 9, 'gen_ai.tool.call.result', JSON.stringify({ items }));
}

const PROSE = [
  'The checkout service started failing right after the deploy of payments at ten.',
  'I would look at the connection pool first: the error rate grows with the number of open connections.',
  'Please run kubectl get pods -n shop and tell me which ones restarted in the last hour.',
  'The trace shows 503 answers from upstream payments with a latency of 2300 ms.',
  'Pod checkout-5c696cc4dc-wrvnx was killed by the kernel, out of memory, exit code 137.',
  'Nothing in the logs of the database explains the slow queries, the locks look fine.',
];

function chatSpan(writer: WireWriter, index: number): void {
  writer.stringField(5, 'chat');
  attribute(writer, 9, 'gen_ai.operation.name', 'chat');
  const messages = Array.from({ length: 8 }, (_, message) => ({
    role: message % 2 === 0 ? 'user' : 'assistant',
    parts: [
      {
        type: 'text',
        content: Array.from(
          { length: 6 },
          (__, sentence) => `${PROSE[(index * 7 + message * 3 + sentence * 5) % 6] ?? ''} (${index}.${message})`,
        ).join(' '),
      },
    ],
  }));
  attribute(writer, 9, 'gen_ai.input.messages', JSON.stringify(messages));
}

const cpuSeconds = (run: () => void): number => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
};

const sample = PROSE.join(' ').repeat(2000);
const readOnce = (): number => {
  let sum = 0;
  for (let offset = 0; offset < sample.length; offset += 1) sum = ((sum << 5) ^ sample.charCodeAt(offset)) & 0xffff;
  return sum;
};
let plain = Number.POSITIVE_INFINITY;
for (let round = 0; round < ROUNDS; round += 1) plain = Math.min(plain, cpuSeconds(readOnce));
const plainMegabytes = Math.round(sample.length / plain / 1e5) / 10;

const results: Record<string, { spansPerSecond: number; megabytesPerSecond: number; bytesPerSpan: number }> = {};
for (const [name, fill, requests, preset] of [
  ['service spans', serviceSpan, 40, 'balanced'],
  ['tool arguments', toolSpan, 5, 'balanced'],
  ['tool results', resultSpan, 5, 'open'],
  ['prompts scrubbed', chatSpan, 4, 'open'],
  ['prompts withheld', chatSpan, 8, 'balanced'],
] as const satisfies readonly (readonly [string, (writer: WireWriter, index: number) => void, number, PresetName])[]) {
  const redactor = createRedactor({
    policy: defaultPolicy(preset),
    fingerprintKey: Buffer.alloc(32, 7),
    fingerprintKeyId: 'bench',
    meter: createMetrics().meter,
    logger: createLogger('silent'),
  });
  let best = Number.POSITIVE_INFINITY;
  let total = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const bodies = Array.from({ length: requests }, (_, body) => request((round * requests + body) * SPANS, fill));
    total = bodies.reduce((sum, body) => sum + body.length, 0);
    const seconds = cpuSeconds(() => {
      for (const bytes of bodies) {
        redactor.redact({ tenant: 'default', signal: 'traces', bytes, items: SPANS, receivedAtUnixNano: 1n });
      }
    });
    best = Math.min(best, seconds);
  }
  const spansPerSecond = Math.round((requests * SPANS) / best);
  const megabytesPerSecond = Math.round(total / best / 1e5) / 10;
  const bytesPerSpan = Math.round(total / (requests * SPANS));
  results[name] = { spansPerSecond, megabytesPerSecond, bytesPerSpan };
  console.log(
    `${name.padEnd(18)} ${String(spansPerSecond).padStart(9)} spans/CPU-s ${String(megabytesPerSecond).padStart(8)} MB/CPU-s  ${bytesPerSpan} bytes/span`,
  );
}
console.log(`a loop that reads each character: ${plainMegabytes} MB/CPU-s`);
const file = process.argv[process.argv.indexOf('--json') + 1];
if (process.argv.includes('--json') && file !== undefined) writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
