/** The words of a list written as text, apart by white space: the lists of tier rules read as what they are. */
export function wordSet(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
