const MiB = 1024 * 1024;

/** Smaller pieces are left to the allocator. */
const PIECE_BYTES_MIN = 64 * 1024;

/**
 * Memory of blocks that were sent, for the blocks after them. V8 counts memory outside its heap too and collects the whole heap
 * for every 64 MiB of it: blocks made anew each time cost more in garbage collection than in encoding (docs/benchmarks.md).
 */
export interface BlockMemory {
  /** At least `bytes`, a power of two; what is in it is arbitrary. */
  take(bytes: number): Buffer;
  /** The caller must not use the piece any more. */
  give(piece: Buffer): void;
}

/** The largest batch takes 45 to 57 MiB of pieces, those that its columns grew out of included (docs/benchmarks.md). */
const KEPT_BYTES_MAX = 64 * MiB;

/** Keeps at most `bytesMax` for later; what is given beyond that is left to the garbage collector. */
export function createBlockMemory(bytesMax = KEPT_BYTES_MAX): BlockMemory {
  const free = new Map<number, Buffer[]>();
  let kept = 0;
  return {
    take(bytes) {
      const piece = free.get(bytes)?.pop();
      if (piece === undefined) return Buffer.allocUnsafe(bytes);
      kept -= bytes;
      return piece;
    },
    give(piece) {
      if (piece.length < PIECE_BYTES_MIN || kept + piece.length > bytesMax) return;
      kept += piece.length;
      const same = free.get(piece.length);
      if (same === undefined) free.set(piece.length, [piece]);
      else same.push(piece);
    },
  };
}
