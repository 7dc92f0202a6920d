import type { WireReader } from '../../otlp/protobuf/reader.ts';
import type { AttributeRun, ArrayColumn, FlatColumn } from './column.ts';
import type { ByteBuffer } from './byte-buffer.ts';

/** What the points of one metric have in common. */
export interface Metric {
  readonly name: ByteBuffer;
  readonly description: ByteBuffer;
  readonly unit: ByteBuffer;
  readonly metadata: AttributeRun;
  temporality: number;
  monotonic: boolean;
}

/** The columns in which the shapes of data points differ, and the fields they are filled from; one for all points of a table. */
export interface PointBody {
  /** Attributes are field 7, and 9 in histograms, and 1 in exponential ones. */
  readonly attributesTag: number;
  readonly flagsTag: number;
  /** 0 for points without exemplars. */
  readonly exemplarsTag: number;
  /** Before the fields of a point: those that do not come are 0 or absent. */
  begin(): void;
  /** Reads a field of its own; false when the tag is none of them. */
  field(reader: WireReader, tag: number): boolean;
  /** After the fields of a point. */
  row(): void;
}

/** Makes the next column of a table, in the table's order. */
export interface ColumnMaker {
  flat(name: string, type?: string): FlatColumn;
  array(name: string, type: string): ArrayColumn;
}
