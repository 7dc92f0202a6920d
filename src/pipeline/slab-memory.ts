const MiB = 1024 * 1024;
const SLAB_BYTES = 8 * MiB;

/** A piece of memory that is used again when nobody holds it any more. Whoever takes it holds it. */
export interface Piece {
  /** Arbitrary until written. Not to be looked at after the last `release`: it is then somebody else's. */
  readonly bytes: Buffer;
  /** One holder more. */
  retain(): void;
  /** One holder less. Each holder calls it once; one too many throws, for it would give others' bytes away. */
  release(): void;
}

/**
 * Memory for what comes and goes in about the same order, request bodies above all. V8 counts memory outside its heap and collects
 * the whole heap for a few dozen megabytes of it: bodies made anew cost more in garbage collection than all that is done with
 * them (docs/benchmarks.md). Pieces are cut one after another from slabs; a slab is used again when all of its pieces are released.
 */
export interface SlabMemory {
  take(length: number): Piece;
  /** Bytes of slabs, those that wait to be used again included. */
  readonly slabBytes: number;
}

export interface SlabMemoryOptions {
  /** Unused slabs beyond so many bytes are left to the garbage collector. */
  readonly keptBytesMax: number;
  /** A larger piece has memory of its own. 8 MiB by default. */
  readonly slabBytes?: number;
}

interface Slab {
  readonly bytes: Buffer;
  used: number;
  pieces: number;
}

export function createSlabMemory(options: SlabMemoryOptions): SlabMemory {
  const { keptBytesMax, slabBytes = SLAB_BYTES } = options;
  const free: Slab[] = [];
  let slabs = 0;
  let current: Slab | undefined;

  function slabFor(length: number): Slab {
    if (current !== undefined && current.used + length <= slabBytes) return current;
    if (current?.pieces === 0) drop(current);
    current = free.pop();
    if (current === undefined) {
      current = { bytes: Buffer.allocUnsafeSlow(slabBytes), used: 0, pieces: 0 };
      slabs += 1;
    }
    return current;
  }

  function drop(slab: Slab): void {
    slab.used = 0;
    if ((free.length + 1) * slabBytes <= keptBytesMax) free.push(slab);
    else slabs -= 1;
  }

  function leave(slab: Slab): void {
    slab.pieces -= 1;
    if (slab.pieces > 0) return;
    if (slab === current) slab.used = 0;
    else drop(slab);
  }

  return {
    take(length) {
      if (length > slabBytes) return createPiece(Buffer.allocUnsafeSlow(length), () => {});
      const slab = slabFor(length);
      const at = slab.used;
      slab.used += length;
      slab.pieces += 1;
      return createPiece(slab.bytes.subarray(at, at + length), () => leave(slab));
    },
    get slabBytes() {
      return slabs * slabBytes;
    },
  };
}

function createPiece(bytes: Buffer, onUnheld: () => void): Piece {
  let holders = 1;
  return {
    bytes,
    retain() {
      if (holders === 0) throw new Error('a piece of memory was taken up after its release');
      holders += 1;
    },
    release() {
      if (holders === 0) throw new Error('a piece of memory was released twice');
      holders -= 1;
      if (holders === 0) onUnheld();
    },
  };
}
