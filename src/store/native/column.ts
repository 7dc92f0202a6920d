import { ByteBuffer } from './byte-buffer.ts';

/**
 * One column of a Native block under construction. `parts` are its bytes in wire order
 * (https://clickhouse.com/docs/en/interfaces/formats/Native, revision 0: no block info, no serialization kinds).
 */
export interface Column {
  readonly name: string;
  /** The ClickHouse type the bytes are in; the table's own type may differ where ClickHouse converts (LowCardinality). */
  readonly type: string;
  parts(): Buffer[];
}

/** A column of values that lie one after another: String, DateTime64, UIntN, IntN, Float64, Bool. */
export class FlatColumn extends ByteBuffer implements Column {
  readonly name: string;
  readonly type: string;

  constructor(name: string, type: string) {
    super();
    this.name = name;
    this.type = type;
  }

  parts(): Buffer[] {
    return [this.view()];
  }
}

/** End positions of arrays: UInt64 each, counted from the block's start. */
class Offsets extends ByteBuffer {
  total = 0;

  close(): void {
    this.uint32(this.total);
    this.uint32(0);
  }
}

/** Array(T) of flat values: push the values, count each with `total += 1`, close the row. */
export class ArrayColumn implements Column {
  readonly name: string;
  readonly type: string;
  readonly offsets = new Offsets();
  readonly values = new ByteBuffer();

  constructor(name: string, elementType: string) {
    this.name = name;
    this.type = `Array(${elementType})`;
  }

  closeRow(): void {
    this.offsets.close();
  }

  parts(): Buffer[] {
    return [this.offsets.view(), this.values.view()];
  }
}

/** Map(String, V): keys and values each as one run. V is flat. */
export class MapColumn implements Column {
  readonly name: string;
  readonly type: string;
  readonly offsets = new Offsets();
  readonly keys = new ByteBuffer();
  readonly values = new ByteBuffer();

  constructor(name: string, valueType = 'String') {
    this.name = name;
    this.type = `Map(String, ${valueType})`;
  }

  closeRow(): void {
    this.offsets.close();
  }

  /** Copies a whole encoded row of another map: used for a resource's attributes, which repeat on every item. */
  appendRow(other: AttributeRun): void {
    this.keys.append(other.keys);
    this.values.append(other.values);
    this.offsets.total += other.count;
    this.offsets.close();
  }

  parts(): Buffer[] {
    return [this.offsets.view(), this.keys.view(), this.values.view()];
  }
}

/** Array(Map(String, String)), the attributes of a span's events or links. */
export class MapArrayColumn implements Column {
  readonly name: string;
  readonly type = 'Array(Map(String, String))';
  readonly offsets = new Offsets();
  readonly maps = new MapColumn('');

  constructor(name: string) {
    this.name = name;
  }

  closeRow(): void {
    this.offsets.close();
  }

  parts(): Buffer[] {
    return [this.offsets.view(), ...this.maps.parts()];
  }
}

/** Attributes encoded once, to be copied into many rows. */
export class AttributeRun {
  readonly keys = new ByteBuffer(1024);
  readonly values = new ByteBuffer(1024);
  count = 0;

  clear(): void {
    this.keys.clear();
    this.values.clear();
    this.count = 0;
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

export function blockBytes(block: NativeBlock): number {
  let bytes = 0;
  for (const part of blockParts(block)) bytes += part.length;
  return bytes;
}

/** The block's columns as `file()` takes them; without it the engine reads a file twice. */
export function blockStructure(block: NativeBlock): string {
  return block.columns.map((column) => `\`${column.name}\` ${column.type}`).join(', ');
}
