import { electronicFormatIBAN, isValidIBAN } from 'ibantools';

import type { Validation } from './rule.ts';

/** Shannon entropy of the UTF-16 units, in bits a unit. */
export function shannonEntropy(value: string): number {
  if (value.length === 0) return 0;
  // Characters beyond ASCII share the buckets: they are rare in what is measured here.
  const counts = new Uint16Array(128);
  const length = Math.min(value.length, 0xffff);
  for (let i = 0; i < length; i++) {
    const bucket = value.charCodeAt(i) & 0x7f;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  let bits = 0;
  for (const count of counts) {
    if (count > 0) bits -= (count / length) * Math.log2(count / length);
  }
  return bits;
}

function countMatching(value: string, low: number, high: number): number {
  let count = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i) | (low === 0x61 ? 0x20 : 0);
    if (code >= low && code <= high) count++;
  }
  return count;
}

export function digitsOf(value: string): string {
  return value.replace(/\D/g, '');
}

/** ISO/IEC 7812-1 annex B. Non-digits are ignored. */
export function passesLuhn(value: string): boolean {
  const digits = digitsOf(value);
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    let digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    if (i % 2 === 1) {
      digit *= 2;
      if (digit > 9) digit -= 9;
    }
    sum += digit;
  }
  return digits.length > 1 && sum % 10 === 0;
}

/** A JWT's first part is base64url JSON that names an algorithm or a type (RFC 7515 §4.1). */
export function hasJwtHeader(value: string): boolean {
  const first = value.slice(0, value.indexOf('.') < 0 ? value.length : value.indexOf('.'));
  const header = Buffer.from(first, 'base64url').toString('latin1');
  return header.startsWith('{') && /"(?:alg|typ|kid|enc|cty|zip|jku|x5t|crv)"/.test(header);
}

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const crcTable = (() => {
  const table = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c;
  }
  return table;
})();

/** CRC-32 (IEEE 802.3) of the ASCII text. */
export function crc32(text: string): number {
  let crc = -1;
  for (let i = 0; i < text.length; i++) {
    crc = (crc >>> 8) ^ (crcTable[(crc ^ text.charCodeAt(i)) & 0xff] ?? 0);
  }
  return (crc ^ -1) >>> 0;
}

/** The last six characters of a GitHub token are the CRC-32 of the characters between prefix and checksum, in base 62. */
export function hasGithubChecksum(value: string): boolean {
  const body = value.slice(value.indexOf('_') + 1);
  if (body.length < 12) return false;
  let rest = crc32(body.slice(0, -6));
  let encoded = '';
  for (let i = 0; i < 6; i++) {
    encoded = (base62[rest % 62] ?? '') + encoded;
    rest = Math.floor(rest / 62);
  }
  return body.endsWith(encoded);
}

/**
 * Words that show that a value is no secret: documentation, templates, references to where the secret is kept. Tested on the
 * captured value alone, never on the text around it.
 */
const placeholderWords =
  /^(?:your|my|the|some|an?)[-_ ]|(?:your|insert|enter|replace|change)[-_]?(?:me|your|this|api|access|secret|token|key|password|here)|placeholder|dummy|^(?:todo|tbd|n\/a|null|nil|none|undefined|unset|empty|true|false|yes|no|string|str|text|number|integer|int|bool|boolean|object|any|unknown|required|optional|redacted|masked|hidden|removed|omitted|missing|present|absent|invalid|expired|valid|default|test|example|sample|password|passwd|secret|token|bearer|basic|apikey|api[-_]key|changeit|changeme|value|variable|enabled|disabled|not[-_ ]set)$/i;
const referenceShape =
  /^(?:\$|%[A-Za-z_]{1,64}%$|\{\{|\{[\w.-]{1,64}\}$|<[^<>]{0,64}>?$|process\.env|os\.(?:environ|getenv)|System\.getenv|getenv|env\.|ENV\[|vault:|ssm:|secretsmanager:|arn:|file:\/|\/run\/secrets\/|\[[\w :.-]{0,64}\]$|op:\/\/|sm:\/\/|sealed:)/;

/** Whether a value stands for a secret instead of being one, such as `${TOKEN}`, `xxxx`, `<your key>` or `changeme`. */
export function isPlaceholder(text: string): boolean {
  const value = text.length > 256 ? text.slice(0, 256) : text;
  if (referenceShape.test(value)) return true;
  if (value.length <= 64 && placeholderWords.test(value)) return true;
  if (/^(.)\1*$/s.test(value) || /^.{0,12}\.\.\.$/.test(value)) return true;
  // At least two thirds of one filler character: xxxx-xxxx, ****1234, 00000000.
  let fillers = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x78 || code === 0x58 || code === 0x2a || code === 0x2e || code === 0x2022 || code === 0x23) fillers++;
  }
  return fillers * 3 >= value.length * 2;
}

const checks: ReadonlyMap<string, (value: string) => boolean> = new Map<string, (value: string) => boolean>([
  ['luhn', passesLuhn],
  ['iban', (value) => isValidIBAN(electronicFormatIBAN(value) ?? '')],
  ['jwt', hasJwtHeader],
  ['github-crc32', hasGithubChecksum],
  ['no-placeholder', (value) => !isPlaceholder(value)],
  [
    'basic-auth',
    (value) => {
      const decoded = Buffer.from(value, 'base64').toString('latin1');
      return /^[\x20-\x7e\xa0-\xff]{2,}$/.test(decoded) && decoded.includes(':');
    },
  ],
  ['not-example', (value) => !/example|sample|placeholder/i.test(value)],
]);

export function isKnownCheck(name: string): boolean {
  return checks.has(name);
}

/** Whether a captured value passes a rule's validation. An unknown check is a bug of the rule and throws. */
export function passes(value: string, validation: Validation): boolean {
  if ('entropy' in validation) return shannonEntropy(value) >= validation.entropy;
  if ('digits' in validation) return countMatching(value, 0x30, 0x39) >= validation.digits;
  if ('letters' in validation) return countMatching(value, 0x61, 0x7a) >= validation.letters;
  const check = checks.get(validation.check);
  if (!check) throw new RangeError(`no check is called ${validation.check}`);
  return check(value);
}
