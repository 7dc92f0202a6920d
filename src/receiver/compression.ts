import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Reservation } from './admission.ts';

const gunzipAsync = promisify(gunzip);

export type Decompressed =
  | { readonly kind: 'done'; readonly body: Buffer }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_memory' };

/** Deflate expands at most about 1032 times; a claim beyond that is a lie that is not worth reserving memory for. */
const EXPANSION_MAX = 1032;
const TRAILER_BYTES = 8;

/**
 * Decompresses a gzip body to at most `bytesMax` bytes, off the event loop, taking the output from the reservation first.
 *
 * The trailer of a gzip stream claims the size of what comes out. An honest claim is reserved and met exactly. A stream
 * that yields more than its trailer claims (several members, or a bomb) is tried once more with room for a whole request,
 * so output never exceeds what was reserved.
 */
export async function decompressGzip(
  compressed: Buffer,
  bytesMax: number,
  reservation: Reservation,
): Promise<Decompressed> {
  if (compressed.length < TRAILER_BYTES) return { kind: 'malformed' };
  const claimed = compressed.readUInt32LE(compressed.length - 4);
  if (claimed <= bytesMax && claimed <= compressed.length * EXPANSION_MAX) {
    const first = await inflate(compressed, claimed, reservation);
    if (first.kind !== 'too_large') return first;
  }
  return inflate(compressed, bytesMax, reservation);
}

async function inflate(compressed: Buffer, bytesMax: number, reservation: Reservation): Promise<Decompressed> {
  if (!reservation.tryGrow(bytesMax)) return { kind: 'no_memory' };
  try {
    // zlib wants a limit of at least one byte; a body of nothing passes under it too.
    return { kind: 'done', body: await gunzipAsync(compressed, { maxOutputLength: Math.max(1, bytesMax) }) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return { kind: code === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'malformed' };
  }
}
