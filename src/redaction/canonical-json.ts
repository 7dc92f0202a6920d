/* oxlint-disable no-control-regex -- control characters are what JSON escapes */
const ESCAPED = /[\u0000-\u001f"\\\ud800-\udfff]/;
const DEPTH_MAX = 256;

/**
 * RFC 8785 canonical JSON of a value that `JSON.parse` gave: members sorted by UTF-16 code units, no white space. Throws
 * RangeError when it nests deeper than 256, and on lone surrogates, which have no canonical form.
 * @param source the JSON text of the value, when it is at hand: without escapes in it no string has to be looked at
 */
export function canonicalJson(value: unknown, source?: string): string {
  const isPlain = source !== undefined && !source.includes('\\') && Buffer.byteLength(source) === source.length;
  return canonicalValue(value, isPlain ? quoted : canonicalString, 0);
}

function canonicalValue(value: unknown, string: (text: string) => string, depth: number): string {
  if (typeof value === 'string') return string(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= DEPTH_MAX) throw new RangeError('nested too deep');
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value as unknown[])
      text += `${text === '' ? '' : ','}${canonicalValue(item, string, depth + 1)}`;
    return `[${text}]`;
  }
  const members = value as Record<string, unknown>;
  for (const key of sorted(Object.keys(members))) {
    text += `${text === '' ? '' : ','}${string(key)}:${canonicalValue(members[key], string, depth + 1)}`;
  }
  return `{${text}}`;
}

function quoted(text: string): string {
  return `"${text}"`;
}

function canonicalString(text: string): string {
  if (!ESCAPED.test(text)) return `"${text}"`;
  if (/\p{Surrogate}/u.test(text)) throw new RangeError('lone surrogate');
  return JSON.stringify(text);
}

/** Objects have few members, often in order already: sorting by insertion then costs a fraction of the array's own sort. */
function sorted(keys: string[]): string[] {
  if (keys.length > SMALL) return keys.sort();
  for (let at = 1; at < keys.length; at += 1) {
    const key = keys[at] as string;
    let to = at;
    for (; to > 0 && (keys[to - 1] as string) > key; to -= 1) keys[to] = keys[to - 1] as string;
    keys[to] = key;
  }
  return keys;
}

const SMALL = 16;
