import { classifyKey } from './sensitive-key.ts';
import { startsWord } from './text-unit.ts';

/** Words near which a random-looking text is a credential. */
export const credentialWords =
  'password passwd passphrase passcode pwd pswd passwort contrasena kennwort secret token api_key apikey api-key auth authorization credential cred key private bearer cookie session signature sig= pass dsn connectionstring connection_string connstr mnemonic seed jwt oauth access license licence cvv cvc pin pat otp webhook sas hmac login'.split(
    ' ',
  );
/** Those that need no name right before the token. */
export const loosely = new Set(
  'password passwd passphrase pwd secret token api_key apikey api-key auth credential key private bearer access pat license signature jwt cookie'.split(
    ' ',
  ),
);
/** Parts of the names of keys that hold identity numbers. */
export const identityKeyWords =
  'passport plate postcode post_code postal zipcode zip_code voter taxid tax_id tax-id taxno vat_ vatid ssn social nino aadhaar medicare national identity citizen insurance licence license personnummer pesel cpf cnpj curp fiscal codice steuer cedula dni nif rut_ cuit bsn tfn abn npi driver driving idcard id_card id_number idnumber personal phone mobile msisdn'.split(
    ' ',
  );
export const identityKey = new RegExp(identityKeyWords.join('|'), 'i');

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** Short words occur inside others and inside base64; they count where a word or a camel-case hump begins and ends. */
export function standsAlone(text: string, start: number, end: number): boolean {
  if (end - start > 4) return true;
  const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;
  const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a;
  const first = text.charCodeAt(start);
  const last = text.charCodeAt(end - 1);
  const before = start > 0 ? text.charCodeAt(start - 1) : 0x20;
  const after = end < text.length ? text.charCodeAt(end) : 0x20;
  if ((isLower(before) && isLower(first)) || isUpper(before)) {
    if (
      !(text[start - 2] === '\\' && isLower(before)) &&
      !(isUpper(before) && isUpper(first) && !isAlphanumeric(after)) &&
      !(isLower(before) && !isAlphanumeric(after))
    )
      return false;
  }
  if (before >= 0x30 && before <= 0x39 && isAlphanumeric(after)) return false;
  return !((isLower(last) && isLower(after)) || (isUpper(last) && isUpper(after)));
}

/** A name may begin at a word's start or at a camel-case hump. */
export function standsFirst(units: Uint16Array, at: number): boolean {
  if (startsWord(units, at)) return true;
  const before = units[at - 1] as number;
  const first = units[at] as number;
  return before >= 0x61 && before <= 0x7a && first >= 0x41 && first <= 0x5a;
}

const introduction =
  /^[A-Za-z0-9_.-]{0,40}["'`\\)\]]{0,6}[\s:=>|?,-]{0,8}(?:(?:api|app|access|secret|private|client|auth|user|token|key|id|i|we|you|use|used|using|need)[\s_.-]{0,2}){0,4}[\s:=>|?,-]{0,8}["'`\\([{]{0,6}$/i;

/** Whether only separators and words such as `key` stand between a name and a token: then less randomness is asked of it. */
export function introduces(text: string, nameEnd: number, tokenStart: number): boolean {
  if (tokenStart - nameEnd > 64) return false;
  const between = text.slice(nameEnd, tokenStart);
  if (!introduction.test(between)) return false;
  return (
    !uuidStart.test(text.slice(tokenStart, tokenStart + 19)) ||
    /["'=:>|]|key|token|secret|access|private/i.test(between)
  );
}

const uuidStart = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/i;

/** `key_name`, `token_path`, `password_policy`: a name that goes on behind the telling word and then speaks about a secret instead of holding it. */
export function isDescription(text: string, wordEnd: number, start: number, end: number): boolean {
  return (
    /^[_-](?:[a-z]{1,12}[_-]){0,2}(?:name|path|file|type|policy|count|length|format|algorithm|status)$/i.test(
      text.slice(wordEnd, end),
    ) && classifyKey(text.slice(start, end)) === undefined
  );
}
