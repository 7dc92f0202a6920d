import type { Redaction, RedactionAction } from '../pipeline/receipt.ts';
import { addressPrefix } from './address-prefix.ts';
import type { Finding } from './detectors/finding.ts';
import type { Fingerprints } from './fingerprint.ts';
import type { KeyRule } from './key-rule.ts';
import type { MarkerRange, Markers } from './marker.ts';
import { findingActionOf } from './policy.ts';
import { isPrivateAddress } from './private-address.ts';
import type { Pseudonyms } from './pseudonym.ts';
import type { TextContext } from './text-context.ts';
import type { TextEdit } from './text-edit.ts';

/** What came to pass when a text could not be finished. */
export type ScrubFailure = 'engine_error' | 'budget';

/** What stands in place of what goes, with its receipt. `within` is the path from the context's own, '' for the whole text. */
export interface Replacements {
  /** Gives the receipt; returns the original's fingerprint. */
  note(
    context: TextContext,
    within: string,
    what: KeyRule,
    action: RedactionAction,
    original: string,
    encodings?: readonly string[],
  ): string;
  /** A marker that says `what` and how long the text was. */
  withhold(text: string, what: string, rule: KeyRule, within: string, context: TextContext): string;
  /** True for a text that is one of Docket's own markers and nothing else. */
  isOneMarker(text: string): boolean;
  failed(reason: ScrubFailure, text: string, within: string, context: TextContext): string;
  /** What the policy has in the place of a finding. */
  of(finding: KeyRule & Pick<Redaction, 'encodings'>, original: string, within: string, context: TextContext): string;
  /** The edits for findings in order, in a text whose forged markers are escaped. */
  edits(escaped: string, findings: readonly Finding[], key: string, within: string, context: TextContext): TextEdit[];
}

export function createReplacements(options: {
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  readonly pseudonyms: Pseudonyms;
  /** Told of every text withheld because the engine could not finish it. */
  readonly onFailure: (reason: ScrubFailure) => void;
}): Replacements {
  const { markers, fingerprints, pseudonyms } = options;

  const note = (
    context: TextContext,
    within: string,
    what: KeyRule,
    action: RedactionAction,
    original: string,
    encodings: readonly string[] = [],
  ): string => {
    const fingerprint = fingerprints.of(context.tenant, original);
    context.receive({
      path: context.path + within,
      class: what.class,
      rule: what.rule,
      ruleVersion: what.ruleVersion,
      action,
      encodings,
      originalBytes: Buffer.byteLength(original),
      fingerprint,
    });
    return fingerprint;
  };

  const withhold = (text: string, what: string, rule: KeyRule, within: string, context: TextContext): string => {
    if (text === '' || isOneMarker(text)) return text;
    const fingerprint = note(context, within, rule, 'withhold', text);
    return markers.withheld(what, Buffer.byteLength(text), fingerprint);
  };

  const isOneMarker = (text: string): boolean => {
    const [first] = markers.own(text);
    return first !== undefined && first.start === 0 && first.end === text.length;
  };

  const failed = (reason: ScrubFailure, text: string, within: string, context: TextContext): string => {
    options.onFailure(reason);
    return withhold(text, reason, { class: 'content.unscanned', rule: reason, ruleVersion: 1 }, within, context);
  };

  const replacement = (
    finding: KeyRule & { readonly encodings: readonly string[] },
    original: string,
    within: string,
    context: TextContext,
  ): string => {
    const action = findingActionOf(context.rules, finding.rule, finding.class);
    if (action.do === 'keep') return original;
    if (action.do === 'pseudonym') {
      const token = pseudonyms.of(finding.rule, original, context, action.stable);
      if (token !== undefined) {
        note(context, within, finding, 'pseudonym', original, finding.encodings);
        return token;
      }
    }
    if (action.do === 'truncate' && finding.encodings.length === 0) {
      const prefix = addressPrefix(original, action.prefixV4, action.prefixV6);
      if (prefix === original) return original;
      if (prefix !== undefined) {
        note(context, within, finding, 'truncate', original, finding.encodings);
        return prefix;
      }
    }
    note(context, within, finding, 'mask', original, finding.encodings);
    if (action.do === 'mask' && finding.encodings.length === 0 && original.length >= action.keepLast * 3) {
      const kept = original.slice(original.length - action.keepLast).replaceAll(/[^\p{L}\p{N}]/gu, '*');
      return markers.redacted(`${finding.rule} ends=${kept}`);
    }
    return markers.redacted(finding.rule);
  };

  const allowed = (finding: Finding, captured: string, context: TextContext): boolean =>
    (finding.rule === 'ip-address' && context.rules.keepsPrivateAddresses && isPrivateAddress(captured)) ||
    context.rules.allow.some((each) => each.rules.has(finding.rule) && each.value(captured));

  const edits = (
    escaped: string,
    findings: readonly Finding[],
    key: string,
    within: string,
    context: TextContext,
  ): TextEdit[] => {
    const found: TextEdit[] = [];
    if (findings.length === 0) return found;
    const own = markers.own(escaped);
    let at = 0;
    for (const finding of findings) {
      if (!(finding.start >= at && finding.end > finding.start && finding.end <= escaped.length)) {
        throw new Error('a scanner gave findings out of order');
      }
      const range = outsideMarkers(escaped, finding.start, finding.end, own);
      if (range === undefined) continue;
      const captured = escaped.slice(range.start, range.end);
      if (allowed(finding, captured, context) || isResourceName(finding, escaped, key)) continue;
      found.push({ start: range.start, end: range.end, text: replacement(finding, captured, within, context) });
      at = range.end;
    }
    return found;
  };

  return { note, withhold, isOneMarker, failed, of: replacement, edits };
}

/** What is left of a finding outside Docket's own markers; undefined when only quotes and punctuation are. */
function outsideMarkers(
  text: string,
  start: number,
  end: number,
  own: readonly MarkerRange[],
): { readonly start: number; readonly end: number } | undefined {
  const touched = own.filter((range) => range.start < end && range.end > start);
  if (touched.length === 0) return { start, end };
  let rest = '';
  let at = start;
  for (const range of touched) {
    rest += text.slice(at, Math.max(at, range.start));
    at = Math.max(at, range.end);
  }
  rest += text.slice(at, Math.max(at, end));
  if (!/[\p{L}\p{N}]/u.test(rest)) return undefined;
  // Never leave half a marker.
  const first = touched[0];
  const last = touched.at(-1);
  return { start: Math.min(start, first?.start ?? start), end: Math.max(end, last?.end ?? end) };
}

const RESOURCE_NAME_KEY =
  /^(?:k8s\.[a-z_]+\.(?:name|uid)|service\.(?:name|instance\.id)|host\.name|container\.name|server\.address)$/;

/** `checkout-5c696cc4dc-wrvnx` in `k8s.pod.name` only looks like a vendor's name with its key beside it. */
function isResourceName(finding: Finding, text: string, key: string): boolean {
  return (
    finding.class === 'secret.vendor_key' &&
    RESOURCE_NAME_KEY.test(key) &&
    /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(text) &&
    !/[a-z0-9]{26}/.test(text)
  );
}
