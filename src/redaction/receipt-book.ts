import type { RecordReceipt, Redaction } from '../pipeline/receipt.ts';

/** More redactions of one record are summed up in the last. */
const REDACTIONS_PER_RECORD_MAX = 256;

export interface RecordIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** The redactions of one request, by the ordinal of the record they stand on. */
export class ReceiptBook {
  readonly #receipts = new Map<number, Redaction[]>();

  add(item: number, redaction: Redaction): void {
    const list = this.#receipts.get(item);
    if (list === undefined) {
      this.#receipts.set(item, [redaction]);
    } else if (list.length < REDACTIONS_PER_RECORD_MAX - 1) {
      list.push(redaction);
    } else if (list.length === REDACTIONS_PER_RECORD_MAX - 1) {
      // The last one says that there are more than are listed.
      list.push({ ...redaction, path: '…', rule: 'more', class: 'content.more', fingerprint: '', encodings: [] });
    }
  }

  /** Redactions of the record so far, for `rollback`. */
  mark(item: number): number {
    return this.#receipts.get(item)?.length ?? 0;
  }

  /** Forgets what was added to the record since `mark`. */
  rollback(item: number, mark: number): void {
    const list = this.#receipts.get(item);
    if (list !== undefined) list.length = mark;
  }

  /** One receipt a record, in their order. Of a request of `records` records, what stands behind the last goes to it. */
  finish(records: number, idsOf: (item: number) => RecordIds): RecordReceipt[] {
    const last = Math.max(0, records - 1);
    const merged = new Map<number, Redaction[]>();
    for (const [item, redactions] of this.#receipts) {
      const at = Math.min(item, last);
      merged.set(at, [...(merged.get(at) ?? []), ...redactions]);
    }
    return [...merged].sort(([a], [b]) => a - b).map(([item, redactions]) => ({ item, ...idsOf(item), redactions }));
  }
}
