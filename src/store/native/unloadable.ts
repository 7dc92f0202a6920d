import { FlatColumn, type NativeBlock } from './column.ts';
import type { FrameSlice } from './slice.ts';

/** Items that no table takes, and why. `table` is '' when the frame could not be read at all. */
export interface Unloadable {
  readonly slice: FrameSlice;
  readonly table: string;
  /** ClickHouse's error code, 0 when it was not ClickHouse that refused. */
  readonly code: number;
  /** Names structure and error codes only, never a value. */
  readonly reason: string;
}

/** Rows of `unloadable_items`. The frame's redacted bytes are kept once, on its first row. */
export function unloadableBlock(items: readonly Unloadable[]): NativeBlock {
  const tenant = new FlatColumn('Tenant', 'String');
  const receivedAt = new FlatColumn('ReceivedAt', 'DateTime64(9)');
  const signal = new FlatColumn('Signal', 'String');
  const table = new FlatColumn('TargetTable', 'String');
  const frameHash = new FlatColumn('FrameHash', 'String');
  const item = new FlatColumn('Item', 'UInt32');
  const count = new FlatColumn('Items', 'UInt32');
  const policyVersion = new FlatColumn('PolicyVersion', 'String');
  const code = new FlatColumn('ErrorCode', 'Int32');
  const reason = new FlatColumn('Reason', 'String');
  const bytes = new FlatColumn('Frame', 'String');
  const kept = new Set<string>();
  for (const { slice, table: target, code: errorCode, reason: why } of items) {
    const { frame } = slice;
    tenant.text(frame.tenant);
    receivedAt.bigint64(frame.receivedAtUnixNano);
    signal.text(frame.signal);
    table.text(target);
    frameHash.text(frame.contentHash);
    item.uint32(slice.from);
    count.uint32(slice.to - slice.from);
    policyVersion.text(frame.policyVersion);
    code.uint32(errorCode);
    reason.text(why);
    if (kept.has(frame.contentHash)) bytes.varint(0);
    else {
      const view = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.byteLength);
      bytes.string(view, 0, view.length);
      kept.add(frame.contentHash);
    }
  }
  return {
    rows: items.length,
    columns: [tenant, receivedAt, signal, table, frameHash, item, count, policyVersion, code, reason, bytes],
  };
}
