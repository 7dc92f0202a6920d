import canonicalize from 'canonicalize';
import type { Entry } from '../record/entry.ts';

/** RFC 8785 canonical JSON of an entry as it is stored; two entries are the same when these are. */
export function canonicalEntry(entry: Entry): string {
  const text = canonicalize(entry);
  if (text === undefined) throw new TypeError('an entry is a JSON object');
  return text;
}
