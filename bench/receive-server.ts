/**
 * One receiving side of the `receive` bench, alone in its process, with a handler that accepts everything at once:
 *   node --import tsx bench/receive-server.ts <grpc-js | grpc | http | grpc-refusing | http-refusing>
 * Prints host:port when it listens. `grpc-js` is the reference: the least that a unary server on @grpc/grpc-js can be.
 * The refusing ones find every request one too many.
 */
import { type sendUnaryData, Server, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js';
import { ACCEPTED } from '../src/pipeline/outcome.ts';
import { createAdmission } from '../src/receiver/admission.ts';
import { createGrpcReceiver } from '../src/receiver/grpc.ts';
import { createHttpReceiver } from '../src/receiver/http.ts';
import { createReceiverInstruments } from '../src/receiver/instruments.ts';
import { DEFAULT_LIMITS, type ListenAddress } from '../src/receiver/options.ts';
import { createLogger } from '../src/telemetry/logger.ts';
import { createMetrics } from '../src/telemetry/metrics.ts';

const EXPORT_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const EMPTY = Buffer.alloc(0);
const listen: ListenAddress = { host: '127.0.0.1', port: 0 };

async function startReference(): Promise<ListenAddress> {
  const server = new Server({
    'grpc.max_receive_message_length': DEFAULT_LIMITS.requestBytesMax,
    'grpc.max_concurrent_streams': DEFAULT_LIMITS.maxConcurrentStreams,
  });
  const identity = (bytes: Buffer): Buffer => bytes;
  const unary = {
    path: EXPORT_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  };
  server.addService(
    { export: unary },
    { export: (_: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => callback(null, EMPTY) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync(`${listen.host}:0`, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve({ host: listen.host, port });
    });
  });
}

async function startReceiver(transport: 'grpc' | 'http', refusing: boolean): Promise<ListenAddress> {
  const limits = refusing ? { ...DEFAULT_LIMITS, expectedWaitMsMax: 0, workBytesAlways: 0 } : DEFAULT_LIMITS;
  const admission = createAdmission(limits);
  const options = {
    listen,
    handleExport: async () => ACCEPTED,
    authenticate: () => ({ tenant: 'default' }),
    admission,
    limits,
    instruments: createReceiverInstruments(createMetrics().meter, admission),
    logger: createLogger('warn'),
  };
  const receiver =
    transport === 'grpc' ? createGrpcReceiver(options) : createHttpReceiver({ ...options, corsAllowedOrigins: [] });
  return receiver.start();
}

const [transport, refusing] = (process.argv[2] ?? '').split('-');
const address =
  process.argv[2] === 'grpc-js'
    ? await startReference()
    : await startReceiver(transport === 'http' ? 'http' : 'grpc', refusing !== undefined);
process.stdout.write(`${address.host}:${address.port}\n`);
