import { createContentTreatment } from './content-treatment.ts';
import type { JoinedEdit } from './chunked-text.ts';
import { isHarmlessValue } from './detectors/harmless-value.ts';
import type { Scanner } from './detectors/scanner.ts';
import type { Fingerprints } from './fingerprint.ts';
import { createJsonScrub, TEXT_MIN } from './json-scrub.ts';
import { looksLikeJson } from './json-text.ts';
import { createKeyRules, type KeyRule } from './key-rule.ts';
import type { Markers } from './marker.ts';
import type { PolicyBudgets, PolicyRules, Treatment } from './policy.ts';
import type { Pseudonyms } from './pseudonym.ts';
import { createReplacements, type ScrubFailure } from './replacement.ts';
import { readsStructure, structuredFindings, withStructure } from './structured-text.ts';
import { HeldContext, type TextContext } from './text-context.ts';
import { applyTextEdits } from './text-edit.ts';

/** Redacts single texts: detectors, JSON structure, markers. Throws nothing; a text it cannot finish is withheld. */
export interface TextRedactor {
  /** True only when `scrub` would return the text unchanged: the quick answer for most of what comes. */
  isClean(text: string, key: string, rules: PolicyRules, budgets: PolicyBudgets): boolean;
  /** Replaces what detectors find and keeps the rest. Returns the very same string when nothing changed. */
  scrub(text: string, context: TextContext): string;
  /** Applies a content treatment. `undefined` means that the value is to be dropped. */
  treat(text: string, contentClass: string, treatment: Treatment, context: TextContext): string | undefined;
  /** What to replace in a text that came in pieces; all of it when it cannot be looked at. Receipts are given at once. */
  joinedEdits(joined: string, context: TextContext): readonly JoinedEdit[];
  /** Replaces the whole text under a rule of its key's name. */
  replaceWhole(text: string, rule: KeyRule, context: TextContext): string;
}

export function createTextRedactor(options: {
  readonly scanner: Scanner;
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  readonly pseudonyms: Pseudonyms;
  /** Told of every text withheld because the engine could not finish it. */
  readonly onFailure: (reason: ScrubFailure) => void;
}): TextRedactor {
  const { scanner, markers, pseudonyms } = options;
  const replacements = createReplacements(options);
  const { failed, isOneMarker } = replacements;

  /** One text without structure of its own. */
  const isCleanText = (text: string, key: string, rules?: PolicyRules): boolean => {
    if (text.length < TEXT_MIN) return true;
    if (markers.mayHoldForged(text)) return false;
    if (rules !== undefined && readsStructure(rules) && structuredFindings(text, key, rules).length > 0) return false;
    const { findings, status } = scanner.scan(text, { key });
    return findings.length === 0 && status === 'ok';
  };

  let surveyed = '';
  let surveyedMarks: readonly number[] | undefined = [];
  /** The survey of a text is asked for when it is judged and again when it is redacted. */
  const survey = (text: string): readonly number[] | undefined => {
    if (text !== surveyed) {
      surveyedMarks = scanner.surveyJson(text);
      surveyed = text;
    }
    return surveyedMarks;
  };

  /** JSON in which nothing has to be looked at string by string. */
  const isPlainJson = (text: string, key: string, rules: PolicyRules): boolean =>
    rules.redactKeys.length === 0 &&
    !readsStructure(rules) &&
    (key === '' || !scanner.isTellingKey(key)) &&
    // Lists of bare values are walked: what stands alone in them means more than it does in a sentence.
    /^\s*(?:\{|\[\s*[[{])/.test(text) &&
    !markers.mayHoldForged(text) &&
    survey(text)?.length === 0;

  const scrubPlain = (text: string, key: string, within: string, context: TextContext): string => {
    if (text.length < TEXT_MIN) return text;
    const escaped = markers.escapeForged(text);
    const { findings, status } = scanner.scan(escaped, { key });
    if (status === 'budget') return failed('budget', text, within, context);
    const { rules } = context;
    const all = readsStructure(rules) ? withStructure(findings, structuredFindings(escaped, key, rules)) : findings;
    return applyTextEdits(escaped, replacements.edits(escaped, all, key, within, context));
  };

  const replaceWhole = (text: string, rule: KeyRule, within: string, context: TextContext): string => {
    if (text === '' || isOneMarker(text)) return text;
    // A version, a media type, a digest under a telling name; what a policy names goes whatever it is.
    if (rule.rule !== 'policy.key' && isHarmlessValue(text, rule.rule)) return scrubPlain(text, '', within, context);
    return replacements.of({ ...rule, encodings: [] }, text, within, context);
  };

  const scrubNested = (text: string, key: string, within: string, context: TextContext, depth: number): string => {
    if (depth <= context.budgets.decodeDepth && looksLikeJson(text)) {
      if (isPlainJson(text, key, context.rules)) return text;
      const clean = scrubJson(text, context, key, within, depth);
      if (clean !== undefined) return clean;
    }
    return scrubPlain(text, key, within, context);
  };

  /** Runs a step whose receipts count only when it succeeds. */
  const guarded = (
    text: string,
    context: TextContext,
    step: (inner: TextContext) => string | undefined,
  ): string | undefined => {
    if (context.expired?.(text) === true) return failed('budget', text, '', context);
    const held = new HeldContext(context);
    let outcome: string | undefined;
    try {
      outcome = step(held);
    } catch {
      return failed('engine_error', text, '', context);
    }
    held.handOver();
    return outcome;
  };

  const scrubWithin = (text: string, context: TextContext): string => {
    if (text.length > context.budgets.valueBytes) return failed('budget', text, '', context);
    const clean = scrubNested(text, context.key, '', context, 0);
    context.scrubbed?.(text, clean);
    return clean;
  };

  const names = createKeyRules(scanner, (text) => isCleanText(text, ''));
  const scrubJson = createJsonScrub({ markers, names, survey, isCleanText, scrubPlain, scrubNested, replaceWhole });
  const treatContent = createContentTreatment({ markers, pseudonyms, replacements, scrubPlain, scrubWithin });

  return {
    isClean(text, key, rules, budgets) {
      if (text.length > budgets.valueBytes) return false;
      try {
        return looksLikeJson(text) ? isPlainJson(text, key, rules) : isCleanText(text, key, rules);
      } catch {
        // `scrub` meets the same error and withholds the text.
        return false;
      }
    },
    scrub: (text, context) => guarded(text, context, (inner) => scrubWithin(text, inner)) ?? '',
    joinedEdits(joined, context) {
      try {
        if (context.expired?.(joined) === true) throw new RangeError('no time left');
        const { findings, status } = scanner.scan(joined, { key: context.key });
        if (status === 'ok') return replacements.edits(joined, findings, context.key, '', context);
        return [{ start: 0, end: joined.length, text: failed('budget', joined, '', context) }];
      } catch {
        return [{ start: 0, end: joined.length, text: failed('engine_error', joined, '', context) }];
      }
    },
    replaceWhole: (text, rule, context) => guarded(text, context, (inner) => replaceWhole(text, rule, '', inner)) ?? '',
    treat: (text, contentClass, treatment, context) =>
      guarded(text, context, (inner) => treatContent(text, contentClass, treatment, inner)),
  };
}
