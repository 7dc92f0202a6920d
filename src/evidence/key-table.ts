const CAPACITY_FIRST = 1024;
const LOAD_MAX = 0.8;

/**
 * Numbers by key, outside V8's heap: the window remembers half a million keys, and as texts in a Map they were a third of all that a
 * collection had to walk. Keys are whole numbers from 1 to 2^53 whose low bits are mixed well (./window-key.ts); values are not negative.
 */
export class KeyTable {
  #keys = new Float64Array(CAPACITY_FIRST);
  #values = new Float64Array(CAPACITY_FIRST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** -1 when the key is not there. */
  get(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let at = key & mask; ; at = (at + 1) & mask) {
      const found = keys[at];
      if (found === key) return this.#values[at] as number;
      if (found === 0) return -1;
    }
  }

  set(key: number, value: number): void {
    if (this.#size >= this.#keys.length * LOAD_MAX) this.#grow();
    this.#put(key, value);
  }

  /** Removes the entries whose value `keep` refuses. */
  sweep(keep: (value: number) => boolean): void {
    for (let at = 0; at < this.#keys.length; at += 1) {
      // What is moved to this place comes from behind it, or from the start of the table where all that is left is kept.
      while (this.#keys[at] !== 0 && !keep(this.#values[at] as number)) this.#remove(at);
    }
  }

  #put(key: number, value: number): void {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = key & mask;
    while (keys[at] !== 0 && keys[at] !== key) at = (at + 1) & mask;
    if (keys[at] === 0) this.#size += 1;
    keys[at] = key;
    this.#values[at] = value;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(keys.length * 2);
    this.#values = new Float64Array(keys.length * 2);
    this.#size = 0;
    for (let at = 0; at < keys.length; at += 1) {
      if (keys[at] !== 0) this.#put(keys[at] as number, values[at] as number);
    }
  }

  /** Closes the gap: entries behind it that would no longer be found from their own place move into it. */
  #remove(place: number): void {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let gap = place;
    for (let at = (gap + 1) & mask; keys[at] !== 0; at = (at + 1) & mask) {
      const home = (keys[at] as number) & mask;
      if (((at - home) & mask) < ((at - gap) & mask)) continue;
      keys[gap] = keys[at] as number;
      this.#values[gap] = this.#values[at] as number;
      gap = at;
    }
    keys[gap] = 0;
    this.#size -= 1;
  }
}
