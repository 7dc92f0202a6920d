import type { Counter, Histogram, Meter, UpDownCounter } from '@opentelemetry/api';

export interface ApiInstruments {
  readonly requests: Counter;
  readonly duration: Histogram;
  readonly streams: UpDownCounter;
}

export function createApiInstruments(meter: Meter): ApiInstruments {
  return {
    requests: meter.createCounter('docket.api.requests', {
      description: 'Answered HTTP requests by route, method and status',
      unit: '{request}',
    }),
    duration: meter.createHistogram('docket.api.duration', {
      description: 'Time until the answer was ready to send',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
    }),
    streams: meter.createUpDownCounter('docket.api.streams', {
      description: 'Open event streams',
      unit: '{stream}',
    }),
  };
}
