const SLOTS = 1 << 15;
/** Each range has two slots it may lie in; this bit tells them apart. */
const OTHER_WAY = 1;
const ARENA_BYTES = 1 << 20;
/** Longer ranges are seldom the same twice. */
const RANGE_BYTES_MAX = 384;

/**
 * A bounded map from byte ranges to what was found out about them. A look-up compares every byte, so a collision can
 * cost time but never a wrong answer, and allocates nothing. When the arena is full everything is forgotten.
 */
export class ByteMemo<T> {
  readonly #arena = Buffer.alloc(ARENA_BYTES);
  readonly #arenaView = new DataView(this.#arena.buffer, this.#arena.byteOffset, ARENA_BYTES);
  readonly #offsets = new Int32Array(SLOTS).fill(-1);
  readonly #lengths = new Int32Array(SLOTS);
  readonly #candidates = new Int32Array(SLOTS);
  readonly #values: (T | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  readonly #atOnce: boolean;
  #used = 0;

  /**
   * @param enter `second`: a range enters at its second sighting, so that ids and timestamps, which come once, do not push
   * out what comes often
   */
  constructor(enter: 'first' | 'second') {
    this.#atOnce = enter === 'first';
  }

  /** @param view a view of exactly the bytes that the offsets are relative to */
  get(view: DataView, start: number, end: number): T | undefined {
    if (end - start > RANGE_BYTES_MAX) return undefined;
    const first = hash(view, start, end) & (SLOTS - 1) & ~OTHER_WAY;
    if (this.#holds(first, view, start, end)) return this.#values[first];
    const second = first | OTHER_WAY;
    return this.#holds(second, view, start, end) ? this.#values[second] : undefined;
  }

  #holds(slot: number, view: DataView, start: number, end: number): boolean {
    const length = end - start;
    const offset = this.#offsets[slot] as number;
    if (offset < 0 || this.#lengths[slot] !== length) return false;
    const arena = this.#arenaView;
    let at = 0;
    for (const words = length - 3; at < words; at += 4) {
      if (arena.getInt32(offset + at, true) !== view.getInt32(start + at, true)) return false;
    }
    for (; at < length; at += 1) {
      if (arena.getUint8(offset + at) !== view.getUint8(start + at)) return false;
    }
    return true;
  }

  set(view: DataView, start: number, end: number, value: T): void {
    const length = end - start;
    if (length > RANGE_BYTES_MAX || length === 0) return;
    const hashed = hash(view, start, end);
    const first = hashed & (SLOTS - 1) & ~OTHER_WAY;
    const second = first | OTHER_WAY;
    if (!this.#atOnce && this.#candidates[first] !== hashed && this.#candidates[second] !== hashed) {
      this.#candidates[second] = this.#candidates[first] as number;
      this.#candidates[first] = hashed;
      return;
    }
    // Two ranges that come often and share one slot would push each other out.
    const slot = (this.#offsets[first] as number) < 0 || (this.#offsets[second] as number) >= 0 ? first : second;
    if (this.#used + length > ARENA_BYTES) {
      this.#offsets.fill(-1);
      this.#values.fill(undefined);
      this.#used = 0;
    }
    this.#arena.set(new Uint8Array(view.buffer, view.byteOffset + start, length), this.#used);
    this.#offsets[slot] = this.#used;
    this.#lengths[slot] = length;
    this.#values[slot] = value;
    this.#used += length;
  }
}

/**
 * Over 32-bit words, then over what is left; the low bits choose the slot. Each word's high bits are folded down before the next: with
 * multiplication alone they reach the high bits only, and addresses that differ in a digit fell together.
 */
function hash(view: DataView, start: number, end: number): number {
  let mixed = 0x811c9dc5 ^ (end - start);
  let at = start;
  for (const words = end - 3; at < words; at += 4) {
    mixed = Math.imul(mixed ^ view.getInt32(at, true), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  for (; at < end; at += 1) {
    mixed = Math.imul(mixed ^ view.getUint8(at), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  mixed = Math.imul(mixed, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
