import type { BatchObservableCallback, Counter, Histogram, Meter } from '@opentelemetry/api';

/** What the gauges show; read when metrics are collected. */
export interface SpoolGauges {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly segments: number;
  readonly deadLetterBytes: number;
  readonly consumers: readonly {
    readonly name: string;
    readonly pendingFrames: number;
    readonly pendingBytes: number;
    readonly oldestAgeMs: number;
  }[];
}

export interface SpoolInstruments {
  readonly appendedFrames: Counter;
  readonly appendedBytes: Counter;
  readonly duplicates: Counter;
  readonly refused: Counter;
  /** Frames whose receipts and facts are too large to be written: refused for good. */
  readonly unencodable: Counter;
  readonly groupFrames: Histogram;
  readonly fsyncDuration: Histogram;
  readonly corruptFrames: Counter;
  readonly tornBytes: Counter;
  readonly deliveredFrames: Counter;
  readonly retries: Counter;
  readonly setAsideItems: Counter;
  readonly deadLetterFrames: Counter;
  readonly deadLetterEvictedFrames: Counter;
  close(): void;
}

export function createSpoolInstruments(meter: Meter, gauges: () => SpoolGauges): SpoolInstruments {
  const counter = (what: string, description: string, unit: string): Counter =>
    meter.createCounter(`docket.spool.${what}`, { description, unit });
  const gauge = (what: string, description: string, unit: string) =>
    meter.createObservableGauge(`docket.spool.${what}`, { description, unit });
  const bytes = gauge('bytes', 'Bytes the segments take on disk', 'By');
  const bytesMax = gauge('bytes_max', 'Bytes the segments may take', 'By');
  const segments = gauge('segments', 'Segment files', '{segment}');
  const deadLetterBytes = gauge('dead_letter_bytes', 'Bytes of the dead-letter folder', 'By');
  const lagFrames = gauge('lag_frames', 'Frames a consumer has yet to take', '{frame}');
  const lagBytes = gauge('lag_bytes', 'Bytes a consumer has yet to take', 'By');
  const lagAge = gauge('lag_age', 'Age of the oldest frame that a consumer is not done with', 's');
  const observed = [bytes, bytesMax, segments, deadLetterBytes, lagFrames, lagBytes, lagAge];
  const observe: BatchObservableCallback = (result) => {
    const now = gauges();
    result.observe(bytes, now.bytes);
    result.observe(bytesMax, now.bytesMax);
    result.observe(segments, now.segments);
    result.observe(deadLetterBytes, now.deadLetterBytes);
    for (const { name, pendingFrames, pendingBytes, oldestAgeMs } of now.consumers) {
      result.observe(lagFrames, pendingFrames, { consumer: name });
      result.observe(lagBytes, pendingBytes, { consumer: name });
      result.observe(lagAge, oldestAgeMs / 1000, { consumer: name });
    }
  };
  meter.addBatchObservableCallback(observe, observed);
  return {
    appendedFrames: counter('appended_frames', 'Frames made durable', '{frame}'),
    appendedBytes: counter('appended_bytes', 'Bytes made durable, headers and metadata included', 'By'),
    duplicates: counter('duplicates', 'Frames acknowledged because the same content was durable already', '{frame}'),
    refused: counter('refused', 'Frames answered retryable, by reason', '{frame}'),
    unencodable: counter('unencodable', 'Frames refused for good: their receipts and facts are too large', '{frame}'),
    groupFrames: meter.createHistogram('docket.spool.group_frames', {
      description: 'Frames that shared one write and one fdatasync',
      unit: '{frame}',
      advice: { explicitBucketBoundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] },
    }),
    fsyncDuration: meter.createHistogram('docket.spool.fsync.duration', {
      description: 'Time of one fdatasync of a segment',
      unit: 's',
      advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5] },
    }),
    corruptFrames: counter(
      'corrupt_frames',
      'Damaged ranges that were stepped over, each a frame or a run of frames',
      '{frame}',
    ),
    tornBytes: counter('torn_bytes', 'Bytes of an unfinished, never acknowledged write cut off at start', 'By'),
    deliveredFrames: counter('delivered_frames', 'Frames a consumer is done with', '{frame}'),
    retries: counter('retries', 'Batches that a consumer has to be given again', '{batch}'),
    setAsideItems: counter('set_aside_items', 'Items a consumer put aside with a reason', '{item}'),
    deadLetterFrames: counter('dead_letter_frames', 'Frames moved to the dead-letter folder', '{frame}'),
    deadLetterEvictedFrames: counter(
      'dead_letter_evicted_frames',
      'Frames removed from the full dead-letter folder',
      '{frame}',
    ),
    close() {
      meter.removeBatchObservableCallback(observe, observed);
    },
  };
}
