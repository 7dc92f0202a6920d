/** XXH32 with seed 0 (xxhash_spec.md of Cyan4973/xxHash), the checksum of LZ4 frames. */
const PRIME_1 = 0x9e37_79b1;
const PRIME_2 = 0x85eb_ca77;
const PRIME_3 = 0xc2b2_ae3d;
const PRIME_4 = 0x27d4_eb2f;
const PRIME_5 = 0x1656_67b1;
const STRIPE_BYTES = 16;

/** The hash of all bytes, from 0 to 2^32 - 1. */
export function xxHash32(bytes: Buffer): number {
  const hash = new XxHash32();
  hash.add(bytes, 0, bytes.length);
  return hash.digest();
}

/** The hash of what is added, piece by piece. */
export class XxHash32 {
  #a = (PRIME_1 + PRIME_2) | 0;
  #b = PRIME_2 | 0;
  #c = 0;
  #d = -PRIME_1 | 0;
  #length = 0;
  readonly #rest = Buffer.alloc(STRIPE_BYTES);
  #restBytes = 0;

  add(bytes: Buffer, start: number, end: number): void {
    this.#length += end - start;
    let at = start;
    if (this.#restBytes > 0) {
      const taken = Math.min(STRIPE_BYTES - this.#restBytes, end - at);
      bytes.copy(this.#rest, this.#restBytes, at, at + taken);
      this.#restBytes += taken;
      at += taken;
      if (this.#restBytes < STRIPE_BYTES) return;
      this.#stripes(this.#rest, 0, STRIPE_BYTES);
    }
    at = this.#stripes(bytes, at, end);
    bytes.copy(this.#rest, 0, at, end);
    this.#restBytes = end - at;
  }

  digest(): number {
    let hash =
      this.#length >= STRIPE_BYTES
        ? rotate(this.#a, 1) + rotate(this.#b, 7) + rotate(this.#c, 12) + rotate(this.#d, 18)
        : PRIME_5;
    hash = (hash + this.#length) | 0;
    let at = 0;
    for (; at + 4 <= this.#restBytes; at += 4) {
      hash = Math.imul(rotate((hash + Math.imul(this.#rest.readInt32LE(at), PRIME_3)) | 0, 17), PRIME_4);
    }
    for (; at < this.#restBytes; at += 1) {
      hash = Math.imul(rotate((hash + Math.imul(this.#rest[at] ?? 0, PRIME_5)) | 0, 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  /** Takes whole stripes; returns where the rest begins. */
  #stripes(bytes: Buffer, start: number, end: number): number {
    let [a, b, c, d] = [this.#a, this.#b, this.#c, this.#d];
    let at = start;
    for (; at + STRIPE_BYTES <= end; at += STRIPE_BYTES) {
      a = round(a, wordAt(bytes, at));
      b = round(b, wordAt(bytes, at + 4));
      c = round(c, wordAt(bytes, at + 8));
      d = round(d, wordAt(bytes, at + 12));
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
    return at;
  }
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
