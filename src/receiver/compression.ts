import { gunzip, type Inflate, inflate, type ZlibOptions } from 'node:zlib';
import type { Reservation } from './admission.ts';
import { decompressLz4 } from './lz4.ts';
import { decompressSnappy } from './snappy.ts';
import { decompressZstd } from './zstd.ts';

/** How a request may come compressed. `deflate` is a zlib stream (RFC 1950), as HTTP and gRPC mean it. */
export type Compression = 'gzip' | 'deflate' | 'zstd' | 'snappy' | 'lz4';

/** What senders are told is taken. */
export const COMPRESSIONS_TAKEN = 'gzip, deflate, zstd, snappy, lz4, identity';

const NAMES: ReadonlyMap<string, Compression | 'identity'> = new Map([
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  // The Collector's name for the same.
  ['zlib', 'deflate'],
  ['zstd', 'zstd'],
  ['snappy', 'snappy'],
  ['x-snappy-framed', 'snappy'],
  ['lz4', 'lz4'],
]);

/** What a Content-Encoding or grpc-encoding names; undefined for what is not taken. */
export function compressionNamed(header: string | readonly string[] | undefined): Compression | 'identity' | undefined {
  return typeof header === 'object' ? undefined : NAMES.get((header ?? '').trim().toLowerCase());
}

export type Decompressed =
  | { readonly kind: 'done'; readonly body: Buffer }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_memory' };

/** Deflate expands at most about 1032 times; a claim beyond that is a lie that is not worth reserving memory for. */
const EXPANSION_MAX = 1032;
/** How many times smaller telemetry mostly is at best, and how many times when it repeats itself. */
const EXPANSION_STEPS = [16, 128];
const TRAILER_BYTES = 8;

/**
 * Decompresses a body to at most `bytesMax` bytes, taking the output from the reservation first. gzip and deflate go off the event loop;
 * zstd, snappy and lz4, which cost a fraction of checking and redacting what comes out, stay on it.
 */
export async function decompress(
  compressed: Buffer,
  compression: Compression,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  if (compression === 'zstd') return decompressZstd(compressed, bytesMax, reservation);
  if (compression === 'snappy') return decompressSnappy(compressed, bytesMax, reservation);
  if (compression === 'lz4') return decompressLz4(compressed, bytesMax, reservation);
  if (compressed.length < TRAILER_BYTES) return { kind: 'malformed' };
  let reserved = 0;
  for (const most of outputSteps(compressed, compression, bytesMax)) {
    if (!reservation.tryGrow(most - reserved)) return { kind: 'no_memory' };
    reserved = most;
    const outcome = await inflateWithin(compressed, compression, most);
    if (outcome.kind !== 'too_large') return outcome;
  }
  return { kind: 'too_large' };
}

/**
 * How much room is tried, in turn: a stream that yields more is tried once more with the next, up to that of a whole request, so
 * output never exceeds what was reserved and an ordinary request does not reserve what only a bomb would fill. The trailer of a gzip
 * stream claims what comes out of its last member, which is mostly all of it; a zlib stream claims nothing.
 */
function outputSteps(compressed: Buffer, compression: 'gzip' | 'deflate', bytesMax: number): readonly number[] {
  const steps = EXPANSION_STEPS.map((times) => compressed.length * times);
  const claimed = compression === 'gzip' ? compressed.readUInt32LE(compressed.length - 4) : Number.POSITIVE_INFINITY;
  const first =
    claimed <= compressed.length * EXPANSION_MAX ? [claimed, ...steps.filter((step) => step > claimed)] : steps;
  return [...first.filter((step) => step < bytesMax), bytesMax];
}

function inflateWithin(compressed: Buffer, compression: 'gzip' | 'deflate', bytesMax: number): Promise<Decompressed> {
  // zlib wants a limit of at least one byte; a body of nothing passes under it too.
  const options: ZlibOptions = { maxOutputLength: Math.max(1, bytesMax), info: true };
  return new Promise((resolve) => {
    (compression === 'gzip' ? gunzip : inflate)(compressed, options, (error: NodeJS.ErrnoException | null, output) => {
      if (error !== null) return resolve({ kind: error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'malformed' });
      // With `info`, Node hands out the engine beside the output. What stands behind the stream it passes over in silence.
      const { buffer, engine } = output as unknown as { readonly buffer: Buffer; readonly engine: Inflate };
      resolve(engine.bytesWritten === compressed.length ? { kind: 'done', body: buffer } : { kind: 'malformed' });
    });
  });
}
