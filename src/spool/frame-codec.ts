import { createHash } from 'node:crypto';
import { SIGNALS, type Signal } from '../otlp/signal.ts';
import type { Frame, SpooledFrame } from '../pipeline/frame.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { crc32c } from '../pipeline/crc32c.ts';

/*
 * One frame on disk, little-endian (docs/spec/spool.md):
 *
 *   0   4  magic "DKTF"
 *   4   1  version, 1
 *   5   3  zero
 *   8   8  salt of the segment
 *   16  4  length of the metadata
 *   20  4  length of the bytes
 *   24  4  CRC-32C of the metadata
 *   28  4  CRC-32C of the 28 bytes above
 *   32     metadata: JSON in UTF-8; then the bytes
 *
 * The bytes are covered by their SHA-256, which is the `contentHash` in the metadata: it is needed anyway to recognise a
 * repeated request, so every byte is gone over once. (A CRC-32C of the bytes beside it cost 1.4 CPU-seconds a gigabyte.)
 *
 * The header has a checksum of its own, so that a damaged frame whose lengths are sound is skipped exactly. The salt is
 * random and unknown to senders: after a damaged header the reader looks for the next one, and a payload that holds
 * the image of a frame cannot be taken for a frame.
 */
const MAGIC = Buffer.from('DKTF');
const VERSION = 1;
export const HEADER_BYTES = 32;
export const SALT_BYTES = 8;

/** Hex SHA-256 over tenant, signal and bytes. The tenant's length is hashed too: no two frames share a preimage. */
export function contentHashOf(frame: Frame): string {
  return createHash('sha256')
    .update(`${Buffer.byteLength(frame.tenant)}:${frame.tenant}:${frame.signal}:`)
    .update(frame.bytes)
    .digest('hex');
}

/** A frame ready for any segment: everything but the header, whose salt is the segment's. */
export interface EncodedFrame {
  readonly metadata: Buffer;
  readonly bytes: Uint8Array;
  /** Bytes on disk, header included. */
  readonly size: number;
}

export function encodeFrame(frame: SpooledFrame): EncodedFrame {
  const metadata = Buffer.from(
    JSON.stringify({
      tenant: frame.tenant,
      signal: frame.signal,
      receivedAtUnixNano: frame.receivedAtUnixNano.toString(),
      policyVersion: frame.policyVersion,
      items: frame.items,
      contentHash: frame.contentHash,
      receipts: frame.receipts,
      facts: frame.facts,
    }),
  );
  return { metadata, bytes: frame.bytes, size: HEADER_BYTES + metadata.length + frame.bytes.length };
}

export function encodeHeader(frame: EncodedFrame, salt: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt8(VERSION, 4);
  salt.copy(header, 8, 0, SALT_BYTES);
  header.writeUInt32LE(frame.metadata.length, 16);
  header.writeUInt32LE(frame.bytes.length, 20);
  header.writeUInt32LE(crc32c(frame.metadata), 24);
  header.writeUInt32LE(crc32c(header.subarray(0, 28)), 28);
  return header;
}

export type ParsedFrame =
  | { readonly kind: 'frame'; readonly size: number; readonly frame: SpooledFrame }
  /** The bytes end before the frame does; `size` is what it needs from `at` on. */
  | { readonly kind: 'short'; readonly size: number }
  /** Damaged. With a `size`, the header is sound and the next frame follows right behind. */
  | { readonly kind: 'corrupt'; readonly size: number | undefined }
  /** Whole, by the checksums, and of a form that this Docket does not know: a newer one wrote it. */
  | { readonly kind: 'unknown'; readonly size: number };

/** Reads the frame that starts at `at`. Its bytes are a view of `bytes`. */
export function parseFrame(bytes: Buffer, at: number, salt: Buffer): ParsedFrame {
  if (bytes.length - at < HEADER_BYTES) return { kind: 'short', size: HEADER_BYTES };
  if (!headerIsSound(bytes, at, salt)) return { kind: 'corrupt', size: undefined };
  const metadataEnd = at + HEADER_BYTES + bytes.readUInt32LE(at + 16);
  const end = metadataEnd + bytes.readUInt32LE(at + 20);
  const size = end - at;
  if (bytes.readUInt8(at + 4) !== VERSION) return { kind: 'unknown', size };
  if (end > bytes.length) return { kind: 'short', size };
  if (crc32c(bytes.subarray(at + HEADER_BYTES, metadataEnd)) !== bytes.readUInt32LE(at + 24)) {
    return { kind: 'corrupt', size };
  }
  const frame = parseMetadata(bytes.toString('utf8', at + HEADER_BYTES, metadataEnd), bytes.subarray(metadataEnd, end));
  if (frame === undefined) return { kind: 'unknown', size };
  if (contentHashOf(frame) !== frame.contentHash) return { kind: 'corrupt', size };
  return { kind: 'frame', size, frame };
}

/** Offset of the next sound header at or after `from`, or -1. */
export function findHeader(bytes: Buffer, from: number, salt: Buffer): number {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (bytes.length - at >= HEADER_BYTES && headerIsSound(bytes, at, salt)) return at;
  }
  return -1;
}

function headerIsSound(bytes: Buffer, at: number, salt: Buffer): boolean {
  return (
    bytes.compare(MAGIC, 0, 4, at, at + 4) === 0 &&
    bytes.compare(salt, 0, SALT_BYTES, at + 8, at + 8 + SALT_BYTES) === 0 &&
    crc32c(bytes.subarray(at, at + 28)) === bytes.readUInt32LE(at + 28)
  );
}

// The checksum holds, so this JSON is what encodeFrame wrote: only what another version of it could have left out is looked at
// before the cast.
function parseMetadata(text: string, bytes: Buffer): SpooledFrame | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const metadata = parsed as Partial<Record<keyof SpooledFrame, unknown>>;
  const { tenant, signal, receivedAtUnixNano, policyVersion, items, contentHash, receipts, facts } = metadata;
  if (
    typeof tenant !== 'string' ||
    !isSignal(signal) ||
    typeof receivedAtUnixNano !== 'string' ||
    !/^\d{1,20}$/.test(receivedAtUnixNano) ||
    typeof policyVersion !== 'string' ||
    typeof items !== 'number' ||
    typeof contentHash !== 'string' ||
    !Array.isArray(receipts) ||
    !Array.isArray(facts)
  ) {
    return undefined;
  }
  return {
    tenant,
    signal,
    receivedAtUnixNano: BigInt(receivedAtUnixNano),
    policyVersion,
    items,
    contentHash,
    receipts: receipts as SpooledFrame['receipts'],
    facts: facts as SpooledFrame['facts'],
    bytes: markRedacted<Uint8Array>(bytes),
  };
}

function isSignal(value: unknown): value is Signal {
  return SIGNALS.some((signal) => signal === value);
}
