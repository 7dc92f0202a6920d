import { classifyKey } from './sensitive-key.ts';
import { isPlaceholder, shannonEntropy } from './validators.ts';

/** Texts that machines make: long, without spaces, letters and digits mixed. Only such texts count as secrets by context. */
export interface OpaqueToken {
  readonly start: number;
  readonly end: number;
  /** Already found to be a secret. */
  taken: boolean;
}

const headMax = 128;
const tokenByte = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.~-')
  tokenByte[char.charCodeAt(0)] = 1;
const tokenMin = 10;

/** Runs of token characters, in order; the text is looked at once. */
export function findTokens(text: string): OpaqueToken[] {
  const tokens: OpaqueToken[] = [];
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0;
    if (code < 128 && tokenByte[code] === 1) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      if (i - start >= tokenMin) tokens.push({ start, end: i, taken: false });
      start = -1;
    }
  }
  return tokens;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a value looks random enough that no human wrote it and no schema names it. */
export function isOpaque(text: string, lengthMin = 12): boolean {
  // The head is enough to tell, and bounds the cost of long values.
  const value = text.length > headMax ? text.slice(0, headMax) : text;
  if (value.length < lengthMin) return false;
  let digits = 0;
  let lower = 0;
  let upper = 0;
  let switches = 0;
  let last = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code <= 0x20) return false;
    let kind = 4;
    if (code >= 0x30 && code <= 0x39) {
      digits++;
      kind = 1;
    } else if (code >= 0x61 && code <= 0x7a) {
      lower++;
      kind = 2;
    } else if (code >= 0x41 && code <= 0x5a) {
      upper++;
      kind = 3;
    }
    if (kind !== last) switches++;
    last = kind;
  }
  const letters = lower + upper;
  if (letters === 0) return false;
  if (isPlaceholder(value)) return false;
  if (uuid.test(value)) return true;
  const entropy = shannonEntropy(value);
  if (digits === 0)
    return lower > 0 && upper > 0 && value.length >= 20 && switches >= value.length / 4 && entropy >= 3.5;
  if (letters < 2 && value.length < 24) return false;
  const wanted = value.length >= 20 ? 3 : 2.75;
  return entropy >= wanted && (switches >= 5 || value.length >= 24);
}

const hostPath = /^(?:[\w-]{1,63}\.){1,5}[a-z]{2,10}(?:[:/]|$)/i;
const objectName = /^[a-z]{3,24}(?:[-._][a-z0-9]{1,24}){1,6}$/;
const tokenMax = 1024;
const blobMin = 320;
const harmlessShape =
  /^(?:\d{4}-\d\d-\d\dT?[\d:.Z+-]{0,20}|v?\d{1,4}\.\d{1,6}\.\d{1,6}[\w.+-]{0,60}(?:\/go\.mod)?|(?:iVBORw0KGgo|R0lGODlh|\/9j\/4AAQ|JVBERi0x).*|sha(?:1|224|256|384|512)[-:=].{0,200}|h1:.{0,80}|[\d.:+-]+)$/;

/** Names of deployments, pods and hosts: words and short hashes joined by dashes or dots. */
export function isObjectName(value: string): boolean {
  return objectName.test(value) && !/[0-9a-z]{20}/.test(value);
}

/** The part of a token that looks random, without the punctuation around it; undefined for names, paths, dates and versions. */
export function looksRandom(
  text: string,
  start: number,
  end: number,
  introduced = false,
): { readonly start: number; readonly end: number } | undefined {
  // Files and images, not keys; what base64 carries is looked at where it is decoded.
  if (end - start > (introduced ? tokenMax : blobMin)) return undefined;
  let from = start;
  let to = end;
  while (from < to && /[-_.=/+~]/.test(text[from] ?? '')) from++;
  while (to > from && /[.~/]/.test(text[to - 1] ?? '')) to--;
  // `KEY=value`, `name:value` written without quotes: the value alone.
  const equals = text.slice(from, to).indexOf('=');
  if (
    equals > 0 &&
    /[^=]/.test(text.slice(from + equals, to)) &&
    /^[A-Za-z_.-]{1,40}$/.test(text.slice(from, from + equals))
  )
    from += equals + 1;
  const value = text.slice(from, to);
  // Commits, digests and object ids are hexadecimal too: those need a name right before them.
  if (!introduced && /^[0-9a-f-]+$/i.test(value)) return undefined;
  if (value.length < 12 || harmlessShape.test(value) || hostPath.test(value)) return undefined;
  if (value.includes('//') || text[from - 1] === '@' || text.slice(Math.max(0, from - 3), from).includes('://'))
    return undefined;
  if (objectName.test(value) && !/[0-9a-f]{24}/.test(value) && !uuid.test(value)) return undefined;
  if (/[/.]/.test(value)) {
    const segments = value.split(/[/.]/);
    if (!segments.some((segment) => segment.length >= 20 && isOpaque(segment, 20)) || value.startsWith('/'))
      return undefined;
    return { start: from, end: to };
  }
  return isOpaque(value, 12) || (introduced && isUnbroken(value)) ? { start: from, end: to } : undefined;
}

/** Long runs of letters or digits that are no words: what a key announces directly need not look random. */
function isUnbroken(value: string): boolean {
  if (isPlaceholder(value)) return false;
  if (/^[A-Z]{20,}$|^[a-z]{22,}$|^\d{20,}$/.test(value)) return true;
  return (
    value.length >= 12 &&
    /\d/.test(value) &&
    /[A-Za-z]{2}/.test(value) &&
    /^[A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)?$/.test(value) &&
    shannonEntropy(value) >= 2.5
  );
}

const harmlessLabel =
  /(?:sha-?\d{1,3}|md5|h1|commit|rev|revision|digest|checksum|hash|etag|blob|tree|integrity|trace|span|traceparent|request|correlation|trace_?id|span_?id|request_?id|uuid|guid|version|build|image|pod|node|container|order|tag|ref|sequence|fingerprint|instance|job|object|nonce|boundary|cid|color|zone|W\/)["'\\]{0,6}[ \t]{0,4}[-:=#/(@]{0,2}[ \t]{0,4}["'\\]{0,6}$/i;
const otherKey = /([A-Za-z_][\w.-]{0,63})["'\\]{0,6}[ \t]{0,4}(?::=|=>|[=:])[ \t]{0,4}["'\\]{0,6}$/;
const dottedName = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+\.[a-z][a-z0-9_]*$/;
const credentialish =
  /key|token|secret|pass|pwd|auth|cred|private|signature|login|user|account|client|app|api|id$|sid$|value|data|env|config|^(?:use|used|using|it|this|here|need|try|was|paste)$/i;

/**
 * Who introduces the token at an offset: nobody besides the context word (`none`), or a key or label of its own that says it is
 * something else (`other`), such as `commit 545e95…` or `trace_id=…`.
 */
export function ownerOf(text: string, at: number, contextStart: number): 'none' | 'other' {
  const before = text.slice(Math.max(0, at - 80), at);
  if (harmlessLabel.test(before)) return 'other';
  const key = otherKey.exec(before);
  if (!key) return 'none';
  const keyStart = at - (before.length - key.index);
  if (keyStart <= contextStart) return 'none';
  // Attributes have dotted names, and say what they are.
  if (dottedName.test(key[1] ?? '') && classifyKey(key[1] ?? '') === undefined) return 'other';
  return credentialish.test(key[1] ?? '') ? 'none' : 'other';
}
