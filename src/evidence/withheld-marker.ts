/**
 * What redaction leaves where it took a whole value out or cut it: `[withheld:<what> bytes=<n> <fingerprint> ~<tag>]` for the
 * whole value, `…[cut:bytes=<n> <fingerprint> ~<tag>]` at an excerpt's end. This file only reads them; the tag is not checked
 * here, because redaction escapes imitations before anything reaches this stage.
 */
export interface WithheldMarker {
  readonly kind: 'withheld' | 'cut';
  /** UTF-8 bytes of the original. */
  readonly bytes: number;
  /** Keyed digest of the original; null when the policy says none. */
  readonly digest: string | null;
}

const WITHHELD = /^\[withheld:[^\][~]{1,200}? bytes=(\d{1,15})(?: (hmac:[^\s~\]]+))? ~[0-9a-f]{10}\]$/;
const CUT = /\[cut:bytes=(\d{1,15})(?: (hmac:[^\s~\]]+))? ~[0-9a-f]{10}\]$/;
const MARKER_LENGTH_MAX = 300;

/** The marker that stands for the whole of `text`, or that ends it; undefined when the text is as it was sent. */
export function withheldMarker(text: string): WithheldMarker | undefined {
  if (!text.endsWith(']')) return undefined;
  const withheld = text.length <= MARKER_LENGTH_MAX ? WITHHELD.exec(text) : null;
  if (withheld !== null) return { kind: 'withheld', bytes: Number(withheld[1]), digest: withheld[2] ?? null };
  const cut = CUT.exec(text.slice(-MARKER_LENGTH_MAX));
  return cut === null ? undefined : { kind: 'cut', bytes: Number(cut[1]), digest: cut[2] ?? null };
}
