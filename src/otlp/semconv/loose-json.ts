/**
 * JSON that senders put into attributes as text: cut off, redacted or never JSON at all. What is not as expected reads as
 * absent; nothing here throws.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/** What the text says; undefined when it is no JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The value when it is an object, which lists are not. */
export function objectIn(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** A text as it is, anything else as JSON; undefined for nothing, and for what nests deeper than it could be written. */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    // Reading JSON takes no stack, writing it does.
    return undefined;
  }
}
