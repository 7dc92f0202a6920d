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

function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (!value.isWellFormed()) throw new TypeError('a lone surrogate has no canonical form');
      return JSON.stringify(value);
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
  for (const [at, value] of values.entries()) {
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
    text += `${text === '' ? '{' : ','}${canonical(key)}:${canonical(value)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}
