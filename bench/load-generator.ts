/**
 * The load, in a process of its own so that its cost is not Docket's:
 *   node --import tsx bench/load-generator.ts '<JSON of LoadOptions>'
 * Prints one JSON line (LoadResult) when it is done.
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import { Agent, request } from 'node:http';
import type { AgentSpans } from './corpus-agent-span.ts';
import { createCorpus } from './corpus.ts';

export interface LoadOptions {
  readonly protocol: 'http' | 'grpc';
  readonly signal: 'traces' | 'logs';
  /** host:port */
  readonly target: string;
  readonly seconds: number;
  readonly connections: number;
  /** Requests under way at once on each connection. */
  readonly concurrency: number;
  readonly itemsPerRequest: number;
  readonly agentShare: number;
  /** `tool calls` when not given. */
  readonly agentSpans?: AgentSpans;
  /** Requests a second over all connections; 0 = as fast as they are answered. */
  readonly requestsPerSecond: number;
}

export interface LoadResult {
  readonly acknowledged: number;
  readonly refusedRequests: number;
  readonly seconds: number;
  readonly bytesPerItem: number;
  /**
   * From when a request was due (sent, where the load is not paced) to its answer: what a sender that is late because it waited for
   * other answers, or for its own turn, adds is counted.
   */
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** From when a request was handed to the generator's socket to its answer. */
  readonly ackP99SentMs: number;
}

const GRPC_PATH = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
} as const;
/** gRPC's length-prefixed message: one byte of flags, four of length. */
const PREFIX_BYTES = 5;
const TEMPLATE_BYTES_MAX = 64 * 1024 * 1024;

type Send = (body: Buffer) => Promise<boolean>;

function httpSender(options: LoadOptions): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const [host, port] = options.target.split(':');
  return (body) =>
    new Promise((resolve) => {
      const call = request(
        {
          agent,
          host,
          port,
          method: 'POST',
          path: `/v1/${options.signal}`,
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

/** `frame` begins with the five bytes that a gRPC message has before it. */
function grpcSender(session: ClientHttp2Session, options: LoadOptions): Send {
  const headers = {
    ':method': 'POST',
    ':path': GRPC_PATH[options.signal],
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  return (frame) =>
    new Promise((resolve) => {
      frame[0] = 0;
      frame.writeUInt32BE(frame.length - PREFIX_BYTES, 1);
      const stream = session.request(headers);
      let status: string | undefined;
      stream.on('response', (answer) => (status = String(answer['grpc-status'] ?? status)));
      stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
      stream.on('close', () => resolve(status === '0'));
      stream.on('error', () => {});
      stream.resume();
      stream.end(frame);
    });
}

async function run(options: LoadOptions): Promise<LoadResult> {
  const averageBytes = 520 + 2_200 * options.agentShare;
  const templates = Math.min(256, Math.ceil(TEMPLATE_BYTES_MAX / (options.itemsPerRequest * averageBytes)));
  const corpus = createCorpus({ ...options, templates });
  const senders: Send[] = [];
  for (let connection = 0; connection < options.connections; connection += 1) {
    const session = options.protocol === 'grpc' ? connect(`http://${options.target}`) : undefined;
    for (let each = 0; each < options.concurrency; each += 1) {
      senders.push(session === undefined ? httpSender(options) : grpcSender(session, options));
    }
  }
  const headroom = options.protocol === 'grpc' ? PREFIX_BYTES : 0;
  const latencies: number[] = [];
  const sentLatencies: number[] = [];
  let acknowledged = 0;
  let refused = 0;
  let turn = 0;
  const begun = performance.now();
  const until = begun + options.seconds * 1000;
  await Promise.all(
    senders.map(async (send) => {
      for (;;) {
        let due = performance.now();
        if (options.requestsPerSecond > 0) {
          due = begun + (turn++ / options.requestsPerSecond) * 1000;
          const wait = due - performance.now();
          if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        }
        if (due > until || performance.now() > until) return;
        const body = corpus.next(headroom);
        const sentAt = performance.now();
        if (await send(body)) {
          acknowledged += options.itemsPerRequest;
          latencies.push(performance.now() - due);
          sentLatencies.push(performance.now() - sentAt);
        } else {
          refused += 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  return {
    acknowledged,
    refusedRequests: refused,
    seconds,
    bytesPerItem: corpus.bytesPerItem,
    ackP50Ms: quantile(latencies, 0.5),
    ackP99Ms: quantile(latencies, 0.99),
    ackP99SentMs: quantile(sentLatencies, 0.99),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const result = await run(JSON.parse(process.argv[2] ?? '{}') as LoadOptions);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
