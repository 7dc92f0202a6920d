import canonicalize from 'canonicalize';

/** RFC 8785 canonical JSON: one text for one value, whatever the order its keys were written in. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('the value has no JSON form');
  return text;
}
