import { createKeyedHash } from './keyed-hash.ts';

/** Hex digits kept of a fingerprint: 96 bits, enough to match and too wide to collide. */
const FINGERPRINT_HEX = 24;

/**
 * Keyed digests of what redaction takes out: equal originals match, and nobody without the key can guess one back.
 * Separate per tenant, so that tenants cannot compare their secrets.
 */
export interface Fingerprints {
  readonly keyId: string;
  /** `hmac:<key id>:<24 hex>` over the UTF-8 bytes of the original. */
  of(tenant: string, original: string | Uint8Array): string;
}

const KEY_BYTES_MAX = 64;

/** @param key 16 to 64 random bytes, kept outside the database */
export function createFingerprints(key: Buffer, keyId: string): Fingerprints {
  if (key.length > KEY_BYTES_MAX) throw new RangeError(`a fingerprint key has at most ${KEY_BYTES_MAX} bytes`);
  const keyedHash = createKeyedHash(key);
  return {
    keyId,
    of: (tenant, original) =>
      `hmac:${keyId}:${keyedHash(`docket.value\0${tenant}\0`, original).slice(0, FINGERPRINT_HEX)}`,
  };
}
