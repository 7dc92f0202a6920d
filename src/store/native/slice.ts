import type { Signal } from '../../otlp/signal.ts';
import type { SpooledFrame } from '../../pipeline/frame.ts';
import type { NativeBlock } from './column.ts';

/** Items `from` (inclusive) to `to` (exclusive) of a frame, by their ordinal in wire order. */
export interface FrameSlice {
  readonly frame: SpooledFrame;
  readonly from: number;
  readonly to: number;
}

export type TelemetryTable =
  | 'otel_traces'
  | 'otel_logs'
  | 'otel_metrics_gauge'
  | 'otel_metrics_sum'
  | 'otel_metrics_histogram'
  | 'otel_metrics_exp_histogram'
  | 'otel_metrics_summary';

/** Encoded rows, and the table they are of. */
export interface TableBlock {
  readonly table: TelemetryTable;
  readonly block: NativeBlock;
}

/** Encodes slices of frames of one signal; one use each. Throws OtlpDecodeError for bytes that are no such request. */
export interface SliceEncoder {
  readonly signal: Signal;
  add(slice: FrameSlice): void;
  /** Of all that was added. */
  readonly bytes: number;
  /** Blocks with rows, by table. Views of the encoder's memory. */
  finish(): readonly TableBlock[];
  /** Gives the memory back when the blocks are sent; they may not be used any more. */
  release(): void;
  /** Times that had to be clamped to what DateTime64(9) holds. */
  readonly clampedTimes: number;
}
