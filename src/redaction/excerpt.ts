import type { MarkerRange } from './marker.ts';

/** The text without half a character at its end. */
export function wellFormedEnd(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

const encoder = new TextEncoder();

/** The first `bytes` UTF-8 bytes, never cutting a character or a marker in two. */
export function cutAt(text: string, bytes: number, own: readonly MarkerRange[]): string {
  // The encoder says how far it came without cutting a character.
  const at = encoder.encodeInto(text.slice(0, bytes), new Uint8Array(bytes)).read;
  const split = own.find((range) => range.start < at && range.end > at);
  return text.slice(0, split?.start ?? at);
}
