import { createFingerprints, type Fingerprints } from './fingerprint.ts';
import type { Markers } from './marker.ts';

/** Where equal originals get equal pseudonyms: in all of a tenant's data, or within one incident only. */
export type PseudonymReach = 'tenant' | 'incident';

export interface PseudonymKey {
  readonly key: Buffer;
  readonly keyId: string;
  /** The environment variable that holds it. */
  readonly variable: string;
}

export interface PseudonymSettings {
  /** Bits of the keyed digest that a pseudonym shows. */
  readonly bits: number;
  readonly stable: PseudonymReach;
  /** A key of its own; undefined = the deployment's fingerprint key. */
  readonly key: PseudonymKey | undefined;
}

/** Where an original stands: `scope` names its incident, or what stands for it, and is undefined when neither is known. */
export interface PseudonymPlace {
  readonly tenant: string;
  readonly scope?: (() => string | undefined) | undefined;
}

/** Tokens that stand for originals: equal for equal ones within their reach, and worth nothing without the key. */
export interface Pseudonyms {
  /**
   * @param what the rule or class of the original
   * @param reach the policy's own when undefined
   * @returns undefined when the reach is an incident and no incident is known: then there is nothing to be stable in
   */
  of(what: string, original: string, place: PseudonymPlace, reach?: PseudonymReach): string | undefined;
}

export function createPseudonyms(
  settings: PseudonymSettings,
  fingerprints: Fingerprints,
  markers: Markers,
): Pseudonyms {
  const { key, bits, stable } = settings;
  const digests = key === undefined ? fingerprints : createFingerprints(key.key, key.keyId);
  return {
    of(what, original, place, reach = stable) {
      let domain = place.tenant;
      if (reach === 'incident') {
        const scope = place.scope?.();
        if (scope === undefined) return undefined;
        domain = `${place.tenant}\0${scope}`;
      }
      const digest = digests.of(domain, original);
      return markers.pseudonym(what, digest.slice(0, digest.lastIndexOf(':') + 1 + bits / 4));
    },
  };
}
