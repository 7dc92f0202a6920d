declare const redactedBrand: unique symbol;

/**
 * A value that the redaction stage made. Everything behind redaction (spool, store, evidence, forward) accepts nothing
 * else, so that leaking a prompt does not compile.
 */
export type Redacted<T> = T & { readonly [redactedBrand]: true };

/**
 * Marks a value as redacted. Only `redaction/` (which made it) and `spool/` (which reads back what redaction made) may
 * import this; `test/architecture.test.ts` holds that rule.
 */
export function markRedacted<T>(value: T): Redacted<T> {
  return value as Redacted<T>;
}
