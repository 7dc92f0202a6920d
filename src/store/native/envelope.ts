import type { WireReader } from '../../otlp/protobuf/reader.ts';
import { writeKeyValue, type KeyRange } from './attributes.ts';
import type { BlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';
import { AttributeRun, FlatColumn, MapColumn, type TableColumn } from './column.ts';

const SERVICE_NAME = Buffer.from('service.name', 'latin1');

/** The last instant DateTime64(9) holds: the largest signed 64-bit number of nanoseconds. */
const TIME_HIGH_MAX = 0x7fffffff;

/** A resource or a scope, encoded once and copied into the rows under it. */
export interface Owner {
  readonly attributes: AttributeRun;
  /** Each is one encoded ClickHouse String. */
  readonly name: ByteBuffer;
  readonly version: ByteBuffer;
  readonly serviceName: ByteBuffer;
  readonly schemaUrl: ByteBuffer;
  droppedAttributes: number;
}

export function createOwner(): Owner {
  return {
    attributes: new AttributeRun(),
    name: new ByteBuffer(64),
    version: new ByteBuffer(64),
    serviceName: new ByteBuffer(64),
    schemaUrl: new ByteBuffer(64),
    droppedAttributes: 0,
  };
}

function resetOwner(owner: Owner): void {
  owner.attributes.clear();
  owner.droppedAttributes = 0;
  for (const text of [owner.name, owner.version, owner.serviceName, owner.schemaUrl]) {
    text.clear();
    text.varint(0);
  }
}

const key: KeyRange = { start: 0, end: 0 };

/**
 * Reads field 1 (Resource) and field 3 (schema_url) of a Resource<Signal> message whose content begins at the cursor; the
 * cursor and the rest of the message are left as they were. A resource sent in pieces is taken together, as protobuf merges.
 */
export function readResource(reader: WireReader, owner: Owner): void {
  readOwner(reader, owner, readResourceField);
}

/** The same for Scope<Signal>: field 1 (InstrumentationScope) and field 3 (schema_url). */
export function readScope(reader: WireReader, owner: Owner): void {
  readOwner(reader, owner, readScopeField);
}

function readOwner(
  reader: WireReader,
  owner: Owner,
  readField: (reader: WireReader, owner: Owner, tag: number) => void,
): void {
  resetOwner(owner);
  const start = reader.pos;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 0x0a) {
      const outer = reader.enter();
      for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) readField(reader, owner, inner);
      reader.leave(outer);
    } else if (tag === 0x1a) copyText(reader, owner.schemaUrl);
    else reader.skip(tag);
  }
  reader.pos = start;
}

/** Resource: 1 attributes, 2 dropped_attributes_count. */
function readResourceField(reader: WireReader, owner: Owner, tag: number): void {
  if (tag === 0x0a) readResourceAttribute(reader, owner);
  else if (tag === 0x10) owner.droppedAttributes = reader.varint32();
  else reader.skip(tag);
}

function readResourceAttribute(reader: WireReader, owner: Owner): void {
  const { keys, values } = owner.attributes;
  const valueAt = values.length;
  writeKeyValue(reader, keys, values, key);
  owner.attributes.count += 1;
  if (key.end - key.start === SERVICE_NAME.length && SERVICE_NAME.compare(reader.bytes, key.start, key.end) === 0) {
    owner.serviceName.clear();
    owner.serviceName.copy(values.bytes, valueAt, values.length);
  }
}

/** InstrumentationScope: 1 name, 2 version, 3 attributes, 4 dropped_attributes_count. */
function readScopeField(reader: WireReader, owner: Owner, tag: number): void {
  if (tag === 0x0a) copyText(reader, owner.name);
  else if (tag === 0x12) copyText(reader, owner.version);
  else if (tag === 0x1a) {
    writeKeyValue(reader, owner.attributes.keys, owner.attributes.values, key);
    owner.attributes.count += 1;
  } else if (tag === 0x20) owner.droppedAttributes = reader.varint32();
  else reader.skip(tag);
}

/** The string field at the cursor becomes the buffer's only content, as one ClickHouse String. */
export function copyText(reader: WireReader, target: ByteBuffer): void {
  const end = reader.lengthEnd();
  target.clear();
  target.string(reader.bytes, reader.pos, end);
  reader.pos = end;
}

/** An attribute list's entry straight into a map column; the row is closed by the caller. */
export function writeAttribute(reader: WireReader, column: MapColumn): void {
  writeKeyValue(reader, column.keys, column.values, key);
  column.offsets.total += 1;
}

/** A string range of the request as one value; an absent field (start < 0) is ''. */
export function writeRange(column: ByteBuffer, bytes: Buffer, start: number, end: number): void {
  if (start < 0) column.varint(0);
  else column.string(bytes, start, end);
}

/** An id as lower-case hex; one of the wrong length or all zeros is no id and becomes '' (R38). */
export function writeId(column: ByteBuffer, bytes: Buffer, start: number, end: number, size: number): void {
  if (start < 0 || end - start !== size || isZero(bytes, start, end)) column.varint(0);
  else column.hex(bytes, start, end);
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

/** Times the sender gave that DateTime64(9) cannot hold, kept beside the row under the field's name. */
export class OutOfRangeTimes extends MapColumn {
  clamped = 0;

  constructor(memory?: BlockMemory) {
    super('OutOfRangeTimes', 'UInt64', memory);
  }

  keep(name: string, low: number, high: number): void {
    this.keys.text(name);
    this.values.uint64(low, high);
    this.offsets.total += 1;
    this.clamped += 1;
  }
}

/**
 * Writes unsigned nanoseconds given in two halves as a DateTime64(9). Later than 2262-04-11 is written as that day's last
 * instant and the original is kept.
 */
export function writeTime(column: ByteBuffer, low: number, high: number, name: string, kept: OutOfRangeTimes): void {
  if (high >>> 0 > TIME_HIGH_MAX) {
    kept.keep(name, low, high);
    column.uint64(0xffffffff, TIME_HIGH_MAX);
  } else column.uint64(low, high);
}

/** Columns every telemetry table ends with: whose the row is, when it came and under which policy. */
export interface FrameColumns {
  readonly columns: readonly TableColumn[];
  begin(tenant: string, receivedAtUnixNano: bigint, policyVersion: string): void;
  /** Rows of what was begun last. */
  rows(count: number): void;
}

export function createFrameColumns(memory: BlockMemory): FrameColumns {
  const tenant = new FlatColumn('Tenant', 'String', memory);
  const receivedAt = new FlatColumn('ReceivedAt', 'DateTime64(9)', memory);
  const policyVersion = new FlatColumn('PolicyVersion', 'String', memory);
  const encoded = { tenant: new ByteBuffer(64), receivedAt: new ByteBuffer(8), policyVersion: new ByteBuffer(64) };
  return {
    columns: [tenant, receivedAt, policyVersion],
    begin(tenantName, receivedAtUnixNano, version) {
      encoded.tenant.clear();
      encoded.tenant.text(tenantName);
      encoded.receivedAt.clear();
      encoded.receivedAt.bigint64(receivedAtUnixNano);
      encoded.policyVersion.clear();
      encoded.policyVersion.text(version);
    },
    rows(count) {
      tenant.repeat(encoded.tenant, count);
      receivedAt.repeat(encoded.receivedAt, count);
      policyVersion.repeat(encoded.policyVersion, count);
    },
  };
}
