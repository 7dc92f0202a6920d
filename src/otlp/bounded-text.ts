const ELLIPSIS = '…';

/** The text cut to at most `bytesMax` bytes of UTF-8, between characters, ending in `…` when something was cut. */
export function boundedText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text;
  const bytes = Buffer.from(text.slice(0, bytesMax));
  let end = Math.min(bytes.length, bytesMax - Buffer.byteLength(ELLIPSIS));
  // Step back over continuation bytes so that no character is cut in two.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + ELLIPSIS;
}
