/// <reference lib="es2024.string" />

/**
 * RFC 8785 canonical JSON of plain data, as `canonicalJson` of record/ gives it, for values that are mostly long strings: the
 * engine's own serialiser and well-formedness check see each of them once. A bigint (nanoseconds) is written as the text of its
 * decimal digits. Keys in `without` are left out at the top. Throws a TypeError on what has no canonical form (a lone surrogate,
 * a number that is not finite, anything that is not plain data).
 */
export function canonicalRow(row: Readonly<object>, without: ReadonlySet<string>): string {
  return canonicalObject(row as Readonly<Record<string, unknown>>, without);
}

const NOTHING: ReadonlySet<string> = new Set();

/** Most of a row's texts are short and need no escape: to see that is cheaper than to call the serialiser. */
const SHORT_MAX = 64;
const UNESCAPED = /^[ !#-[\]-~]*$/;

/** Names of keys as they are written, a colon behind: a row's are the same few in every row. */
const keyTexts = new Map<string, string>();
const KEY_TEXTS_MAX = 1_024;

function canonicalString(value: string): string {
  if (value.length <= SHORT_MAX && UNESCAPED.test(value)) return `"${value}"`;
  if (!value.isWellFormed()) throw new TypeError('a lone surrogate has no canonical form');
  return JSON.stringify(value);
}

function keyText(key: string): string {
  let text = keyTexts.get(key);
  if (text === undefined) {
    text = `${canonicalString(key)}:`;
    if (keyTexts.size < KEY_TEXTS_MAX && key.length <= SHORT_MAX) keyTexts.set(key, text);
  }
  return text;
}

function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError('the number has no canonical form');
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `"${value}"`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value)
        ? canonicalArray(value)
        : canonicalObject(value as Readonly<Record<string, unknown>>, NOTHING);
    default:
      throw new TypeError('the value has no canonical form');
  }
}

function canonicalArray(values: readonly unknown[]): string {
  let text = '[';
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    text += (at === 0 ? '' : ',') + (value === undefined ? 'null' : canonical(value));
  }
  return `${text}]`;
}

function sortedKeys(object: object): readonly string[] {
  const keys = Object.keys(object);
  let before = '';
  for (const key of keys) {
    if (key < before) return keys.sort();
    before = key;
  }
  return keys;
}

/** Keys in UTF-16 order; those without a value are left out. */
function canonicalObject(object: Readonly<Record<string, unknown>>, without: ReadonlySet<string>): string {
  let text = '';
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined || without.has(key)) continue;
    text += `${text === '' ? '{' : ','}${keyText(key)}${canonical(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
