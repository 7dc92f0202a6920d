import type { BlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { DictionaryRun } from './dictionary.ts';

/**
 * One column of a Native block under construction. `parts` are its bytes in wire order
 * (https://clickhouse.com/docs/en/interfaces/formats/Native, revision 0: no block info, no serialization kinds).
 */
export interface Column {
  readonly name: string;
  /** The ClickHouse type the bytes are in; the table's own type may differ where ClickHouse converts (LowCardinality). */
  readonly type: string;
  parts(): Buffer[];
  /** Gives the memory back; nor may what `parts` gave be used any more. */
  release(): void;
}

/** A column of a telemetry table, whose blocks are ended when they are large. */
export interface TableColumn extends Column {
  /** Bytes written so far, but for a run of equal values that has not ended. */
  readonly size: number;
}

/** A column of values that lie one after another: String, DateTime64, UIntN, IntN, Float64, Bool. */
export class FlatColumn extends ByteBuffer implements TableColumn {
  readonly name: string;
  readonly type: string;

  constructor(name: string, type: string, memory?: BlockMemory) {
    super(undefined, memory);
    this.name = name;
    this.type = type;
  }

  get size(): number {
    return this.length;
  }

  parts(): Buffer[] {
    return [this.view()];
  }
}

/** A UInt32 column whose values come in runs: most counts are 0 in row after row. */
export class RunColumn implements TableColumn {
  readonly name: string;
  readonly type = 'UInt32';
  readonly #runs: Runs;

  constructor(name: string, memory?: BlockMemory) {
    this.name = name;
    this.#runs = new Runs(4, memory);
  }

  get size(): number {
    return this.#runs.size;
  }

  uint32(value: number, count = 1): void {
    this.#runs.add(value, count);
  }

  parts(): Buffer[] {
    return [this.#runs.view()];
  }

  release(): void {
    this.#runs.release();
  }
}

/** Unsigned integers of `width` bytes, written a run of equal ones at a time. */
class Runs {
  readonly #width: 4 | 8;
  readonly #written: ByteBuffer;
  readonly #one = new ByteBuffer(8);
  #value = 0;
  #count = 0;

  constructor(width: 4 | 8, memory?: BlockMemory) {
    this.#width = width;
    this.#written = new ByteBuffer(undefined, memory);
  }

  get size(): number {
    return this.#written.length;
  }

  add(value: number, count: number): void {
    if (value !== this.#value) {
      this.#write();
      this.#value = value;
    }
    this.#count += count;
  }

  view(): Buffer {
    this.#write();
    return this.#written.view();
  }

  release(): void {
    this.#written.release();
  }

  #write(): void {
    const target = this.#count === 1 ? this.#written : this.#one;
    if (this.#count > 1) target.clear();
    if (this.#count > 0) target.uint32(this.#value);
    if (this.#count > 0 && this.#width === 8) target.uint32(0);
    if (this.#count > 1) this.#written.repeat(target, this.#count);
    this.#count = 0;
  }
}

/** End positions of arrays: UInt64 each, counted from the block's start. Of lists that are mostly empty they come in runs. */
class Offsets {
  total = 0;
  readonly #runs: Runs;

  constructor(memory?: BlockMemory) {
    this.#runs = new Runs(8, memory);
  }

  get size(): number {
    return this.#runs.size;
  }

  close(): void {
    this.#runs.add(this.total, 1);
  }

  view(): Buffer {
    return this.#runs.view();
  }

  release(): void {
    this.#runs.release();
  }
}

/** Array(T) of flat values: push the values, count each with `total += 1`, close the row. */
export class ArrayColumn implements TableColumn {
  readonly name: string;
  readonly type: string;
  readonly offsets: Offsets;
  readonly values: ByteBuffer;

  constructor(name: string, elementType: string, memory?: BlockMemory) {
    this.name = name;
    this.type = `Array(${elementType})`;
    this.offsets = new Offsets(memory);
    this.values = new ByteBuffer(undefined, memory);
  }

  get size(): number {
    return this.offsets.size + this.values.length;
  }

  closeRow(): void {
    this.offsets.close();
  }

  parts(): Buffer[] {
    return [this.offsets.view(), this.values.view()];
  }

  release(): void {
    this.offsets.release();
    this.values.release();
  }
}

/** Map(LowCardinality(String), V): offsets, keys by a dictionary, values as one run. V is flat. */
export class MapColumn implements TableColumn {
  readonly name: string;
  readonly type: string;
  readonly offsets: Offsets;
  readonly keys: DictionaryRun;
  readonly values: ByteBuffer;
  /** Ordinals in `keys` of the run that was copied last. */
  #copied:
    | { readonly run: AttributeRun; readonly generation: number; readonly ordinals: readonly number[] }
    | undefined;

  constructor(name: string, valueType = 'String', memory?: BlockMemory) {
    this.name = name;
    this.type = `Map(LowCardinality(String), ${valueType})`;
    this.offsets = new Offsets(memory);
    this.keys = new DictionaryRun(memory);
    this.values = new ByteBuffer(undefined, memory);
  }

  get size(): number {
    return this.offsets.size + this.keys.size + this.values.length;
  }

  closeRow(): void {
    this.offsets.close();
  }

  /** Copies a whole encoded row of another map into `count` rows: a resource's attributes, which repeat on every item. */
  appendRows(run: AttributeRun, count: number): void {
    if (run.count > 0 && count > 0) {
      if (this.#copied?.run !== run || this.#copied.generation !== run.generation) {
        this.#copied = { run, generation: run.generation, ordinals: this.#ordinalsOf(run) };
      }
      this.keys.values(this.#copied.ordinals, count);
      this.values.repeat(run.values, count);
    }
    for (let row = 0; row < count; row += 1) {
      this.offsets.total += run.count;
      this.offsets.close();
    }
  }

  #ordinalsOf(run: AttributeRun): number[] {
    const { bytes, length } = run.keys;
    const ordinals: number[] = [];
    for (let at = 0; at < length;) {
      let size = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++] ?? 0;
        size |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
      ordinals.push(this.keys.ordinal(bytes, at, at + size));
      at += size;
    }
    return ordinals;
  }

  parts(): Buffer[] {
    return [DictionaryRun.prefix(), ...this.partsAfterPrefix()];
  }

  partsAfterPrefix(): Buffer[] {
    return [this.offsets.view(), ...this.keys.parts(), this.values.view()];
  }

  release(): void {
    this.offsets.release();
    this.keys.release();
    this.values.release();
  }
}

/** Array(Map(LowCardinality(String), String)), the attributes of a span's events or links. */
export class MapArrayColumn implements TableColumn {
  readonly name: string;
  readonly type = 'Array(Map(LowCardinality(String), String))';
  readonly offsets: Offsets;
  readonly maps: MapColumn;

  constructor(name: string, memory?: BlockMemory) {
    this.name = name;
    this.offsets = new Offsets(memory);
    this.maps = new MapColumn('', undefined, memory);
  }

  get size(): number {
    return this.offsets.size + this.maps.size;
  }

  closeRow(): void {
    this.offsets.close();
  }

  parts(): Buffer[] {
    return [DictionaryRun.prefix(), this.offsets.view(), ...this.maps.partsAfterPrefix()];
  }

  release(): void {
    this.offsets.release();
    this.maps.release();
  }
}

/** Attributes encoded once, to be copied into many rows. Keys and values are ClickHouse Strings, one after another. */
export class AttributeRun {
  readonly keys = new ByteBuffer(1024);
  readonly values = new ByteBuffer(1024);
  count = 0;
  /** Goes up with every `clear`, so that copies know what they copied. */
  generation = 0;

  clear(): void {
    this.keys.clear();
    this.values.clear();
    this.count = 0;
    this.generation += 1;
  }
}

/** Encoded rows of one table, ready to be sent. */
export interface NativeBlock {
  readonly columns: readonly Column[];
  readonly rows: number;
}

/** The block's bytes, in the order they are sent; views of the columns' memory. */
export function blockParts(block: NativeBlock): Buffer[] {
  const head = new ByteBuffer(64);
  head.varint(block.columns.length);
  head.varint(block.rows);
  const parts: Buffer[] = [head.view()];
  for (const column of block.columns) {
    const header = new ByteBuffer(64);
    header.text(column.name);
    header.text(column.type);
    parts.push(header.view(), ...column.parts());
  }
  return parts;
}

/** Bytes written to the columns so far. */
export function bytesWritten(columns: readonly TableColumn[]): number {
  let bytes = 0;
  for (const column of columns) bytes += column.size;
  return bytes;
}

export function blockBytes(block: NativeBlock): number {
  let bytes = 0;
  for (const part of blockParts(block)) bytes += part.length;
  return bytes;
}

/** The block's columns as `file()` takes them; without it the engine reads a file twice. */
export function blockStructure(block: NativeBlock): string {
  return block.columns.map((column) => `\`${column.name}\` ${column.type}`).join(', ');
}
