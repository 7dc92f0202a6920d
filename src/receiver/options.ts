import type { Meter } from '@opentelemetry/api';
import { REQUEST_BYTES_MAX } from '../otlp/limits.ts';
import type { ExportHandler } from '../pipeline/consumer.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Where to listen, or where something listens. Port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Request headers or gRPC metadata; names are case-insensitive. */
export interface RequestHeaders {
  get(name: string): string | undefined;
}

export interface Caller {
  readonly tenant: string;
}

/** Who sends, or undefined for nobody known (401, UNAUTHENTICATED). Must not throw; a throw is answered as retryable. */
export type Authenticate = (headers: RequestHeaders) => Caller | undefined | Promise<Caller | undefined>;

export interface ReceiverLimits {
  /** Largest request after decompression (R4). */
  readonly requestBytesMax: number;
  /** Different attribute keys of a tenant in a day, and as many of those that begin with a reserved prefix. */
  readonly attributeKeysMax: number;
  /** Bytes of requests in memory at once; beyond it requests are refused as retryable. */
  readonly inFlightBytesMax: number;
  /** Connections at once, on each of the two ports; more are closed as they come. */
  readonly connectionsMax: number;
  /**
   * gRPC: bytes a sender may have under way unread, for one call and for its whole connection. Over a round trip of 50 ms a window of
   * 1 MiB lets one call do 20 MB/s.
   */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Requests are refused as retryable when, at the pace of late, they would wait longer than this. */
  readonly expectedWaitMsMax: number;
  /** So many bytes of requests are always worked on at once, whatever the pace of late. */
  readonly workBytesAlways: number;
  /** Concurrent calls on one gRPC connection. */
  readonly maxConcurrentStreams: number;
  /** How long a gRPC connection lives before the sender is asked to reconnect, so that load balancers rebalance (R49). */
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  /** gRPC ping interval and how long to wait for its answer. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Time for the header (gRPC: for the connection's greeting), for the whole request, and for an idle HTTP connection (R50). */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** How long `close` waits for requests under way. */
  readonly closeTimeoutMs: number;
}

/**
 * About how long senders are asked to wait after a failure of which nobody knows how long it lasts. What overload asks for is
 * worked out from the work that waits.
 */
export const FAILURE_RETURN_MS = 5_000;

export const DEFAULT_LIMITS: ReceiverLimits = {
  requestBytesMax: REQUEST_BYTES_MAX,
  attributeKeysMax: 10_000,
  inFlightBytesMax: 4 * REQUEST_BYTES_MAX,
  expectedWaitMsMax: 500,
  workBytesAlways: 8 * 1024 * 1024,
  connectionsMax: 4096,
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 16 * 1024 * 1024,
  maxConcurrentStreams: 100,
  maxConnectionAgeMs: 15 * 60_000,
  maxConnectionAgeGraceMs: 60_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  // Longer than the 60 s of common load balancers, so that the balancer and not Docket ends an idle connection.
  idleTimeoutMs: 75_000,
  closeTimeoutMs: 10_000,
};

export interface ReceiverOptions {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  readonly handler: ExportHandler;
  readonly authenticate: Authenticate;
  /** Each limit not given is the one of DEFAULT_LIMITS. */
  readonly limits?: Partial<ReceiverLimits>;
  /** Origins that browsers may send from; none unless given (R30). */
  readonly corsAllowedOrigins?: readonly string[];
  /** Attribute keys that begin like this cannot be crowded out by others: what later stages go by. None unless given. */
  readonly reservedKeyPrefixes?: readonly string[];
  readonly meter: Meter;
  readonly logger: Logger;
  /** Nanoseconds since the epoch; the system clock unless given. */
  readonly clock?: () => bigint;
}
