/**
 * The load, in a process of its own so that its cost is not Docket's:
 *   node --import tsx bench/load-generator.ts '<JSON of LoadOptions>'
 * Prints one JSON line (LoadResult) when it is done.
 */
import { Client, credentials } from '@grpc/grpc-js';
import { Agent, request } from 'node:http';
import { createTracesRequests } from './corpus.ts';

export interface LoadOptions {
  readonly protocol: 'http' | 'grpc';
  /** host:port */
  readonly target: string;
  readonly seconds: number;
  readonly connections: number;
  readonly spansPerRequest: number;
  readonly agentShare: number;
  /** Requests a second over all connections; 0 = as fast as they are answered. */
  readonly requestsPerSecond: number;
  /** Number of the first span, so that two runs never send the same ids. */
  readonly firstNumber: number;
}

export interface LoadResult {
  readonly acknowledgedSpans: number;
  readonly refusedRequests: number;
  readonly seconds: number;
  readonly bytesPerSpan: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly lastNumber: number;
}

const EXPORT = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

function httpSender(target: string, connections: number): (body: Buffer) => Promise<boolean> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const [host, port] = target.split(':');
  return (body) =>
    new Promise((resolve) => {
      const call = request(
        {
          agent,
          host,
          port,
          method: 'POST',
          path: '/v1/traces',
          headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length },
        },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode === 200));
        },
      );
      call.on('error', () => resolve(false));
      call.end(body);
    });
}

function grpcSender(target: string): (body: Buffer) => Promise<boolean> {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
  const identity = (value: Buffer): Buffer => value;
  return (body) =>
    new Promise((resolve) => {
      client.makeUnaryRequest(EXPORT, identity, identity, body, (error) => resolve(error === null));
    });
}

async function run(options: LoadOptions): Promise<LoadResult> {
  // Requests are made ahead of time, so that the generator is not the bottleneck; ids repeat only after all were sent.
  const corpus = createTracesRequests(options, options.firstNumber);
  const prepared: Buffer[] = [];
  const budget = 400 * 1024 * 1024;
  let preparedBytes = 0;
  const wanted = options.requestsPerSecond > 0 ? Math.ceil(options.requestsPerSecond * options.seconds) : 1_500;
  while (prepared.length < wanted && preparedBytes < budget) {
    const body = corpus.next();
    preparedBytes += body.length;
    prepared.push(body);
  }
  const send = options.protocol === 'http' ? httpSender(options.target, options.connections) : undefined;
  const senders = Array.from({ length: options.connections }, () => send ?? grpcSender(options.target));
  const latencies: number[] = [];
  let acknowledged = 0;
  let refused = 0;
  let next = 0;
  const begun = performance.now();
  const until = begun + options.seconds * 1000;
  await Promise.all(
    senders.map(async (sender) => {
      while (performance.now() < until && next < prepared.length) {
        const turn = next++;
        if (options.requestsPerSecond > 0) {
          const due = begun + (turn / options.requestsPerSecond) * 1000;
          const wait = due - performance.now();
          if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        }
        const body = prepared[turn];
        if (body === undefined) return;
        const sentAt = performance.now();
        if (await sender(body)) {
          acknowledged += options.spansPerRequest;
          latencies.push(performance.now() - sentAt);
        } else {
          refused += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    acknowledgedSpans: acknowledged,
    refusedRequests: refused,
    seconds,
    bytesPerSpan: preparedBytes / (prepared.length * options.spansPerRequest),
    ackP50Ms: at(0.5),
    ackP99Ms: at(0.99),
    lastNumber: options.firstNumber + prepared.length * options.spansPerRequest,
  };
}

const result = await run(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
