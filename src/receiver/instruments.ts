import type { Meter } from '@opentelemetry/api';
import { type Signal, SIGNALS } from '../otlp/signal.ts';

export type Transport = 'grpc' | 'http';

/** `accepted`, `retryable`, a permanent failure's code, or an HTTP-only refusal. */
export type RequestResult =
  | 'accepted'
  | 'retryable'
  | 'invalid_argument'
  | 'too_large'
  | 'unauthenticated'
  | 'permission_denied'
  | 'unimplemented'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'aborted';

export interface RequestMeasurement {
  readonly transport: Transport;
  /** `unknown` when the request named none. */
  readonly signal: Signal | 'unknown';
  readonly result: RequestResult;
}

export interface ItemsMeasurement {
  readonly transport: Transport;
  readonly signal: Signal;
  /** Durable. */
  readonly accepted: number;
  /** Refused for good, one by one or with their request. */
  readonly rejected: number;
  /** Not taken now; the sender may try again. */
  readonly refused: number;
}

/** Everything the receiver measures of itself. Attributes come from closed sets only: no names that senders choose. */
export interface ReceiverInstruments {
  request(measurement: RequestMeasurement): void;
  items(measurement: ItemsMeasurement): void;
  /** Bytes of a request that was not taken now: of its body when it was read, else what its sender said it has. */
  refusedBytes(transport: Transport, signal: Signal, bytes: number): void;
  /** Members of OTLP/JSON that no schema knows: ignored, as the specification demands (R33). */
  ignoredMembers(transport: Transport, signal: Signal, members: number): void;
  /** Attributes whose keys are beyond the bound of a tenant and day. */
  overflowedAttributes(transport: Transport, signal: Signal, attributes: number): void;
  /** A connection closed as it came, because there are as many as may be. */
  connectionRefused(transport: Transport): void;
  /** Size of a request after decompression, and seconds from its last byte to its answer. */
  acknowledged(transport: Transport, signal: Signal, bytes: number, seconds: number): void;
}

export function createReceiverInstruments(
  meter: Meter,
  budget: { readonly inFlightBytes: number; readonly inFlightBytesMax: number },
): ReceiverInstruments {
  const requests = meter.createCounter('docket.receiver.requests', {
    description: 'Export requests answered, by result',
    unit: '{request}',
  });
  // What alerts go by stands at 0 from the start: of a counter that appears as 1, nobody sees the increase.
  for (const transport of ['grpc', 'http'] as const) {
    for (const signal of SIGNALS) requests.add(0, { transport, signal, result: 'retryable' });
  }
  const accepted = meter.createCounter('docket.receiver.accepted_items', {
    description: 'Spans, log records and data points acknowledged as durable',
    unit: '{item}',
  });
  const rejected = meter.createCounter('docket.receiver.rejected_items', {
    description: 'Spans, log records and data points refused for good',
    unit: '{item}',
  });
  const refused = meter.createCounter('docket.receiver.refused_items', {
    description: 'Spans, log records and data points not taken now, to be sent again',
    unit: '{item}',
  });
  const refusedBytes = meter.createCounter('docket.receiver.refused_bytes', {
    description: 'Bytes of requests not taken now, as far as they are known',
    unit: 'By',
  });
  const ignoredMembers = meter.createCounter('docket.receiver.ignored_json_members', {
    description: 'Members of OTLP/JSON that no schema knows',
    unit: '{member}',
  });
  const overflowedAttributes = meter.createCounter('docket.receiver.overflowed_attributes', {
    description: 'Attributes kept under docket.overflow because their tenant sent too many different keys in a day',
    unit: '{attribute}',
  });
  const refusedConnections = meter.createCounter('docket.receiver.refused_connections', {
    description: 'Connections closed as they came because there were as many as may be',
    unit: '{connection}',
  });
  const bytesReceived = meter.createCounter('docket.receiver.request_bytes', {
    description: 'Bytes of export requests after decompression',
    unit: 'By',
  });
  const duration = meter.createHistogram('docket.receiver.ack_duration', {
    description: 'Time from the last byte of a request to its answer',
    unit: 's',
    advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
  });
  meter
    .createObservableGauge('docket.receiver.in_flight_bytes', {
      description: 'Bytes of requests being received or waiting for their acknowledgement',
      unit: 'By',
    })
    .addCallback((result) => result.observe(budget.inFlightBytes));
  meter
    .createObservableGauge('docket.receiver.in_flight_bytes_max', {
      description: 'Bytes of requests that may be in flight; more are refused as retryable',
      unit: 'By',
    })
    .addCallback((result) => result.observe(budget.inFlightBytesMax));

  return {
    request({ transport, signal, result }) {
      requests.add(1, { transport, signal, result });
    },
    items(measurement) {
      const { transport, signal } = measurement;
      if (measurement.accepted > 0) accepted.add(measurement.accepted, { transport, signal });
      if (measurement.rejected > 0) rejected.add(measurement.rejected, { transport, signal });
      if (measurement.refused > 0) refused.add(measurement.refused, { transport, signal });
    },
    refusedBytes(transport, signal, bytes) {
      if (bytes > 0) refusedBytes.add(bytes, { transport, signal });
    },
    ignoredMembers(transport, signal, members) {
      if (members > 0) ignoredMembers.add(members, { transport, signal });
    },
    overflowedAttributes(transport, signal, attributes) {
      overflowedAttributes.add(attributes, { transport, signal });
    },
    connectionRefused(transport) {
      refusedConnections.add(1, { transport });
    },
    acknowledged(transport, signal, bytes, seconds) {
      bytesReceived.add(bytes, { transport, signal });
      duration.record(seconds, { transport, signal });
    },
  };
}
