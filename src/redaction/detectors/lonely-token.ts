/** Tokens that no keyword announces. */
import { plain, type Candidate } from './finding.ts';
import { isOpaque, ownerOf } from './opaque-token.ts';
import { shannonEntropy } from './validators.ts';

const lonelyMin = 40;
const lonelyMax = 160;

/** Long enough, mixed enough and introduced by nothing that says it is a digest or an image: a key, most likely. */
export function isLonelySecret(text: string, start: number, end: number): boolean {
  const value = text.slice(start, end);
  // Personal access tokens of Azure DevOps: 52 characters of base 32, without a prefix.
  if (value.length === 52 && /^[a-z2-7]+$/.test(value))
    return shannonEntropy(value) >= 4 && ownerOf(text, start, start) === 'none';
  if (!/[a-z]/.test(value) || !/[A-Z]/.test(value) || (value.match(/\d/g)?.length ?? 0) < 4 || value.startsWith('/'))
    return false;
  if (
    /base64[,"':= ]{0,4}$/.test(text.slice(Math.max(0, start - 12), start)) ||
    value.includes('/') ||
    value.includes('+') ||
    text[end] === '='
  )
    return false;
  return ownerOf(text, start, start) === 'none' && shannonEntropy(value) >= 4.3;
}

/** Three parts joined by dots, the first and the last random: signed tokens of whatever kind. */
const signedToken = /([A-Za-z0-9_-]{18,512})\.[A-Za-z0-9_-]{4,512}\.([A-Za-z0-9_-]{16,512})/y;

/** A token with characters in it that nobody sees: whoever put them there hides something. */
const brokenToken = /[A-Za-z0-9_.+/=-]{2,128}(?:[\u00ad\u200b-\u200f\u2060\ufeff]{1,8}[A-Za-z0-9_.+/=-]{1,128}){1,64}/g;
const invisible = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

/** Notes tokens with invisible characters in them. */
export function findBroken(text: string, out: Candidate[]): void {
  brokenToken.lastIndex = 0;
  for (let match = brokenToken.exec(text); match; match = brokenToken.exec(text)) {
    const value = match[0].replaceAll(invisible, '');
    if (!/[A-Za-z]/.test(value) || !isOpaque(value, 12)) continue;
    out.push({
      start: match.index,
      end: match.index + match[0].length,
      rule: 'broken-token',
      version: 1,
      class: 'secret.generic',
      encodings: ['zero-width'],
      priority: 5,
    });
  }
}

/** What the long run of characters at [start, end) is by itself: a random token, or the head of a signed one. */
export function lonelyTokenAt(
  text: string,
  start: number,
  end: number,
  disabled: ReadonlySet<string>,
): Candidate | undefined {
  const isOfLength = end - start >= lonelyMin && end - start <= lonelyMax;
  if (isOfLength && !disabled.has('random-token') && isLonelySecret(text, start, end)) {
    return {
      start,
      end,
      rule: 'random-token',
      version: 1,
      class: 'secret.generic',
      encodings: plain,
      priority: 5,
    };
  }
  if (text[end] !== '.' || text[start - 1] === '.') return undefined;
  signedToken.lastIndex = start;
  const match = signedToken.exec(text);
  if (!match || disabled.has('signed-token') || !isOpaque(match[1] ?? '', 18) || !isOpaque(match[2] ?? '', 16))
    return undefined;
  return {
    start,
    end: start + match[0].length,
    rule: 'signed-token',
    version: 1,
    class: 'secret.token',
    encodings: plain,
    priority: 35,
  };
}
