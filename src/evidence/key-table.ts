const CAPACITY_FIRST = 1024;
const LOAD_MAX = 0.8;

/**
 * Numbers by key, outside V8's heap: the window remembers half a million keys, and as texts in a Map they were a third of all that a
 * collection had to walk. Keys are whole numbers from 1 to 2^53 whose low bits are mixed well (./window-key.ts); values are not negative.
 */
export class KeyTable {
  /** A key, then its value: looking one up mostly misses every cache of the processor, so both lie in one line of it. */
  #entries = new Float64Array(CAPACITY_FIRST * 2);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 when the key is not there. */
  get(key: number): number {
    const entries = this.#entries;
    const mask = entries.length - 1;
    for (let at = (key << 1) & mask; ; at = (at + 2) & mask) {
      const found = entries[at];
      if (found === key) return entries[at + 1] as number;
      if (found === 0) return -1;
    }
  }

  set(key: number, value: number): void {
    if (this.#size >= (this.#entries.length / 2) * LOAD_MAX) this.#grow();
    this.#put(key, value);
  }

  /** Removes the entries whose value `keep` refuses. */
  sweep(keep: (value: number) => boolean): void {
    const entries = this.#entries;
    for (let at = 0; at < entries.length; at += 2) {
      // What is moved to this place comes from behind it, or from the start of the table where all that is left is kept.
      while (entries[at] !== 0 && !keep(entries[at + 1] as number)) this.#remove(at);
    }
  }

  #put(key: number, value: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let at = (key << 1) & mask;
    while (entries[at] !== 0 && entries[at] !== key) at = (at + 2) & mask;
    if (entries[at] === 0) this.#size += 1;
    entries[at] = key;
    entries[at + 1] = value;
  }

  #grow(): void {
    const entries = this.#entries;
    this.#entries = new Float64Array(entries.length * 2);
    this.#size = 0;
    for (let at = 0; at < entries.length; at += 2) {
      if (entries[at] !== 0) this.#put(entries[at] as number, entries[at + 1] as number);
    }
  }

  /** Closes the gap: entries behind it that would no longer be found from their own place move into it. */
  #remove(place: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let gap = place;
    for (let at = (gap + 2) & mask; entries[at] !== 0; at = (at + 2) & mask) {
      const home = ((entries[at] as number) << 1) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      entries[gap] = entries[at] as number;
      entries[gap + 1] = entries[at + 1] as number;
      gap = at;
    }
    entries[gap] = 0;
    this.#size -= 1;
  }
}
