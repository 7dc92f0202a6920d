import { keyRuleIds } from './sensitive-key.ts';

/** One span of text that must be replaced. */
export interface Finding {
  /** UTF-16 offsets in the given text, end exclusive; for an encoded carrier the span of the carrier that must be replaced. */
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly ruleVersion: number;
  /** `secret.<kind>` or `pii.<kind>`. */
  readonly class: string;
  /** Encodings the value was found through, outermost first; empty for plain text. */
  readonly encodings: readonly string[];
}

/** A finding before overlaps are settled. */
export interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly version: number;
  readonly class: string;
  readonly encodings: readonly string[];
  readonly priority: number;
}

/** Found as it stands, without undoing an encoding. */
export const plain: readonly string[] = [];

/** The findings among the candidates: sorted and disjoint, none of them within a marker that stands for something already taken out. */
export function settle(text: string, candidates: readonly Candidate[]): Finding[] {
  const marked = text.includes('[redacted');
  // What stands before the host of a URL is its user and password, and no mailbox at that host.
  const passwords = candidates.filter((each) => each.rule === 'url-password');
  const isOfPassword = (each: Candidate): boolean =>
    each.rule === 'email' &&
    passwords.some((other) => each.start < other.end && each.start >= other.start && each.end > other.end);
  const ordered = candidates
    .filter(
      (each) =>
        each.end > each.start &&
        !(passwords.length > 0 && isOfPassword(each)) &&
        !(marked && isInsideMarker(text, each.start, each.end)),
    )
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const merged: Candidate[] = [];
  for (const each of ordered) {
    const last = merged.at(-1);
    if (!last || each.start >= last.end) {
      merged.push(each);
      continue;
    }
    // What a telling name introduces is a secret, also when it looks like an address, of which a policy may keep a part.
    const secret = isSecretAddress(each, last) ? each : isSecretAddress(last, each) ? last : undefined;
    if (secret !== undefined) {
      merged[merged.length - 1] = { ...secret, start: last.start, end: Math.max(last.end, each.end) };
      continue;
    }
    // Overlapping spans become one: the name of the higher priority, then of the longer span, over both.
    const wins =
      each.priority > last.priority ||
      (each.priority === last.priority && each.end - each.start > last.end - last.start);
    const name = wins ? each : last;
    merged[merged.length - 1] = { ...name, start: last.start, end: Math.max(last.end, each.end) };
  }
  return merged.map(({ start, end, rule, version, class: kind, encodings }) => ({
    start,
    end,
    rule,
    ruleVersion: version,
    class: kind,
    encodings,
  }));
}

const marker = /\[redacted(?::[a-z0-9._-]{1,64})?\]/y;
const markerMax = 80;

/** Whether a span lies in a marker that stands for something already taken out. */
function isInsideMarker(text: string, start: number, end: number): boolean {
  const from = Math.max(0, start - markerMax);
  const at = text.slice(from, start + '[redacted'.length).lastIndexOf('[redacted');
  if (at < 0) return false;
  marker.lastIndex = from + at;
  const match = marker.exec(text);
  return match !== null && start >= match.index && end <= match.index + match[0].length;
}

/** Whether one finding is a secret, named by its key, that another takes for an IP address. */
function isSecretAddress(secret: Candidate, address: Candidate): boolean {
  return address.rule === 'ip-address' && secret.class.startsWith('secret.') && keyRuleIds.includes(secret.rule);
}
