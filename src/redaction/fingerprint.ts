import { createHmac } from 'node:crypto';

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

/** @param key at least 16 random bytes, kept outside the database */
export function createFingerprints(key: Buffer, keyId: string): Fingerprints {
  return {
    keyId,
    of(tenant, original) {
      const digest = createHmac('sha256', key)
        .update(`docket.value\0${tenant}\0`)
        .update(original)
        .digest('hex')
        .slice(0, FINGERPRINT_HEX);
      return `hmac:${keyId}:${digest}`;
    },
  };
}
