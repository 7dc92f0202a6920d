import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** Messages up to this many UTF-8 bytes are hashed in a buffer that is used again. */
const SHARED_BYTES = 16_384;

/**
 * HMAC-SHA-256 (RFC 2104) under one key, made of two one-shot hashes: three times as fast as a Hmac object a message.
 * Hexadecimal digits of the digest of `prefix` and `message`, texts as UTF-8.
 */
export type KeyedHash = (prefix: string, message: string | Uint8Array) => string;

/** @param key of any length; one of more than 64 bytes stands for its hash, as the RFC has it */
export function createKeyedHash(key: Uint8Array): KeyedHash {
  const block = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key;
  const inner = Buffer.alloc(BLOCK_BYTES + SHARED_BYTES);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 1) {
    inner[at] = (block[at] ?? 0) ^ 0x36;
    outer[at] = (block[at] ?? 0) ^ 0x5c;
  }
  const finish = (message: Buffer): string => {
    outer.write(hash('sha256', message, 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', outer, 'hex');
  };
  return (prefix, message) => {
    // A UTF-16 unit is at most three bytes of UTF-8.
    const length = typeof message === 'string' ? message.length * 3 : message.length;
    if (length + prefix.length * 3 > SHARED_BYTES) {
      return finish(Buffer.concat([inner.subarray(0, BLOCK_BYTES), Buffer.from(prefix), Buffer.from(message)]));
    }
    let end = BLOCK_BYTES + inner.write(prefix, BLOCK_BYTES);
    // Nearly every message is ASCII, and written at the speed of a copy then.
    if (typeof message === 'string') {
      end += inner.write(message, end, Buffer.byteLength(message) === message.length ? 'latin1' : 'utf8');
    } else {
      inner.set(message, end);
      end += message.length;
    }
    return finish(inner.subarray(0, end));
  };
}
