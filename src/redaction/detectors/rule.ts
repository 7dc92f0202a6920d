/**
 * Detector rules as data: what one kind of secret or personal datum looks like.
 *
 * A rule runs only in a bounded window around one of its keywords, so its pattern must be cheap: the restricted subset that
 * `pattern-gate.ts` accepts (no lookbehind, no backreference, no nested repeat, every repeat bounded by 512).
 */

/** A check on the captured value, after the pattern matched. All of a rule's validations must hold. */
export type Validation =
  | { readonly entropy: number } // Shannon entropy in bits per character, at least this much
  | { readonly digits: number } // at least this many ASCII digits
  | { readonly letters: number } // at least this many ASCII letters
  | { readonly check: string }; // a named check of `validators.ts`, such as "luhn", "iban", "jwt", "github-crc32"

export interface DetectorRule {
  /** Stable, lower-case, hyphenated; receipts and policies name it. */
  readonly id: string;
  readonly version: number;
  /** `secret.<kind>` or `pii.<kind>`. */
  readonly class: string;
  /** Literal texts, matched without regard to ASCII case; the pattern runs only near one of them. */
  readonly keywords: readonly string[];
  /** UTF-16 units of text given to the pattern before the keyword's start and after its end. */
  readonly window: { readonly before: number; readonly after: number };
  /** Regular expression source, in the restricted subset. */
  readonly pattern: string;
  /** Regular expression flags besides `d` and `g`. */
  readonly flags?: '' | 'i' | undefined;
  /** The capture group that is the value; 0 (the default) is the whole match. */
  readonly group?: number | undefined;
  readonly validate?: readonly Validation[] | undefined;
  /** Patterns that, matched against the captured value alone, make it no finding. */
  readonly not?: readonly string[] | undefined;
  /** Of overlapping findings the one with the higher priority names the span; default 50. */
  readonly priority?: number | undefined;
  /**
   * `token`: the pattern is not searched for; it must match, in whole, a random-looking token that follows a keyword within the
   * window. For secrets that only the vendor's name beside them betrays.
   */
  readonly subject?: 'text' | 'token' | undefined;
  readonly examples: { readonly hit: readonly string[]; readonly miss: readonly string[] };
}
