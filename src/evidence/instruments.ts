import type { Counter, Histogram, Meter } from '@opentelemetry/api';

/** Instruments of the evidence stage. Counters count records or rows; nothing here carries content. */
export interface EvidenceInstruments {
  /** Records of every request looked at. */
  readonly seen: Counter;
  /** Records decoded because they may be evidence. */
  readonly candidates: Counter;
  /** Records that a dialect knew, by dialect and kind. */
  readonly recognised: Counter;
  /** Records set aside with the reason: they made a recogniser fail. */
  readonly failed: Counter;
  /** By bound: records without a row of their own, left out of an act's row, or that ask for more calls than are kept of one. */
  readonly bounded: Counter;
  /** Rows written, by link mode (`unfiled` when no incident claimed them). */
  readonly rows: Counter;
  /** Seconds from a request's arrival to its rows being readable. */
  readonly delay: Histogram;
}

export function createEvidenceInstruments(meter: Meter): EvidenceInstruments {
  return {
    seen: meter.createCounter('docket.evidence.records', { unit: '{record}', description: 'Records looked at' }),
    candidates: meter.createCounter('docket.evidence.candidates', {
      unit: '{record}',
      description: 'Records decoded because they may be evidence',
    }),
    recognised: meter.createCounter('docket.evidence.recognised', {
      unit: '{record}',
      description: 'Records that a dialect knew',
    }),
    failed: meter.createCounter('docket.evidence.failed', {
      unit: '{record}',
      description: 'Records set aside because a recogniser failed on them',
    }),
    bounded: meter.createCounter('docket.evidence.bounded', {
      unit: '{record}',
      description: 'Records whose rows tell less than they say, or that have none of their own, because of a bound',
    }),
    rows: meter.createCounter('docket.evidence.rows', { unit: '{row}', description: 'Evidence rows written' }),
    delay: meter.createHistogram('docket.evidence.delay', {
      unit: 's',
      description: 'From a request arriving to its rows being readable',
      advice: { explicitBucketBoundaries: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60] },
    }),
  };
}
