import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * Secrets made for one run: GitHub tokens with a right checksum and e-mail addresses, all with the same head and tail, so that a search
 * for two words finds any of them whole or in part, and with a number of their own, so that a find names what leaked.
 */
export interface Canaries {
  readonly head: string;
  readonly tail: string;
  token(cell: number): string;
  email(cell: number): string;
}

/** A way in which a secret is carried in a text. The neighbour stands beside it and is no secret. */
export interface Carrier {
  readonly name: string;
  /** What kind of canary it carries. */
  readonly kind: 'token' | 'email';
  carry(secret: string, neighbour: string): string;
}

/** One form of a canary's head or tail that a search looks for. */
export interface Needle {
  readonly form: string;
  readonly bytes: Buffer;
}

/** Letters only: the digits in a canary are its cell's. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CELL_DIGITS = 6;
const CHECKSUM_LENGTH = 6;

export function createCanaries(): Canaries {
  const head = randomWord(8);
  const tail = randomWord(8);
  return {
    head,
    tail,
    token(cell) {
      const body = `${head}${randomWord(8)}${digits(cell)}${tail}`;
      return `ghp_${body}${checksum(body)}`;
    },
    email: (cell) => `${head}.${digits(cell)}.${tail}@shop-mail.io`,
  };
}

/** The neighbour of a cell: words that no rule takes out. */
export function neighbourOf(cell: number): string {
  return `cell-${digits(cell)}-kept`;
}

export const NEIGHBOUR = /cell-(\d{6})-kept/g;

function digits(cell: number): string {
  return String(cell).padStart(CELL_DIGITS, '0');
}

function randomWord(length: number): string {
  return [...randomBytes(length)].map((byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** As GitHub ends its tokens: the CRC-32 of what is before, in base 62. */
function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  while (rest > 0) {
    text = `${BASE62[rest % 62] ?? ''}${text}`;
    rest = Math.floor(rest / 62);
  }
  return text.padStart(CHECKSUM_LENGTH, '0');
}

const each = (text: string, write: (character: string) => string): string => Array.from(text, write).join('');
const code = (character: string): number => character.codePointAt(0) ?? 0;
const hexOf = (character: string, width: number): string => code(character).toString(16).padStart(width, '0');

const percent = (text: string): string => each(text, (character) => `%${hexOf(character, 2)}`);
const unicodeEscape = (text: string): string => each(text, (character) => `\\u${hexOf(character, 4)}`);
const htmlEntity = (text: string): string => each(text, (character) => `&#x${hexOf(character, 2)};`);
const zeroWidth = (text: string): string => each(text, (character) => `${character}\u200b`);
const fullWidth = (text: string): string =>
  each(text, (character) => (/[!-~]/.test(character) ? String.fromCodePoint(code(character) + 0xfee0) : character));
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A private key with the secret at the beginning of its second line. */
function pem(secret: string): string {
  const line = randomWord(64);
  const body = `${line}\n${secret.replaceAll(/[^A-Za-z0-9]/g, '')}${randomWord(24)}\n${line}\n${randomWord(20)}==`;
  return `-----BEGIN RSA PRIVATE KEY-----\n${body}\n-----END RSA PRIVATE KEY-----`;
}

const json = (text: string): string => JSON.stringify({ note: text });

const carrier = (
  name: string,
  carry: (secret: string, neighbour: string) => string,
  kind: Carrier['kind'] = 'token',
): Carrier => ({ name, kind, carry });

/** The columns of the matrix. */
export const CARRIERS: readonly Carrier[] = [
  carrier('plain', (secret, neighbour) => `${neighbour} ${secret} is all`),
  carrier('e-mail', (secret, neighbour) => `${neighbour} ${secret} is all`, 'email'),
  carrier('JSON', (secret, neighbour) => JSON.stringify({ neighbour, list: [{ note: `is ${secret}` }] })),
  carrier('JSON in JSON', (secret, neighbour) => json(JSON.stringify({ neighbour, note: secret }))),
  carrier('JSON, three levels', (secret, neighbour) => json(json(JSON.stringify({ neighbour, note: secret })))),
  carrier('JSON, cut off', (secret, neighbour) => JSON.stringify({ neighbour, note: `is ${secret} and` }).slice(0, -5)),
  carrier('base64', (secret, neighbour) => `${neighbour} ${base64(`is ${secret} it`)} is all`),
  carrier('base64, second alignment', (secret, neighbour) => `${neighbour} ${base64(`is: ${secret} it`)} is all`),
  carrier('base64, third alignment', (secret, neighbour) => `${neighbour} ${base64(`is:: ${secret} it`)} is all`),
  carrier(
    'base64url, unpadded',
    (secret, neighbour) => `${neighbour} ${Buffer.from(`is ${secret} now`).toString('base64url')} is all`,
  ),
  carrier('hex', (secret, neighbour) => `${neighbour} ${Buffer.from(secret).toString('hex')} is all`),
  carrier('percent', (secret, neighbour) => `${neighbour} q=${percent(secret)} is all`),
  carrier('\\u escapes', (secret, neighbour) => `${neighbour} "${unicodeEscape(secret)}" is all`),
  carrier('HTML entities', (secret, neighbour) => `${neighbour} ${htmlEntity(secret)} is all`),
  carrier('zero-width', (secret, neighbour) => `${neighbour} ${zeroWidth(secret)} is all`),
  carrier('full-width', (secret, neighbour) => `${neighbour} ${fullWidth(secret)} is all`),
  carrier(
    'ANSI colours',
    (secret, neighbour) => `${neighbour} \u001b[31m${secret.slice(0, 20)}\u001b[1m${secret.slice(20)}\u001b[0m is all`,
  ),
  carrier('URL userinfo', (secret, neighbour) => `${neighbour} https://robot:${secret}@git.example/shop.git is all`),
  carrier(
    'URL query',
    (secret, neighbour) => `${neighbour} https://api.example/v1/items?page=2&access_token=${secret}&n=1`,
  ),
  carrier('cookie', (secret, neighbour) => `${neighbour} Cookie: theme=dark; session=${secret}; lang=en`),
  carrier('CLI flag', (secret, neighbour) => `${neighbour} deploy --token ${secret} --region eu-west-1`),
  carrier('name and value', (secret, neighbour) =>
    JSON.stringify([{ neighbour }, { name: 'DEPLOY_TOKEN', value: secret }]),
  ),
  carrier('baggage', (secret, neighbour) => `${neighbour} baggage: cart=7,session_token=${secret};ttl=60,region=eu`),
  carrier('PEM, wrapped', (secret, neighbour) => `${neighbour} ${pem(secret)} is all`),
  carrier(
    'SQL literal',
    (secret, neighbour) => `/* ${neighbour} */ UPDATE robots SET token = '${secret}' WHERE id = 7`,
  ),
];

/** Every form in which a canary's head or tail may come to light. */
export function needlesOf({ head, tail }: Canaries): readonly Needle[] {
  const needles = new Map<string, Needle>();
  const add = (form: string, text: string): void => {
    needles.set(text, { form, bytes: Buffer.from(text) });
  };
  for (const word of [head, tail]) {
    add('plain', word);
    for (let before = 0; before < 3; before += 1) {
      // Only the characters that the word alone decides.
      const whole = Buffer.from(`${'\0'.repeat(before)}${word}`).toString('base64url');
      const from = Math.ceil((before * 8) / 6);
      const to = Math.floor(((before + word.length) * 8) / 6);
      add('base64', whole.slice(from, to));
    }
    for (const hex of [Buffer.from(word).toString('hex'), Buffer.from(word).toString('hex').toUpperCase()])
      add('hex', hex);
    for (const written of [percent(word), percent(word).toUpperCase()]) add('percent', written);
    add('HTML entities', htmlEntity(word));
    add('zero-width', zeroWidth(word).slice(0, -1));
    add('full-width', fullWidth(word));
    let escaped = unicodeEscape(word);
    for (let level = 0; level < 4; level += 1) {
      add('\\u escapes', escaped);
      escaped = JSON.stringify(escaped).slice(1, -1);
    }
  }
  return [...needles.values()];
}

/** A place where a canary was found. */
export interface Find {
  /** The cell whose canary it is; undefined when too little of it is left to tell. */
  readonly cell: number | undefined;
  readonly form: string;
}

const AROUND = 1024;

/** Looks for canaries in bytes. */
export function findCanaries(bytes: Buffer, canaries: Canaries, needles: readonly Needle[]): readonly Find[] {
  const finds: Find[] = [];
  for (const { form, bytes: needle } of needles) {
    for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + needle.length)) {
      finds.push({ form, cell: cellAround(bytes, at, needle.length, form, canaries) });
    }
  }
  return finds;
}

function cellAround(
  bytes: Buffer,
  at: number,
  length: number,
  form: string,
  { head, tail }: Canaries,
): number | undefined {
  const start = Math.max(0, at - AROUND);
  const window = bytes.subarray(start, Math.min(bytes.length, at + length + AROUND)).toString('utf8');
  const own = new RegExp(`${head}.{0,12}?(\\d{6})|(\\d{6}).?${tail}`);
  for (const text of decoded(window, form)) {
    const match = own.exec(text);
    if (match !== null) return Number(match[1] ?? match[2]);
  }
  const before = window.slice(0, at - start);
  const neighbours = [...before.matchAll(NEIGHBOUR)];
  const nearest = neighbours.at(-1)?.[1];
  return nearest === undefined ? undefined : Number(nearest);
}

function decoded(window: string, form: string): readonly string[] {
  switch (form) {
    case 'base64':
      return [...window.matchAll(/[A-Za-z0-9+/_-]{12,}/g)].map((match) =>
        Buffer.from(match[0], 'base64').toString('latin1'),
      );
    case 'hex':
      return [...window.matchAll(/(?:[0-9a-f]{2}){8,}/gi)].map((match) =>
        Buffer.from(match[0], 'hex').toString('latin1'),
      );
    case 'percent':
      return [window.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
    case '\\u escapes':
      return [window.replace(/\\+u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
    case 'HTML entities':
      return [window.replace(/&#x([0-9a-f]+);/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
    case 'zero-width':
      return [window.replaceAll('\u200b', '')];
    case 'full-width':
      return [window.normalize('NFKC')];
    default:
      return [window];
  }
}
