import { createHash } from 'node:crypto';

const KEY_BYTES_MIN = 16;
const KEY_BYTES_MAX = 64;

/**
 * Reads a key from text: hex, or base64 of either alphabet, of 16 to 64 bytes. Its id is made from it, and says nothing
 * about it. Otherwise returns what is wrong, without any of the text.
 */
export function parsePseudonymKey(text: string): { readonly key: Buffer; readonly keyId: string } | string {
  const trimmed = text.trim();
  if (trimmed === '') return 'is not set';
  let key: Buffer | undefined;
  if (/^(?:[0-9a-f]{2})+$/i.test(trimmed)) key = Buffer.from(trimmed, 'hex');
  else if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(trimmed)) key = Buffer.from(trimmed, 'base64');
  if (key === undefined) return 'holds neither hex nor base64';
  if (key.length < KEY_BYTES_MIN || key.length > KEY_BYTES_MAX) {
    return `holds ${key.length} bytes; a key has ${KEY_BYTES_MIN} to ${KEY_BYTES_MAX}`;
  }
  return { key, keyId: `p${createHash('sha256').update(key).digest('hex').slice(0, 6)}` };
}
