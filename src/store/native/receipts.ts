import type { SpooledFrame } from '../../pipeline/frame.ts';
import { ArrayColumn, FlatColumn, type NativeBlock } from './column.ts';

/** Redactions of the frames as rows of `redaction_receipts`. */
export function receiptBlock(frames: readonly SpooledFrame[]): NativeBlock {
  const tenant = new FlatColumn('Tenant', 'String');
  const receivedAt = new FlatColumn('ReceivedAt', 'DateTime64(9)');
  const signal = new FlatColumn('Signal', 'String');
  const traceId = new FlatColumn('TraceId', 'String');
  const spanId = new FlatColumn('SpanId', 'String');
  const frameHash = new FlatColumn('FrameHash', 'String');
  const item = new FlatColumn('Item', 'UInt32');
  const policyVersion = new FlatColumn('PolicyVersion', 'String');
  const path = new FlatColumn('Path', 'String');
  const className = new FlatColumn('Class', 'String');
  const rule = new FlatColumn('Rule', 'String');
  const ruleVersion = new FlatColumn('RuleVersion', 'UInt32');
  const action = new FlatColumn('Action', 'String');
  const encodings = new ArrayColumn('Encodings', 'String');
  const originalBytes = new FlatColumn('OriginalBytes', 'UInt64');
  const fingerprint = new FlatColumn('Fingerprint', 'String');
  let rows = 0;
  for (const frame of frames) {
    for (const receipt of frame.receipts) {
      for (const redaction of receipt.redactions) {
        tenant.text(frame.tenant);
        receivedAt.bigint64(frame.receivedAtUnixNano);
        signal.text(frame.signal);
        traceId.text(receipt.traceId);
        spanId.text(receipt.spanId);
        frameHash.text(frame.contentHash);
        item.uint32(receipt.item);
        policyVersion.text(frame.policyVersion);
        path.text(redaction.path);
        className.text(redaction.class);
        rule.text(redaction.rule);
        ruleVersion.uint32(redaction.ruleVersion);
        action.text(redaction.action);
        for (const encoding of redaction.encodings) encodings.values.text(encoding);
        encodings.offsets.total += redaction.encodings.length;
        encodings.closeRow();
        originalBytes.bigint64(BigInt(Math.max(0, Math.trunc(redaction.originalBytes))));
        fingerprint.text(redaction.fingerprint);
        rows += 1;
      }
    }
  }
  return {
    rows,
    columns: [
      tenant,
      receivedAt,
      signal,
      traceId,
      spanId,
      frameHash,
      item,
      policyVersion,
      path,
      className,
      rule,
      ruleVersion,
      action,
      encodings,
      originalBytes,
      fingerprint,
    ],
  };
}
