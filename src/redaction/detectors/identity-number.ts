/**
 * National identity, tax and health numbers: shape plus the checksum its issuer publishes. A number without a word beside it that
 * names it counts only when shape and checksum together are rare among other numbers.
 */
import { digitsOf, passesLuhn } from './validators.ts';

export interface IdentityNumber {
  readonly id: string;
  readonly class: string;
  /** The whole value, case-insensitive. */
  readonly shape: RegExp;
  readonly valid?: (value: string) => boolean;
  /** `anywhere`: letters and checksum make it rare; `alone`: only as the whole text or beside a word that names it. */
  readonly trust: 'anywhere' | 'alone';
}

function weighted(digits: string, weights: readonly number[]): number {
  let sum = 0;
  weights.forEach((weight, i) => (sum += weight * (digits.charCodeAt(i) - 48)));
  return sum;
}

const at = (digits: string, i: number): number => digits.charCodeAt(i) - 48;

function isDate(month: string, day: string): boolean {
  const m = Number(month);
  const d = Number(day);
  return m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

function spanishNif(value: string): boolean {
  const text = value.toUpperCase().replace(/[^0-9A-Z]/g, '');
  const digits = text.slice(0, -1).replace(/^[XYZ]/, (letter) => String('XYZ'.indexOf(letter)));
  return /^\d{7,8}$/.test(digits) && 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23] === text.at(-1);
}

function italianFiscalCode(value: string): boolean {
  const text = value.toUpperCase();
  const odd = 'BAKPLCQDREVOSFTGUHMINJWZYX';
  let sum = 0;
  for (let i = 0; i < 15; i++) {
    const char = text[i] ?? '';
    const n = /\d/.test(char) ? Number(char) : char.charCodeAt(0) - 65;
    sum += i % 2 === 0 ? odd.indexOf(String.fromCharCode(65 + n)) : n;
  }
  return text[15] === String.fromCharCode(65 + (sum % 26));
}

function finnish(value: string): boolean {
  const digits = value.slice(0, 6) + value.slice(7, 10);
  return (
    '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(digits) % 31] === value.slice(-1).toUpperCase() &&
    isDate(value.slice(2, 4), value.slice(0, 2))
  );
}

function cpf(value: string): boolean {
  const d = digitsOf(value);
  if (/^(\d)\1{10}$/.test(d)) return false;
  const one = ((weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  const two = ((weighted(d, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) * 10) % 11) % 10;
  return one === at(d, 9) && two === at(d, 10);
}

function cnpj(value: string): boolean {
  const d = digitsOf(value);
  const check = (weights: number[]): number => {
    const rest = weighted(d, weights) % 11;
    return rest < 2 ? 0 : 11 - rest;
  };
  return (
    check([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === at(d, 12) &&
    check([6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === at(d, 13)
  );
}

function pesel(value: string): boolean {
  const check = (10 - (weighted(value, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10;
  return check === at(value, 10) && isDate(String(Number(value.slice(2, 4)) % 20), value.slice(4, 6));
}

function norwegian(value: string): boolean {
  const d = digitsOf(value);
  const one = (11 - (weighted(d, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11)) % 11;
  const two = (11 - (weighted(d, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
  return one === at(d, 9) && two === at(d, 10);
}

function turkish(d: string): boolean {
  const odd = at(d, 0) + at(d, 2) + at(d, 4) + at(d, 6) + at(d, 8);
  const even = at(d, 1) + at(d, 3) + at(d, 5) + at(d, 7);
  let sum = 0;
  for (let i = 0; i < 10; i++) sum += at(d, i);
  return d[0] !== '0' && (((odd * 7 - even) % 10) + 10) % 10 === at(d, 9) && sum % 10 === at(d, 10);
}

function bulgarian(d: string): boolean {
  const month = Number(d.slice(2, 4)) % 20;
  return (weighted(d, [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11) % 10 === at(d, 9) && isDate(String(month), d.slice(4, 6));
}

function swedish(value: string): boolean {
  const d = digitsOf(value).slice(-10);
  return passesLuhn(d) && isDate(d.slice(2, 4), String(Number(d.slice(4, 6)) % 60));
}

function southAfrican(d: string): boolean {
  return passesLuhn(d) && isDate(d.slice(2, 4), d.slice(4, 6)) && (d[10] === '0' || d[10] === '1' || d[10] === '2');
}

function korean(value: string): boolean {
  return isDate(value.slice(2, 4), value.slice(4, 6));
}

function thai(value: string): boolean {
  const d = digitsOf(value);
  return (11 - (weighted(d, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === at(d, 12);
}

function chinese(value: string): boolean {
  const rest = weighted(value, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
  return '10X98765432'[rest] === value.slice(-1).toUpperCase() && isDate(value.slice(10, 12), value.slice(12, 14));
}

function romanian(d: string): boolean {
  const rest = weighted(d, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
  return (rest === 10 ? 1 : rest) === at(d, 12) && isDate(d.slice(3, 5), d.slice(5, 7));
}

function chilean(value: string): boolean {
  const text = value.toUpperCase().replace(/[^0-9K]/g, '');
  let sum = 0;
  for (let i = text.length - 2, weight = 2; i >= 0; i--, weight = weight === 7 ? 2 : weight + 1)
    sum += at(text, i) * weight;
  return '0123456789K'[(11 - (sum % 11)) % 11] === text.at(-1);
}

function argentine(value: string): boolean {
  const d = digitsOf(value);
  return (11 - (weighted(d, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === at(d, 10);
}

function mexicanCurp(value: string): boolean {
  const alphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ';
  let sum = 0;
  for (let i = 0; i < 17; i++) sum += alphabet.indexOf(value.toUpperCase()[i] ?? '') * (18 - i);
  return String((10 - (sum % 10)) % 10) === value.slice(-1);
}

const verhoeffProduct = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const verhoeffPermutation = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

function verhoeff(value: string): boolean {
  const d = digitsOf(value);
  let check = 0;
  for (let i = 0; i < d.length; i++) {
    const permuted = Number(verhoeffPermutation[i % 8]?.[at(d, d.length - 1 - i)] ?? 0);
    check = Number(verhoeffProduct[check]?.[permuted] ?? 0);
  }
  return check === 0;
}

function australianAbn(value: string): boolean {
  const d = digitsOf(value);
  return (weighted(d, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10) % 89 === 0;
}

function australianTfn(value: string): boolean {
  return weighted(digitsOf(value), [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0;
}

function nhs(value: string): boolean {
  const d = digitsOf(value);
  return (11 - (weighted(d, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === at(d, 9);
}

function dutchBsn(value: string): boolean {
  return weighted(digitsOf(value), [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

function germanTaxId(value: string): boolean {
  const d = digitsOf(value);
  let product = 10;
  for (let i = 0; i < 10; i++) {
    let sum = (at(d, i) + product) % 10;
    if (sum === 0) sum = 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === at(d, 10) && d[0] !== '0';
}

function frenchNir(value: string): boolean {
  const text = value.replace(/[ .-]/g, '').toUpperCase().replace('2A', '19').replace('2B', '18');
  return 97 - (Number(text.slice(0, 13)) % 97) === Number(text.slice(13));
}

function belgian(value: string): boolean {
  const d = digitsOf(value);
  const check = Number(d.slice(9));
  return 97 - (Number(d.slice(0, 9)) % 97) === check || 97 - (Number(`2${d.slice(0, 9)}`) % 97) === check;
}

function singaporean(value: string): boolean {
  const text = value.toUpperCase();
  let sum = weighted(text.slice(1, 8), [2, 7, 6, 5, 4, 3, 2]);
  const kind = text[0] ?? '';
  if (kind === 'T' || kind === 'G') sum += 4;
  if (kind === 'M') sum += 3;
  const table = kind === 'S' || kind === 'T' ? 'JZIHGFEDCBA' : kind === 'M' ? 'XWUTRQPNJLK' : 'XWUTRQPNMLK';
  const index = kind === 'M' ? 10 - (sum % 11) : sum % 11;
  return table[index] === text.at(-1);
}

function npi(value: string): boolean {
  return passesLuhn(`80840${digitsOf(value)}`);
}

const id = (
  name: string,
  shape: RegExp,
  trust: 'anywhere' | 'alone',
  valid?: (value: string) => boolean,
): IdentityNumber => ({
  id: name,
  class: 'pii.national_id',
  shape,
  trust,
  ...(valid ? { valid } : {}),
});

export const identityNumbers: readonly IdentityNumber[] = [
  { id: 'us-ssn', class: 'pii.us_ssn', shape: /^(?!000|666)\d{3}[- ](?!00)\d\d[- ](?!0000)\d{4}$/, trust: 'anywhere' },
  id('us-itin', /^9\d\d[- ]?(?:[5-8]\d|9[0-24-9])[- ]?\d{4}$/, 'alone'),
  id(
    'us-mbi',
    /^[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y]{2}\d\d$/i,
    'anywhere',
  ),
  id('us-npi', /^[12]\d{9}$/, 'alone', npi),
  id('es-nif', /^(?:\d{8}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z])$/i, 'anywhere', spanishNif),
  id('it-fiscal-code', /^[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]$/i, 'anywhere', italianFiscalCode),
  id('it-vat', /^(?:IT)?\d{11}$/i, 'alone', passesLuhn),
  id('fi-henkilotunnus', /^\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]$/i, 'anywhere', finnish),
  id('br-cpf', /^\d{3}\.\d{3}\.\d{3}-\d\d$|^\d{11}$/, 'alone', cpf),
  id('br-cnpj', /^\d\d\.?\d{3}\.?\d{3}\/?\d{4}-?\d\d$/, 'alone', cnpj),
  id('pl-pesel', /^\d{11}$/, 'alone', pesel),
  id('no-fodselsnummer', /^\d{6} ?\d{5}$/, 'alone', norwegian),
  id('tr-tckn', /^[1-9]\d{10}$/, 'alone', turkish),
  id('bg-egn', /^\d{10}$/, 'alone', bulgarian),
  id('se-personnummer', /^(?:19|20)?\d{6}[-+]\d{4}$|^(?:19|20)\d{10}$/, 'anywhere', swedish),
  id('za-id', /^\d{13}$/, 'alone', southAfrican),
  id('kr-rrn', /^\d{6}-[0-9]\d{6}$/, 'anywhere', korean),
  id('kr-business-number', /^\d{3}-\d\d-\d{5}$/, 'alone'),
  id('th-id', /^\d-\d{4}-\d{5}-\d\d-\d$|^[1-8]\d{12}$/, 'alone', thai),
  id('cn-resident-id', /^[1-9]\d{16}[\dX]$/i, 'anywhere', chinese),
  id('ro-cnp', /^[1-9]\d{12}$/, 'alone', romanian),
  id('cl-rut', /^\d{1,2}\.?\d{3}\.?\d{3}-[\dK]$/i, 'anywhere', chilean),
  id('ar-cuit', /^(?:20|23|24|27|30|33|34)-\d{8}-\d$/, 'anywhere', argentine),
  id('mx-curp', /^[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d$/i, 'anywhere', mexicanCurp),
  id('mx-rfc', /^[A-Z&Ñ]{3,4}\d{6}[A-Z0-9]{2}[0-9A]$/i, 'alone'),
  id('in-aadhaar', /^[2-9]\d{3}[ -]\d{4}[ -]\d{4}$/, 'anywhere', verhoeff),
  id('in-aadhaar-plain', /^[2-9]\d{11}$/, 'alone', verhoeff),
  id('in-pan', /^[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]$/i, 'anywhere'),
  id('in-gstin', /^\d\d[A-Z]{5}\d{4}[A-Z][0-9A-Z]Z[0-9A-Z]$/i, 'anywhere'),
  id('in-voter', /^[A-Z]{3}\d{7}$/i, 'alone'),
  id('au-abn', /^\d\d ?\d{3} ?\d{3} ?\d{3}$/, 'alone', australianAbn),
  id('au-tfn', /^\d{3} \d{3} \d{3}$/, 'alone', australianTfn),
  id('au-medicare', /^[2-6]\d{3} ?\d{5} ?\d$/, 'alone'),
  id('uk-nino', /^(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]$/i, 'anywhere'),
  id('uk-nhs', /^\d{3}[ -]\d{3}[ -]\d{4}$/, 'alone', nhs),
  id('uk-driving-licence', /^[A-Z9]{5}\d{6}[A-Z9]{2}[0-9A-Z]{3}(?: ?\d\d)?$/i, 'anywhere'),
  id('uk-postcode', /^[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}$/i, 'alone'),
  id('uk-vehicle', /^[A-Z]{2}\d\d ?[A-Z]{3}$/i, 'alone'),
  id('ca-sin', /^\d{3}[- ]\d{3}[- ]\d{3}$/, 'anywhere', passesLuhn),
  id('nl-bsn', /^\d{9}$/, 'alone', dutchBsn),
  id('de-tax-id', /^[1-9]\d ?\d{3} ?\d{3} ?\d{3}$/, 'alone', germanTaxId),
  id('de-tax-number', /^\d{2,3}\/\d{3,4}\/\d{4,5}$/, 'anywhere'),
  id('de-health-insurance', /^[A-Z]\d{9}$/i, 'alone'),
  // Area, date of birth (DDMMYY, 00 where unknown), initial, serial and check digit: VKVV § 2. Without the date the last group of a UUID is one.
  id('de-social-security', /^\d\d ?(?:[0-2]\d|3[01])(?:0\d|1[0-2])\d\d ?[A-Z] ?\d{3}$/i, 'anywhere'),
  id('de-vat', /^DE ?\d{9}$/i, 'anywhere'),
  id('fr-nir', /^[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d$/i, 'anywhere', frenchNir),
  id('be-national-number', /^\d\d\.\d\d\.\d\d-\d{3}\.\d\d$/, 'anywhere', belgian),
  id('sg-nric', /^[STFGM]\d{7}[A-Z]$/i, 'anywhere', singaporean),
  id('dk-cpr', /^(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d-\d{4}$/, 'anywhere'),
  id('ph-tin', /^\d{3}-\d{3}-\d{3}-\d{3,5}$/, 'anywhere'),
  id('hk-id', /^[A-Z]{1,2}\d{6}\([0-9A]\)$/i, 'anywhere'),
  id('kr-driving-licence', /^\d\d-\d\d-\d{6}-\d\d$/, 'anywhere'),
  id('kr-rrn-plain', /^\d{6}[0-8]\d{6}$/, 'alone', korean),
  id('de-plate', /^[A-ZÄÖÜ]{1,3}[ -][A-Z]{1,2}[ -]?\d{1,4}[EH]?$/i, 'alone'),
  id('sg-uen', /^[TSR]\d\d[A-Z]{2}\d{4}[A-Z]$/i, 'anywhere'),
  id('it-identity-card', /^[A-Z]{2}\d{5}[A-Z]{2}$/i, 'alone'),
  id('tw-id', /^[A-Z][12]\d{8}$/i, 'alone'),
  id('tr-plate', /^(?:0[1-9]|[1-7]\d|8[01]) ?[A-Z]{1,3} ?\d{2,4}$/i, 'alone'),
  id('passport-like', /^[A-Z]{1,3}\d{6,8}$/i, 'alone'),
];

const lengthMin = 6;
const lengthMax = 24;

/** The fewest and the most characters a shape takes: literals, classes, groups, counted repeats and look-aheads are all there is in one. */
function lengthsOf(shape: string): { readonly fewest: number; readonly most: number } {
  let at = 0;
  const alternatives = (): { fewest: number; most: number } => {
    let fewest = Number.POSITIVE_INFINITY;
    let most = 0;
    let sum = { fewest: 0, most: 0 };
    const close = (): void => {
      fewest = Math.min(fewest, sum.fewest);
      most = Math.max(most, sum.most);
      sum = { fewest: 0, most: 0 };
    };
    while (at < shape.length && shape[at] !== ')') {
      if (shape[at] === '|') {
        at++;
        close();
        continue;
      }
      let one = { fewest: 1, most: 1 };
      const char = shape[at++] ?? '';
      if (char === '(') {
        const isLookahead = shape.startsWith('?!', at) || shape.startsWith('?=', at);
        at += 2;
        one = alternatives();
        at++;
        if (isLookahead) one = { fewest: 0, most: 0 };
      } else if (char === '[') {
        while (shape[at] !== ']') at += shape[at] === '\\' ? 2 : 1;
        at++;
      } else if (char === '\\') at++;
      else if (char === '^' || char === '$') one = { fewest: 0, most: 0 };
      const repeat = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(shape.slice(at));
      if (repeat) {
        at += repeat[0].length;
        const least = Number(repeat[1] ?? 0);
        one = { fewest: one.fewest * least, most: one.most * Number(repeat[2] ?? repeat[1] ?? 1) };
      }
      sum = { fewest: sum.fewest + one.fewest, most: sum.most + one.most };
    }
    close();
    return { fewest, most };
  };
  return alternatives();
}

/** For each length of a value, the identity numbers it may be and one expression over their shapes, which says no for most values at once. */
function byLength(
  rules: readonly IdentityNumber[],
): { readonly rules: readonly IdentityNumber[]; readonly any: RegExp }[] {
  const lengths = rules.map((each) => lengthsOf(each.shape.source));
  return Array.from({ length: lengthMax + 1 }, (_, length) => {
    const fitting = rules.filter((_, index) => {
      const { fewest = 0, most = 0 } = lengths[index] ?? {};
      return length >= fewest && length <= most;
    });
    const any = fitting.map((each) => `(?:${each.shape.source})`).join('|');
    return { rules: fitting, any: new RegExp(any === '' ? '(?!)' : any, 'i') };
  });
}
const aloneByLength = byLength(identityNumbers);
const anywhereByLength = byLength(identityNumbers.filter((each) => each.trust === 'anywhere'));

/** The identity number a value is, if it may stand where it stands. */
export function identityNumberOf(value: string, alone: boolean): IdentityNumber | undefined {
  if (value.length < lengthMin || value.length > lengthMax) return undefined;
  const candidates = (alone ? aloneByLength : anywhereByLength)[value.length];
  if (candidates === undefined || !candidates.any.test(value) || isFiller(value)) return undefined;
  return candidates.rules.find((each) => each.shape.test(value) && (each.valid === undefined || each.valid(value)));
}

/** `000000000`, `1111111111111`: nobody's number, though some checksums hold for it. */
function isFiller(value: string): boolean {
  return /^(\d)(?:\1|[ ./-])*$/.test(value);
}
