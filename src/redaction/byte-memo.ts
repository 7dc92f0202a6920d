const SLOTS = 1 << 14;
const ARENA_BYTES = 1 << 20;
/** Longer ranges are seldom the same twice. */
const RANGE_BYTES_MAX = 256;

/**
 * A bounded set of byte ranges that were found clean. Membership compares every byte, so a collision can cost time but
 * never a wrong answer. A range enters at its second sighting: ids and timestamps, which come once, do not push out
 * what comes often. When the arena is full everything is forgotten.
 */
export class ByteMemo {
  readonly #arena = Buffer.alloc(ARENA_BYTES);
  readonly #offsets = new Int32Array(SLOTS).fill(-1);
  readonly #lengths = new Int32Array(SLOTS);
  readonly #candidates = new Int32Array(SLOTS);
  #used = 0;

  has(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length > RANGE_BYTES_MAX) return false;
    const slot = (hash(bytes, start, end) >>> 1) & (SLOTS - 1);
    const offset = this.#offsets[slot] ?? -1;
    if (offset < 0 || this.#lengths[slot] !== length) return false;
    const arena = this.#arena;
    for (let at = 0; at < length; at += 1) {
      if (arena[offset + at] !== bytes[start + at]) return false;
    }
    return true;
  }

  add(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length > RANGE_BYTES_MAX || length === 0) return;
    const hashed = hash(bytes, start, end);
    const slot = (hashed >>> 1) & (SLOTS - 1);
    if (this.#candidates[slot] !== hashed) {
      this.#candidates[slot] = hashed;
      return;
    }
    if (this.#used + length > ARENA_BYTES) {
      this.#offsets.fill(-1);
      this.#used = 0;
    }
    bytes.copy(this.#arena, this.#used, start, end);
    this.#offsets[slot] = this.#used;
    this.#lengths[slot] = length;
    this.#used += length;
  }
}

/** Looks at every third byte and the last eight: ranges differ most at their end. Never 0. */
function hash(bytes: Buffer, start: number, end: number): number {
  let mixed = end - start;
  for (let at = start; at < end; at += 3) mixed = Math.imul(mixed ^ (bytes[at] ?? 0), 0x01000193);
  for (let at = Math.max(start, end - 8); at < end; at += 1) mixed = Math.imul(mixed ^ (bytes[at] ?? 0), 0x01000193);
  mixed ^= mixed >>> 15;
  return mixed | 1;
}
