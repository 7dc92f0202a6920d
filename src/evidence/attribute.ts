/// <reference lib="es2024.string" />

import { objectIn, parsedJson as jsonIn } from '../otlp/semconv/loose-json.ts';
import type { AnyValue, Attributes } from './telemetry-record.ts';

/** The first of `keys` that holds a non-empty string or a number, as text; `''` when none does. */
export function text(attributes: Attributes, ...keys: readonly string[]): string {
  for (const key of keys) {
    const value = attributes.get(key)?.[0];
    if (typeof value === 'string' && value !== '') return value;
    // Ids arrive as numbers from emitters that do not quote them.
    if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  }
  return '';
}

/** The first of `keys` that holds a whole number, or a string or double that is one; null when none does. */
export function count(attributes: Attributes, ...keys: readonly string[]): number | null {
  for (const key of keys) {
    const value = attributes.get(key)?.[0];
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return Math.round(value);
    if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  }
  return null;
}

/** The first of `keys` that is present, whatever its type; undefined when none is. An empty string counts as absent. */
export function first(attributes: Attributes, ...keys: readonly string[]): AnyValue | undefined {
  for (const key of keys) {
    const value = attributes.get(key)?.[0];
    if (value !== undefined && value !== null && value !== '') return value;
  }
  return undefined;
}

/** A boolean that some emitters write as the string "true" or "false"; null when it is neither. */
export function flag(attributes: Attributes, ...keys: readonly string[]): boolean | null {
  for (const key of keys) {
    const value = attributes.get(key)?.[0];
    if (typeof value === 'boolean') return value;
    if (value === 'true') return true;
    if (value === 'false') return false;
  }
  return null;
}

/** True when one of `keys` is there, whatever it holds. */
export function has(attributes: Attributes, ...keys: readonly string[]): boolean {
  return keys.some((key) => attributes.has(key));
}

/** True when some key starts with `prefix`. */
export function hasPrefix(attributes: Attributes, prefix: string): boolean {
  for (const key of attributes.keys()) if (key.startsWith(prefix)) return true;
  return false;
}

/** What a value says that is JSON text; undefined when it is none (cut, masked, or never was). */
export function parsedJson(value: AnyValue | undefined): unknown {
  return typeof value === 'string' ? jsonIn(value) : undefined;
}

/** Numbers and texts among the members of plain data, to be read as attributes are; none of what is no object. */
export function figuresIn(value: unknown): Attributes {
  const figures = new Map<string, readonly AnyValue[]>();
  for (const [key, each] of Object.entries(objectIn(value) ?? {})) {
    if (typeof each === 'number' || typeof each === 'string') figures.set(key, [each]);
  }
  return figures;
}

/** A value as plain JSON data: maps become null-prototype objects, bytes base64, 64-bit integers strings. */
export function plain(value: AnyValue): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') {
    return value;
  }
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Map) {
    const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, each] of value as ReadonlyMap<string, AnyValue>) object[key] = plain(each);
    return object;
  }
  return (value as readonly AnyValue[]).map(plain);
}

/** Text whose half surrogate pairs (from JSON escapes, or from cutting) are U+FFFD, so that it has a UTF-8 and a JSON form. */
export function wellFormed(value: string): string {
  return value.toWellFormed();
}
