import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import { SIGNALS } from '../otlp/signal.ts';

/** What the store measures about itself. */
export interface StoreInstruments {
  /** Inserts by `table` and `outcome` (accepted, data, retryable). */
  readonly inserts: Counter;
  readonly rows: Counter;
  readonly bytes: Counter;
  /** Seconds an insert took, staging included. */
  readonly insertDuration: Histogram;
  /** Seconds spent encoding a batch into blocks. */
  readonly encodeDuration: Histogram;
  /** Batches given back to the spool to be tried again. */
  readonly retries: Counter;
  /** Items put into `unloadable_items`. */
  readonly setAside: Counter;
  /** Lines of the journal of entries that were damaged on disk, kept beside it. */
  readonly damagedJournalLines: Counter;
  /** Times that DateTime64(9) cannot hold; clamped, the original kept. */
  readonly clampedTimes: Counter;
}

export function createStoreInstruments(meter: Meter): StoreInstruments {
  const setAside = meter.createCounter('docket.store.set_aside', {
    description: 'Items that no table takes, kept in unloadable_items',
    unit: '{item}',
  });
  // What alerts go by stands at 0 from the start.
  for (const signal of SIGNALS) setAside.add(0, { signal });
  const damagedJournalLines = meter.createCounter('docket.store.damaged_journal_lines', {
    description: 'Lines of the journal of entries that were damaged on disk, set aside beside it',
    unit: '{line}',
  });
  damagedJournalLines.add(0);
  return {
    damagedJournalLines,
    inserts: meter.createCounter('docket.store.inserts', { description: 'Inserts into ClickHouse', unit: '{insert}' }),
    rows: meter.createCounter('docket.store.rows', { description: 'Rows inserted', unit: '{row}' }),
    bytes: meter.createCounter('docket.store.bytes', { description: 'Bytes of Native blocks inserted', unit: 'By' }),
    insertDuration: meter.createHistogram('docket.store.insert.duration', {
      description: 'Time of one insert',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
    }),
    encodeDuration: meter.createHistogram('docket.store.encode.duration', {
      description: 'Time to encode one batch into Native blocks',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1] },
    }),
    retries: meter.createCounter('docket.store.retries', { description: 'Batches to be tried again', unit: '{batch}' }),
    setAside,
    clampedTimes: meter.createCounter('docket.store.clamped_times', {
      description: 'Times outside what DateTime64(9) holds',
      unit: '{time}',
    }),
  };
}
