import { randomInt } from 'node:crypto';

/**
 * Under which the window finds what it remembers: a digest of 53 bits, from 1 on, of a text or a kind within a scope (a tenant, a
 * trace, a span). Different in every process, so that nobody can choose texts that meet. Two keys of a full window are the
 * same once in some billions: whoever looks up by one checks what was found.
 */
export type WindowKey = number;

/** In which sense something is found under a key. */
export const KEY_KIND = {
  record: 1,
  trace: 2,
  tools: 3,
  failures: 4,
  call: 5,
  sameCall: 6,
  tracedCall: 7,
  untracedCall: 8,
  conversation: 9,
  session: 10,
  ofSpan: 11,
  kindSpan: 12,
  toolSpan: 13,
  awaits: 14,
} as const;

const SEED_LOW = randomInt(2 ** 32);
const SEED_HIGH = randomInt(2 ** 32);
const TWO_32 = 4_294_967_296;

/** The key of a text within a scope; scope 0 is the widest. */
export function textKey(scope: WindowKey, text: string): WindowKey {
  let low = SEED_LOW ^ scope;
  let high = SEED_HIGH ^ (scope / TWO_32);
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 2_654_435_761);
    high = Math.imul(high ^ unit, 1_597_334_677);
  }
  return finished(low, high);
}

/** UTF-16 units of the two hexadecimal digits of a byte, the first in the low half. */
const HEX_UNITS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const hex = byte.toString(16).padStart(2, '0');
  return hex.charCodeAt(0) | (hex.charCodeAt(1) << 8);
});

/** As `textKey` of the lower-case hex of these bytes. */
export function hexKey(scope: WindowKey, bytes: Uint8Array, start: number, end: number): WindowKey {
  let low = SEED_LOW ^ scope;
  let high = SEED_HIGH ^ (scope / TWO_32);
  for (let at = start; at < end; at += 1) {
    const units = HEX_UNITS[bytes[at] as number] as number;
    low = Math.imul(low ^ (units & 0xff), 2_654_435_761);
    high = Math.imul(high ^ (units & 0xff), 1_597_334_677);
    low = Math.imul(low ^ (units >>> 8), 2_654_435_761);
    high = Math.imul(high ^ (units >>> 8), 1_597_334_677);
  }
  return finished(low, high);
}

/** The key of a kind within a scope. */
export function kindKey(scope: WindowKey, kind: number): WindowKey {
  const low = Math.imul(SEED_LOW ^ scope ^ kind, 2_654_435_761);
  const high = Math.imul(SEED_HIGH ^ (scope / TWO_32) ^ kind, 1_597_334_677);
  return finished(low, high);
}

/** Every bit of the key depends on every bit of both halves. */
function finished(low: number, high: number): WindowKey {
  const first = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  const second = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(first ^ (first >>> 13), 3_266_489_909);
  return (second & 0x1f_ffff) * TWO_32 + (first >>> 0) || 1;
}
