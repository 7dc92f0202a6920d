import type { EvidenceContent } from '../record/evidence.ts';
import { plain, wellFormed } from './attribute.ts';
import type { AnyValue } from './telemetry-record.ts';
import { withheldMarker } from './withheld-marker.ts';

/** Longest content kept on a row, in UTF-16 units; the stored span or log record has the whole. */
export const CONTENT_LENGTH_MAX = 64 * 1024;

export const NOT_CAPTURED: EvidenceContent = { bytes: null, captured: false, digest: null, value: null };

/**
 * A content value as a row keeps it: text as it is, anything structured as JSON. A value that redaction withheld (or a list
 * or map of nothing else) is captured without a value.
 */
export function contentOf(value: AnyValue): EvidenceContent {
  const leaves = withheldLeaves(value);
  if (leaves !== undefined) return { bytes: leaves.bytes, captured: true, digest: leaves.digest, value: null };
  const text = typeof value === 'string' ? value : JSON.stringify(plain(value));
  const cut = withheldMarker(text);
  const bytes = cut?.bytes ?? Buffer.byteLength(text);
  return {
    bytes,
    captured: true,
    digest: cut?.digest ?? null,
    value: text.length > CONTENT_LENGTH_MAX ? `${wellFormed(text.slice(0, CONTENT_LENGTH_MAX))}…` : wellFormed(text),
  };
}

/** Bytes (and, of a single marker, the digest) of a value whose every text is a withheld marker; undefined when one is not. */
function withheldLeaves(value: AnyValue): { readonly bytes: number; readonly digest: string | null } | undefined {
  if (typeof value === 'string') {
    const marker = withheldMarker(value);
    return marker?.kind === 'withheld' ? { bytes: marker.bytes, digest: marker.digest } : undefined;
  }
  const inner = value instanceof Map ? [...value.values()] : Array.isArray(value) ? (value as readonly AnyValue[]) : [];
  let bytes = 0;
  let withheld = 0;
  for (const each of inner) {
    const leaves = withheldLeaves(each);
    if (leaves === undefined) {
      // Roles and indices beside withheld texts carry nothing; text that redaction let through does.
      if (typeof each === 'string' && each.length <= 32) continue;
      if (typeof each === 'number' || typeof each === 'boolean' || each === null) continue;
      return undefined;
    }
    bytes += leaves.bytes;
    withheld += 1;
  }
  return withheld === 0 ? undefined : { bytes, digest: null };
}
