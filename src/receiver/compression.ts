import { gunzip, type Inflate, inflate, type ZlibOptions } from 'node:zlib';
import type { Reservation } from './admission.ts';

/** How a request may come compressed. `deflate` is a zlib stream (RFC 1950), as HTTP and gRPC mean it. */
export type Compression = 'gzip' | 'deflate';

/** What senders are told is taken. */
export const COMPRESSIONS_TAKEN = 'gzip, deflate, identity';

const NAMES: ReadonlyMap<string, Compression | 'identity'> = new Map([
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  // The Collector's name for the same.
  ['zlib', 'deflate'],
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
/** How many times smaller telemetry mostly is at best. */
const EXPANSION_USUAL = 16;
const TRAILER_BYTES = 8;

/**
 * Decompresses a body to at most `bytesMax` bytes, off the event loop, taking the output from the reservation first.
 *
 * The trailer of a gzip stream claims the size of what comes out. An honest claim is reserved and met exactly. A zlib stream claims
 * nothing, and what is usual is reserved for it. A stream that yields more (several gzip members, or a bomb) is tried once more with
 * room for a whole request, so output never exceeds what was reserved.
 */
export async function decompress(
  compressed: Buffer,
  compression: Compression,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  if (compressed.length < TRAILER_BYTES) return { kind: 'malformed' };
  const expected =
    compression === 'gzip' ? compressed.readUInt32LE(compressed.length - 4) : compressed.length * EXPANSION_USUAL;
  if (expected <= bytesMax && expected <= compressed.length * EXPANSION_MAX) {
    const first = await decompressWithin(compressed, compression, expected, reservation);
    if (first.kind !== 'too_large') return first;
  }
  return decompressWithin(compressed, compression, bytesMax, reservation);
}

async function decompressWithin(
  compressed: Buffer,
  compression: Compression,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  if (!reservation.tryGrow(bytesMax)) return { kind: 'no_memory' };
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
