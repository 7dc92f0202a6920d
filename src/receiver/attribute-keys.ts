import type { KnownKeys } from '../otlp/known-keys.ts';

export interface AttributeKeysOptions {
  /** Different keys of one tenant in one day. */
  readonly keysMax: number;
  /** Keys that begin like this have a bound of their own, as large: others cannot crowd them out. */
  readonly reservedPrefixes: readonly string[];
  /** Nanoseconds since the epoch. */
  readonly clock: () => bigint;
}

/**
 * Bounds how many different attribute keys a tenant can bring into a day's partition: keys made of ids make dictionaries and indexes
 * that every query of every neighbour reads (T8).
 */
export interface AttributeKeys {
  /** The keys of the tenant on this day. */
  of(tenant: string): KnownKeys;
}

const DAY_NANOSECONDS = 86_400_000_000_000n;

export function createAttributeKeys(options: AttributeKeysOptions): AttributeKeys {
  const { keysMax, clock } = options;
  const prefixes = options.reservedPrefixes.map((prefix) => Buffer.from(prefix));
  // Hashes that a sender cannot work out beforehand: keys chosen to look alike would all pass as known.
  const seed = Math.trunc(Math.random() * 0xffff_ffff);
  const tenants = new Map<string, KeySet>();
  let day = clock() / DAY_NANOSECONDS;

  return {
    of(tenant) {
      const today = clock() / DAY_NANOSECONDS;
      if (today !== day) tenants.clear();
      day = today;
      let keys = tenants.get(tenant);
      if (keys === undefined) {
        keys = new KeySet(keysMax, prefixes, seed);
        tenants.set(tenant, keys);
      }
      return keys;
    },
  };
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** A set of hashes: two keys of one hash count as one, which lets about one key in a million too many in. */
class KeySet implements KnownKeys {
  readonly #keysMax: number;
  readonly #prefixes: readonly Buffer[];
  readonly #seed: number;
  readonly #mask: number;
  readonly #slots: Int32Array;
  #others = 0;
  #reserved = 0;

  constructor(keysMax: number, prefixes: readonly Buffer[], seed: number) {
    this.#keysMax = keysMax;
    this.#prefixes = prefixes;
    this.#seed = seed;
    // Twice the keys of both kinds, as a power of two: a look-up ends soon at a free slot.
    const slots = 2 ** Math.ceil(Math.log2(keysMax * 4));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots);
  }

  admit(bytes: Uint8Array, start: number, end: number): boolean {
    let mixed = this.#seed ^ (end - start);
    let at = start;
    // Four bytes at a time; the high bits are folded down before the next, for a product carries upwards only.
    for (const words = end - 3; at < words; at += 4) {
      mixed = Math.imul(mixed ^ wordAt(bytes, at), 0x9e3779b1);
      mixed ^= mixed >>> 15;
    }
    for (; at < end; at += 1) mixed = Math.imul(mixed ^ (bytes[at] as number), 0x01000193);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    mixed ^= mixed >>> 13;
    // Zero marks a free slot.
    const hash = mixed === 0 ? 1 : mixed;
    let slot = hash & this.#mask;
    for (let found = this.#slots[slot] ?? 0; found !== 0; found = this.#slots[slot] ?? 0) {
      if (found === hash) return true;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#isReserved(bytes, start, end)) {
      if (this.#reserved >= this.#keysMax) return false;
      this.#reserved += 1;
    } else {
      if (this.#others >= this.#keysMax) return false;
      this.#others += 1;
    }
    this.#slots[slot] = hash;
    return true;
  }

  #isReserved(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#prefixes.some((prefix) => {
      if (end - start < prefix.length) return false;
      for (let at = 0; at < prefix.length; at += 1) if (bytes[start + at] !== prefix[at]) return false;
      return true;
    });
  }
}
