import type { Counter, Histogram, Meter } from '@opentelemetry/api';

export interface ForwardInstruments {
  /** By `signal` and `outcome`: accepted, retryable, refused. */
  readonly requests: Counter;
  /** Items by `signal` and `outcome`: accepted, rejected (by partial success), refused (with their request). */
  readonly items: Counter;
  /** By `signal` and `what`: group, deep_value. */
  readonly leftOut: Counter;
  readonly bytes: Counter;
  readonly duration: Histogram;
}

export function createForwardInstruments(meter: Meter): ForwardInstruments {
  return {
    requests: meter.createCounter('docket.forward.requests', {
      description: 'Requests sent to the forward endpoint, by outcome',
      unit: '{request}',
    }),
    items: meter.createCounter('docket.forward.items', {
      description: 'Spans, log records and data points sent to the forward endpoint, by outcome',
      unit: '{item}',
    }),
    leftOut: meter.createCounter('docket.forward.left_out', {
      description: 'Unknown groups and too deep values left out, because the endpoint refused their request with them',
      unit: '{field}',
    }),
    bytes: meter.createCounter('docket.forward.bytes', {
      description: 'Bytes of accepted requests before compression',
      unit: 'By',
    }),
    duration: meter.createHistogram('docket.forward.duration', {
      description: 'Time of one request to the forward endpoint',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30] },
    }),
  };
}
