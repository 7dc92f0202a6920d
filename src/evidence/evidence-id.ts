import { hash } from 'node:crypto';

/** Crockford's alphabet, lower case: no letter that is read as another. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CHARACTERS = 26;

/** `ev_` and 130 bits of SHA-256 over the parts: the same act of the same tenant always gets the same id. */
export function evidenceId(...parts: readonly string[]): string {
  let text = '';
  for (const part of parts) text += `${part.length}:${part}`;
  const digest = hash('sha256', text, 'buffer');
  let bits = 0;
  let value = 0;
  let id = 'ev_';
  for (const byte of digest) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += ALPHABET[(value >>> bits) & 31] ?? '';
      value &= (1 << bits) - 1;
      if (id.length === 3 + CHARACTERS) return id;
    }
  }
  return id;
}
