import { createKeyedHash } from './keyed-hash.ts';

const TAG_HEX = 10;
const TAG_CACHE_MAX = 1024;
const MARKER = /\[((?:redacted|withheld|cut|pseudonym):[^\][~]{1,240})~([0-9a-f]{10})\]/g;
const LOOKALIKE = /\[(?=(?:redacted|withheld|cut|pseudonym):)/gi;
const LOOKALIKE_HERE = /^\[(?:redacted|withheld|cut|pseudonym):/i;
const OPENERS = ['[redacted:', '[withheld:', '[cut:', '[pseudonym:'];

export interface MarkerRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The text Docket leaves where it took something out: `[redacted:email~3f…]`, `[withheld:messages.input bytes=512
 * hmac:k1:… ~…]`. The tag after `~` is a digest of the rest under the deployment's key, so that a second pass leaves
 * Docket's own markers alone while a sender's imitation is told apart and escaped.
 */
export interface Markers {
  redacted(rule: string): string;
  pseudonym(rule: string, fingerprint: string): string;
  /** @param bytes UTF-8 bytes of the original */
  withheld(what: string, bytes: number, fingerprint: string): string;
  /** Ends an excerpt. @param bytes UTF-8 bytes of the original */
  cut(bytes: number, fingerprint: string): string;
  /** Where Docket's own markers are, in order. */
  own(text: string): readonly MarkerRange[];
  /** True when the text holds anything that starts like a marker, Docket's own or not. */
  mayHoldForged(text: string): boolean;
  /** `[redacted:` and its kin that this deployment did not write become `[sender:redacted:`. */
  escapeForged(text: string): string;
}

export function createMarkers(key: Buffer): Markers {
  const tags = new Map<string, string>();
  const keyedHash = createKeyedHash(key);
  const digest = (body: string): string => keyedHash('docket.marker\0', body).slice(0, TAG_HEX);
  const tagOf = (body: string): string => {
    const known = tags.get(body);
    if (known !== undefined) return known;
    const tag = digest(body);
    if (tags.size >= TAG_CACHE_MAX) tags.clear();
    tags.set(body, tag);
    return tag;
  };
  const mark = (body: string): string => `[${body}~${tagOf(body)}]`;
  /** One that names its original is hardly ever written twice: remembered, it would only make others be forgotten. */
  const markOnce = (body: string): string => `[${body}~${digest(body)}]`;
  const own = (text: string): MarkerRange[] => {
    const ranges: MarkerRange[] = [];
    if (!OPENERS.some((opener) => text.includes(opener))) return ranges;
    for (const match of text.matchAll(MARKER)) {
      if (tagOf(match[1] ?? '') === match[2]) ranges.push({ start: match.index, end: match.index + match[0].length });
    }
    return ranges;
  };
  const mayHoldForged = (text: string): boolean => {
    for (let at = text.indexOf('['); at >= 0; at = text.indexOf('[', at + 1)) {
      // Lists of JSON begin with quotes and braces: few brackets stand before one of these letters.
      if (isMarkerLetter(text.charCodeAt(at + 1)) && LOOKALIKE_HERE.test(text.slice(at, at + 12))) return true;
    }
    return false;
  };
  return {
    redacted: (rule) => mark(`redacted:${rule}`),
    pseudonym: (rule, fingerprint) => mark(`pseudonym:${rule} ${fingerprint}`),
    withheld: (what, bytes, fingerprint) =>
      markOnce(`withheld:${what} bytes=${bytes}${fingerprint && ` ${fingerprint}`} `),
    cut: (bytes, fingerprint) => markOnce(`cut:bytes=${bytes}${fingerprint && ` ${fingerprint}`} `),
    own,
    mayHoldForged,
    escapeForged(text) {
      if (!mayHoldForged(text)) return text;
      const real = new Set(own(text).map((range) => range.start));
      return text.replace(LOOKALIKE, (bracket, at: number) => (real.has(at) ? bracket : '[sender:'));
    },
  };
}

/** r, w, c, p: the first letters of markers, in any case. */
function isMarkerLetter(code: number): boolean {
  const folded = code | 0x20;
  return folded === 0x72 || folded === 0x77 || folded === 0x63 || folded === 0x70;
}
