/**
 * The receiver takes OTLP over gRPC and HTTP and gives each export request, as checked protobuf bytes, to one handler; it
 * answers when the handler knows the request's fate. It bounds everything a sender can make it hold (size before and after
 * decompression, bytes in flight, time) and never keeps a request itself: what is not answered `accepted` is the sender's
 * still. It does not redact, store or retry.
 */
import { createAdmission } from './admission.ts';
import { createGrpcReceiver } from './grpc.ts';
import { createHandleExport } from './handle-export.ts';
import { createHttpReceiver } from './http.ts';
import { createReceiverInstruments } from './instruments.ts';
import { DEFAULT_LIMITS, type ListenAddress, type ReceiverOptions } from './options.ts';

export interface Receiver {
  /** Listens on both transports; resolves with the addresses taken, rejects when one cannot be had. */
  start(): Promise<{ readonly grpc: ListenAddress; readonly http: ListenAddress }>;
  /** Accepts nothing new, answers every request under way (for at most `closeTimeoutMs`), then ends (R51). */
  close(): Promise<void>;
}

const systemClock = (): bigint => BigInt(Date.now()) * 1_000_000n;

export function createReceiver(options: ReceiverOptions): Receiver {
  const { authenticate, logger } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const admission = createAdmission(limits);
  const instruments = createReceiverInstruments(options.meter, admission);
  const clock = options.clock ?? systemClock;
  const handleExport = createHandleExport({
    handler: options.handler,
    instruments,
    logger,
    limits,
    reservedKeyPrefixes: options.reservedKeyPrefixes ?? [],
    clock,
  });
  const shared = { handleExport, authenticate, admission, limits, instruments, logger };
  const grpc = createGrpcReceiver({ ...shared, listen: options.grpc });
  const http = createHttpReceiver({
    ...shared,
    listen: options.http,
    corsAllowedOrigins: options.corsAllowedOrigins ?? [],
  });
  return {
    async start() {
      const grpcAddress = await grpc.start();
      try {
        return { grpc: grpcAddress, http: await http.start() };
      } catch (error) {
        await grpc.close();
        throw error;
      }
    },
    async close() {
      await Promise.all([grpc.close(), http.close()]);
    },
  };
}
