/**
 * The load of the `receive` bench, in a process of its own:
 *   node --import tsx bench/receive-load.ts '<JSON of ReceiveLoad>'
 * Sends one prepared request over and over and prints one JSON line (ReceiveLoadResult). It writes frames itself instead of using a
 * gRPC library, so that it is not what is measured.
 */
import { Agent, request } from 'node:http';
import { connect, type ClientHttp2Session } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { createCorpus } from './corpus.ts';

export interface ReceiveLoad {
  readonly protocol: 'grpc' | 'http';
  /** host:port */
  readonly target: string;
  /** About how large each request is. */
  readonly requestBytes: number;
  readonly gzip: boolean;
  readonly seconds: number;
  readonly connections: number;
  /** Requests under way on each connection. */
  readonly concurrency: number;
}

export interface ReceiveLoadResult {
  readonly requests: number;
  readonly refused: number;
  /** Bytes of one request before compression. */
  readonly requestBytes: number;
  readonly seconds: number;
}

const HEADERS = {
  ':method': 'POST',
  ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  'content-type': 'application/grpc',
  te: 'trailers',
};

function grpcFrame(message: Buffer, compressed: boolean): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = compressed ? 1 : 0;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Sends one call; true for status 0. */
function call(session: ClientHttp2Session, frame: Buffer, gzip: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request({ ...HEADERS, ...(gzip ? { 'grpc-encoding': 'gzip' } : {}) });
    let status: string | undefined;
    stream.on('response', (headers) => (status = String(headers['grpc-status'] ?? status)));
    stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
    stream.on('close', () => resolve(status === '0'));
    stream.on('error', () => {});
    stream.resume();
    stream.end(frame);
  });
}

function post(agent: Agent, load: ReceiveLoad, body: Buffer): Promise<boolean> {
  const [host, port] = load.target.split(':');
  return new Promise((resolve) => {
    const sent = request(
      {
        agent,
        host,
        port,
        method: 'POST',
        path: '/v1/traces',
        headers: {
          'content-type': 'application/x-protobuf',
          'content-length': body.length,
          ...(load.gzip ? { 'content-encoding': 'gzip' } : {}),
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200));
      },
    );
    sent.on('error', () => resolve(false));
    sent.end(body);
  });
}

async function run(load: ReceiveLoad): Promise<ReceiveLoadResult> {
  const spansPerRequest = Math.max(1, Math.round(load.requestBytes / 570));
  const plain = createCorpus({
    signal: 'traces',
    itemsPerRequest: spansPerRequest,
    agentShare: 0,
    templates: 1,
  }).next();
  const body = load.gzip ? gzipSync(plain) : plain;
  const frame = grpcFrame(body, load.gzip);
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections * load.concurrency });
  const begun = performance.now();
  const until = begun + load.seconds * 1000;
  let requests = 0;
  let refused = 0;
  const worker = async (send: () => Promise<boolean>): Promise<void> => {
    while (performance.now() < until) {
      if (await send()) requests += 1;
      else refused += 1;
    }
  };
  const workers: Promise<void>[] = [];
  for (let connection = 0; connection < load.connections; connection += 1) {
    const session = load.protocol === 'grpc' ? connect(`http://${load.target}`) : undefined;
    for (let each = 0; each < load.concurrency; each += 1) {
      workers.push(worker(() => (session === undefined ? post(agent, load, body) : call(session, frame, load.gzip))));
    }
  }
  await Promise.all(workers);
  return { requests, refused, requestBytes: plain.length, seconds: (performance.now() - begun) / 1000 };
}

const result = await run(JSON.parse(process.argv[2] ?? '{}') as ReceiveLoad);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
