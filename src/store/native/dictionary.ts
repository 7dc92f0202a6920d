import type { BlockMemory } from './block-memory.ts';
import { ByteBuffer } from './byte-buffer.ts';

/** Version of the key serialization: SharedDictionariesWithAdditionalKeys. */
const KEYS_VERSION = 1;
/** The block brings its own keys, and they are to be taken. */
const OWN_KEYS = 0x600;
const INDEX_UINT16 = 1;
const INDEX_UINT32 = 2;
const UINT16_KEYS_MAX = 0x1_0000;

const EMPTY = -1;

/** From so many rows on, repeating what was written is cheaper than writing it again. */
const REPEATS_MIN = 4;

/**
 * A sender can choose keys that fall into one slot. After so many probes a text is kept a second time instead, which
 * ClickHouse takes as well.
 */
const PROBES_MAX = 64;

/**
 * A LowCardinality(String) run under construction: each distinct text once, and the ordinal of its text for every value.
 * Attribute keys repeat in the same order span after span, so the text that followed the last one is tried first.
 */
export class DictionaryRun {
  /** Distinct texts, one after another, without lengths; where each begins is in `#starts`. */
  readonly #texts = new ByteBuffer(1024);
  #starts = new Int32Array(256);
  #followers = new Int32Array(256).fill(EMPTY);
  #count = 0;
  /** Open addressing, ordinals of the texts; at most half full. */
  #table = new Int32Array(512).fill(EMPTY);
  #last = EMPTY;
  /** Of the texts that come one after another, most lie in the same bytes. */
  #source: Buffer | undefined;
  #sourceWords = new DataView(new ArrayBuffer(0)) as DataView;
  #indexes: ByteBuffer;
  readonly #row = new ByteBuffer(64);
  #values = 0;
  #wide = false;
  readonly #memory: BlockMemory | undefined;

  constructor(memory?: BlockMemory) {
    this.#memory = memory;
    this.#indexes = new ByteBuffer(undefined, memory);
  }

  /** Adds the text as one value. Named as ByteBuffer's so that either can take attribute keys. */
  string(source: Buffer, start: number, end: number): void {
    this.value(this.ordinal(source, start, end));
  }

  text(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.string(bytes, 0, bytes.length);
  }

  /** Adds a value by the ordinal of its text. */
  value(ordinal: number): void {
    this.#values += 1;
    if (this.#wide) this.#indexes.uint32(ordinal);
    else this.#indexes.uint16(ordinal);
  }

  /** Adds values by the ordinals of their texts, all of them `count` times over. */
  values(ordinals: readonly number[], count: number): void {
    if (count < REPEATS_MIN) {
      for (let row = 0; row < count; row += 1) for (const ordinal of ordinals) this.value(ordinal);
      return;
    }
    const once = this.#row;
    once.clear();
    for (const ordinal of ordinals) {
      if (this.#wide) once.uint32(ordinal);
      else once.uint16(ordinal);
    }
    this.#indexes.repeat(once, count);
    this.#values += ordinals.length * count;
  }

  /** The text's ordinal; a text not seen before is kept. */
  ordinal(source: Buffer, start: number, end: number): number {
    const last = this.#last;
    const expected = last === EMPTY ? EMPTY : (this.#followers[last] ?? EMPTY);
    let found = expected;
    if (found === EMPTY || !this.#is(found, source, start, end)) {
      found = this.#find(source, start, end);
      if (last !== EMPTY) this.#followers[last] = found;
    }
    this.#last = found;
    return found;
  }

  /** Bytes written so far: texts and ordinals. */
  get size(): number {
    return this.#texts.length + this.#indexes.length;
  }

  /** Bytes of the state that ClickHouse wants before everything else of the column. */
  static prefix(): Buffer {
    const prefix = new ByteBuffer(8);
    prefix.uint64(KEYS_VERSION, 0);
    return prefix.view();
  }

  /** Flags, texts, number of values, ordinals; nothing at all for a run without values, as ClickHouse does. */
  parts(): Buffer[] {
    if (this.#values === 0) return [];
    const head = new ByteBuffer(this.#texts.length + this.#count * 2 + 64);
    head.uint64(OWN_KEYS | (this.#wide ? INDEX_UINT32 : INDEX_UINT16), 0);
    head.uint64(this.#count, 0);
    for (let ordinal = 0; ordinal < this.#count; ordinal += 1) {
      head.string(this.#texts.bytes, this.#starts[ordinal] ?? 0, this.#end(ordinal));
    }
    head.uint64(this.#values, 0);
    return [head.view(), this.#indexes.view()];
  }

  release(): void {
    this.#indexes.release();
  }

  #end(ordinal: number): number {
    return ordinal + 1 < this.#count ? (this.#starts[ordinal + 1] ?? 0) : this.#texts.length;
  }

  #is(ordinal: number, source: Buffer, start: number, end: number): boolean {
    let at = this.#starts[ordinal] ?? 0;
    if (this.#end(ordinal) - at !== end - start) return false;
    const texts = this.#texts.words();
    const words = this.#wordsOf(source);
    let from = start;
    for (const last = end - 3; from < last; from += 4) {
      if (words.getInt32(from, true) !== texts.getInt32(at, true)) return false;
      at += 4;
    }
    for (; from < end; from += 1) if (words.getUint8(from) !== texts.getUint8(at++)) return false;
    return true;
  }

  #wordsOf(source: Buffer): DataView {
    if (this.#source !== source) {
      this.#source = source;
      this.#sourceWords = new DataView(source.buffer, source.byteOffset, source.length);
    }
    return this.#sourceWords;
  }

  #find(source: Buffer, start: number, end: number): number {
    const mask = this.#table.length - 1;
    let slot = hashOf(source, start, end) & mask;
    for (let probe = 0; probe < PROBES_MAX; probe += 1) {
      const ordinal = this.#table[slot] ?? EMPTY;
      if (ordinal === EMPTY) return this.#add(slot, source, start, end);
      if (this.#is(ordinal, source, start, end)) return ordinal;
      slot = (slot + 1) & mask;
    }
    return this.#add(undefined, source, start, end);
  }

  #add(slot: number | undefined, source: Buffer, start: number, end: number): number {
    const ordinal = this.#count;
    if (ordinal === this.#starts.length) this.#grow();
    this.#starts[ordinal] = this.#texts.length;
    this.#texts.copy(source, start, end);
    this.#count += 1;
    if (this.#count > UINT16_KEYS_MAX && !this.#wide) this.#widen();
    if (this.#count * 2 > this.#table.length) this.#rehash();
    else if (slot !== undefined) this.#table[slot] = ordinal;
    return ordinal;
  }

  #grow(): void {
    const starts = new Int32Array(this.#starts.length * 2);
    starts.set(this.#starts);
    this.#starts = starts;
    const followers = new Int32Array(this.#followers.length * 2).fill(EMPTY);
    followers.set(this.#followers);
    this.#followers = followers;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2).fill(EMPTY);
    const mask = table.length - 1;
    for (let ordinal = 0; ordinal < this.#count; ordinal += 1) {
      let slot = hashOf(this.#texts.bytes, this.#starts[ordinal] ?? 0, this.#end(ordinal)) & mask;
      for (let probe = 0; probe < PROBES_MAX; probe += 1) {
        if (table[slot] === EMPTY) {
          table[slot] = ordinal;
          break;
        }
        slot = (slot + 1) & mask;
      }
    }
    this.#table = table;
  }

  #widen(): void {
    const narrow = this.#indexes.view();
    const wide = new ByteBuffer(undefined, this.#memory);
    wide.reserve(narrow.length * 4);
    for (let at = 0; at < narrow.length; at += 2) wide.uint32(narrow.readUInt16LE(at));
    this.#indexes.release();
    this.#indexes = wide;
    this.#wide = true;
  }
}

/** FNV-1a. */
function hashOf(source: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ (source[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
