/**
 * Content hashes of the newest durable frames, oldest first. A client that got no answer sends the same request again,
 * byte for byte; redaction is deterministic, so its frame has the same hash and need not be kept twice.
 */
export interface DedupWindow {
  has(contentHash: string): boolean;
  add(contentHash: string): void;
  /** 32 bytes a hash, oldest first. */
  toBytes(): Buffer;
}

const HASH_BYTES = 32;

export function createDedupWindow(hashesMax: number): DedupWindow {
  // A Set keeps insertion order: the first key is the oldest.
  const hashes = new Set<string>();
  return {
    has: (contentHash) => hashes.has(contentHash),
    add(contentHash) {
      hashes.delete(contentHash);
      hashes.add(contentHash);
      if (hashes.size > hashesMax) {
        for (const oldest of hashes) {
          hashes.delete(oldest);
          break;
        }
      }
    },
    toBytes() {
      return Buffer.from([...hashes].join(''), 'hex');
    },
  };
}

/** The hashes in what `toBytes` made. A cut last hash is left out. */
export function* hashesIn(bytes: Buffer): Generator<string> {
  for (let at = 0; at + HASH_BYTES <= bytes.length; at += HASH_BYTES) yield bytes.toString('hex', at, at + HASH_BYTES);
}
