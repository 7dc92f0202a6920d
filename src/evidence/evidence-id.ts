import { hash } from 'node:crypto';

/** Crockford's alphabet, lower case: no letter that is read as another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CHARACTERS = 26;

const ALPHABET_BYTES = Buffer.from(ALPHABET, 'latin1');
const PREFIX = 'ev_';
/** An id while it is made. */
const made = Buffer.from(PREFIX.padEnd(PREFIX.length + CHARACTERS), 'latin1');

/** `ev_` and 130 bits of SHA-256 over the parts: the same act of the same tenant always gets the same id. */
export function evidenceId(...parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  const digest = hash('sha256', text, 'buffer');
  let bits = 0;
  let value = 0;
  let from = 0;
  for (let at = PREFIX.length; at < made.length; at += 1) {
    if (bits < 5) {
      value = ((value & 0xff) << 8) | (digest[from++] as number);
      bits += 8;
    }
    bits -= 5;
    made[at] = ALPHABET_BYTES[(value >>> bits) & 31] as number;
  }
  return made.toString('latin1');
}
