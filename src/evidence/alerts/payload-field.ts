/** Fields of a webhook's payload; whoever sends it says what they hold. */
export type Fields = Readonly<Record<string, unknown>>;

/** The longest text that is taken, in characters. */
export const TEXT_MAX = 4_000;
/** Labels, annotations or details of one alert that are taken. */
export const FIELDS_OF_ONE_MAX = 64;

/** Undefined for what is no object. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** The first non-empty text or number under one of the keys, of the first object that has one. */
export function text(places: readonly Fields[], ...keys: readonly string[]): string {
  for (const place of places) {
    for (const key of keys) {
      const value = Object.hasOwn(place, key) ? place[key] : undefined;
      if (typeof value === 'string' && value.trim() !== '') return value.slice(0, TEXT_MAX);
      if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    }
  }
  return '';
}

/** Texts, numbers and truth values among the fields, as text. */
export function textsOf(value: unknown): Record<string, string> {
  const texts: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [key, each] of Object.entries(fieldsOf(value) ?? {}).slice(0, FIELDS_OF_ONE_MAX)) {
    if (typeof each === 'string' && each !== '') texts[key.slice(0, 200)] = each.slice(0, TEXT_MAX);
    else if (typeof each === 'number' || typeof each === 'boolean') texts[key.slice(0, 200)] = String(each);
  }
  return texts;
}
