import type { Counter, Histogram, Meter } from '@opentelemetry/api';

export interface RecordInstruments {
  /** Entries made durable, by type. */
  readonly entries: Counter;
  /** Commands refused, by code. */
  readonly rejections: Counter;
  /** Appends that lost to another writer and were decided again, and answers that told a client to look again. */
  readonly conflicts: Counter;
  /** From a command's arrival to its answer. */
  readonly appendSeconds: Histogram;
}

export function createRecordInstruments(meter: Meter): RecordInstruments {
  return {
    entries: meter.createCounter('docket.record.entries', {
      unit: '{entry}',
      description: 'Entries made durable, by type',
    }),
    rejections: meter.createCounter('docket.record.rejections', {
      unit: '{command}',
      description: 'Commands refused, by code',
    }),
    conflicts: meter.createCounter('docket.record.conflicts', {
      unit: '{command}',
      description: 'Commands that met a record which had moved on, by code',
    }),
    appendSeconds: meter.createHistogram('docket.record.append.duration', {
      unit: 's',
      description: 'From a command to its answer',
    }),
  };
}
