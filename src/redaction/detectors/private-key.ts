/**
 * PEM and PGP private keys, however they are wrapped: real or escaped line ends, one line, indented, cut off before the end marker.
 */
const begin = /-{4,5} ?BEGIN[ A-Za-z0-9_-]{0,40}PRIVATE[ _]?KEY(?: BLOCK)?-{0,5}/iy;
const endMarker = /(?:-{1,5} ?END[ A-Z0-9_-]{0,40}PRIVATE[ _]?KEY(?: BLOCK)?-{0,5}|[A-Z]{0,8}KEY-----)/gi;
const body = /[A-Za-z0-9+/=\s\\:,."'_()@<>-]/;
const spanMax = 32_768;

/** The span of the private key whose marker begins at an offset, or undefined when there is none. */
export function privateKeyAt(text: string, at: number): { readonly start: number; readonly end: number } | undefined {
  begin.lastIndex = at;
  const marker = begin.exec(text);
  if (!marker) return undefined;
  const from = at + marker[0].length;
  const next = text.indexOf('-----BEGIN', from);
  const window = text.slice(from, Math.min(from + spanMax, next < 0 ? text.length : next));
  endMarker.lastIndex = 0;
  const end = endMarker.exec(window);
  if (end) return { start: at, end: from + end.index + end[0].length };
  // Cut off: everything that can belong to a body.
  let to = 0;
  while (to < window.length && body.test(window[to] ?? '')) to++;
  return to > 8 ? { start: at, end: from + to } : undefined;
}
