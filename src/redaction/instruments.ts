import type { Counter, Meter } from '@opentelemetry/api';

export interface RedactionInstruments {
  /** Redactions by rule, class and action. */
  readonly redactions: Counter;
  /** Texts, attributes, records and requests withheld because the engine could not finish them. */
  readonly failures: Counter;
  /** By bound: records of which less is known than they say. */
  readonly bounded: Counter;
  readonly requests: Counter;
  readonly bytes: Counter;
}

export function createRedactionInstruments(meter: Meter): RedactionInstruments {
  return {
    redactions: meter.createCounter('docket.redaction.redactions', {
      description: 'Values replaced, withheld, cut or dropped',
      unit: '{redaction}',
    }),
    failures: meter.createCounter('docket.redaction.failures', {
      description: 'Texts withheld because redaction could not finish them',
      unit: '{text}',
    }),
    bounded: meter.createCounter('docket.redaction.bounded', {
      description: 'Records that ask for more calls than facts are kept of',
      unit: '{record}',
    }),
    requests: meter.createCounter('docket.redaction.requests', {
      description: 'Export requests redacted',
      unit: '{request}',
    }),
    bytes: meter.createCounter('docket.redaction.bytes', { description: 'Protobuf bytes walked', unit: 'By' }),
  };
}
