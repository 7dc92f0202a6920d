/**
 * A Native answer as ClickHouse sends it to clients that name the revision of their protocol (`client_protocol_version`, as
 * clickhouse-go does): before each block its info, and after each column's type a byte for its kind of serialization. The engine here
 * answers without; columns of strings and unsigned numbers can be told apart without it, and such clients ask for nothing else over HTTP.
 */
export function withProtocolRevision(native: Buffer): Buffer {
  const out: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = native[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const text = (): string => {
    const size = varint();
    at += size;
    return native.toString('utf8', at - size, at);
  };
  while (at < native.length) {
    const head = at;
    const columns = varint();
    const rows = varint();
    out.push(BLOCK_INFO, native.subarray(head, at));
    for (let column = 0; column < columns; column += 1) {
      const from = at;
      text();
      const type = text();
      out.push(native.subarray(from, at), DEFAULT_SERIALIZATION);
      const values = at;
      const width = WIDTHS.get(type);
      if (width !== undefined) at += width * rows;
      else if (type === 'String') for (let row = 0; row < rows; row += 1) text();
      else throw new Error(`a ${type} column cannot be answered with a protocol revision here`);
      out.push(native.subarray(values, at));
    }
  }
  return Buffer.concat(out);
}

/** Field 1, is_overflows: false; field 2, bucket_num: -1; end. */
const BLOCK_INFO = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
const DEFAULT_SERIALIZATION = Buffer.from([0]);
const WIDTHS: ReadonlyMap<string, number> = new Map([
  ['UInt8', 1],
  ['UInt16', 2],
  ['UInt32', 4],
  ['UInt64', 8],
]);
