import { wellFormed } from '../attribute.ts';

/** Fields of a webhook's payload; whoever sends it says what they hold. */
export type Fields = Readonly<Record<string, unknown>>;

/** The longest text that is taken, in characters. */
export const TEXT_MAX = 4_000;
const KEY_MAX = 200;
/** Labels, annotations or details of one alert that are taken. */
export const FIELDS_OF_ONE_MAX = 64;

/** The URL when it is one of http or https, as a page may show it as a link; `''` otherwise. */
export function webLink(url: string): string {
  return /^https?:\/\/[^\s<>"\p{Cc}\p{Cs}]{1,950}$/iu.test(url) ? url : '';
}

/** Undefined for what is no object. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The first non-empty text or number under one of the keys, of the first object that has one. */
export function text(places: readonly Fields[], ...keys: readonly string[]): string {
  for (const place of places) {
    for (const key of keys) {
      const value = Object.hasOwn(place, key) ? place[key] : undefined;
      if (typeof value === 'string' && value.trim() !== '') return wellFormed(value.slice(0, TEXT_MAX));
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    }
  }
  return '';
}

/** Texts, numbers and truth values among the fields, as text. */
export function textsOf(value: unknown): Record<string, string> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, each] of Object.entries(fieldsOf(value) ?? {}).slice(0, FIELDS_OF_ONE_MAX)) {
    const name = wellFormed(key.slice(0, KEY_MAX));
    if (typeof each === 'string' && each !== '') texts[name] = wellFormed(each.slice(0, TEXT_MAX));
    else if (typeof each === 'number' || typeof each === 'boolean') texts[name] = String(each);
  }
  return texts;
}
