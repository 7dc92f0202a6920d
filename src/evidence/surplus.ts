/**
 * What is oldest in a set or map that outgrew its bound, a sixteenth of it at once: to find the oldest, V8 walks past every
 * entry deleted since it last rebuilt the table.
 */
export function surplus<Key>(all: { readonly size: number; keys(): Iterable<Key> }, max: number): readonly Key[] {
  if (all.size <= max) return [];
  const oldest: Key[] = [];
  for (const key of all.keys()) {
    if (oldest.length >= all.size - max + max / 16) break;
    oldest.push(key);
  }
  return oldest;
}
