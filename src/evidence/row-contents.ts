import type { ContentJson } from '../record/evidence-log.ts';
import type { CanonicalRow } from './canonical-row.ts';

const CAPACITY_FIRST = 256 * 1024;
/** More than this is not kept for the next batch. */
const CAPACITY_KEPT = 8 * 1024 * 1024;

/** The content of a batch's rows as their digests were made of it, so that the store need not write it out again. */
export class RowContents implements ContentJson {
  bytes = Buffer.allocUnsafeSlow(CAPACITY_FIRST);
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  #start = 0;
  #end = 0;

  /** Takes the content of a row that may be written. */
  take({ bytes, contentStart, contentEnd }: CanonicalRow): void {
    const last = this.ends.at(-1) ?? 0;
    const size = contentEnd - contentStart;
    if (last + size > this.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(last + size, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, last));
      this.bytes = grown;
    }
    bytes.copy(this.bytes, last, contentStart, contentEnd);
    this.#start = last;
    this.#end = last + size;
  }

  /** The next row has the content that was taken last. */
  add(): void {
    this.starts.push(this.#start);
    this.ends.push(this.#end);
  }

  clear(): void {
    this.starts.length = 0;
    this.ends.length = 0;
    if (this.bytes.length > CAPACITY_KEPT) this.bytes = Buffer.allocUnsafeSlow(CAPACITY_FIRST);
  }
}
