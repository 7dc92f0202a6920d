import { escapeJson, JsonCursor, looksLikeJson, unescapeJson, type JsonTokenKind } from './json-text.ts';
import type { KeyRule, KeyRules } from './key-rule.ts';
import { flagName, listedName, USER_FLAG, userRule } from './listed-value.ts';
import type { Markers } from './marker.ts';
import type { PolicyRules } from './policy.ts';
import { readsStructure } from './structured-text.ts';
import type { TextContext } from './text-context.ts';
import { applyTextEdits, type TextEdit } from './text-edit.ts';

/** Nothing is found in fewer characters. */
export const TEXT_MIN = 3;
/** Digits of the shortest card, account or identity number that is looked for in a JSON number. */
const NUMBER_MIN = 9;

/** A JSON string or scalar, kept while its object's `name` is not known yet. */
interface Pending {
  readonly kind: JsonTokenKind;
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly path: string;
}

export interface JsonScrubOptions {
  readonly markers: Markers;
  readonly names: KeyRules;
  /** Where in a JSON text something might be found; see `Scanner.surveyJson`. */
  readonly survey: (text: string) => readonly number[] | undefined;
  readonly isCleanText: (text: string, key: string, rules: PolicyRules) => boolean;
  readonly scrubPlain: (text: string, key: string, within: string, context: TextContext) => string;
  /** Scrubs a string of the JSON, which may be JSON again. */
  readonly scrubNested: (text: string, key: string, within: string, context: TextContext, depth: number) => string;
  readonly replaceWhole: (text: string, rule: KeyRule, within: string, context: TextContext) => string;
}

/** Scrubs the strings and numbers of a JSON text and leaves the rest of it as it is; undefined when it is no JSON. */
export type JsonScrub = (
  text: string,
  context: TextContext,
  key: string,
  within: string,
  depth: number,
) => string | undefined;

export function createJsonScrub(options: JsonScrubOptions): JsonScrub {
  const { markers, names, survey, isCleanText, scrubPlain, scrubNested, replaceWhole } = options;
  return (text, context, key, within, depth) => {
    // What structure alone makes a finding, the survey does not see.
    const marks = markers.mayHoldForged(text) || readsStructure(context.rules) ? undefined : survey(text);
    const cursor = new JsonCursor(text);
    const edits: TextEdit[] = [];
    const { rules } = context;
    /** Per open object: its `name`, and its `value` when that came first. */
    let named: Map<number, string> | undefined;
    let pending: Map<number, Pending> | undefined;

    let mark = 0;
    /** Asked in the order of the text. */
    const isMarked = (start: number, end: number): boolean => {
      if (marks === undefined) return true;
      while (mark < marks.length && (marks[mark] as number) < start) mark += 1;
      return mark < marks.length && (marks[mark] as number) < end;
    };

    const value = (token: Pending | JsonCursor, pairName: string, flag: string): void => {
      const raw = text.slice(token.start, token.end);
      const isScalar = token.kind === 'scalar';
      const ownKey = token.key === '' ? key : token.key;
      if (context.keepKeys?.has(ownKey) === true) return;
      const rule =
        names.member(ownKey, rules).rule ??
        (pairName === '' ? undefined : names.of(pairName, rules)) ??
        (flag === '' ? undefined : flag === USER_FLAG ? userRule(raw) : names.of(flag, rules));
      // true, false and null say nothing, whatever they are called.
      if (isScalar && /^[a-z]/.test(raw)) return;
      if (rule === undefined && raw.length < (isScalar ? NUMBER_MIN : TEXT_MIN)) return;
      // Nothing in it by the survey, and neither key nor nesting makes it telling.
      if (
        rule === undefined &&
        token === cursor &&
        pairName === '' &&
        flag === '' &&
        !names.member(ownKey, rules).telling &&
        !isMarked(token.start, token.end) &&
        !looksLikeJson(raw)
      ) {
        return;
      }
      const plain = isScalar ? raw : unescapeJson(raw);
      const name = pairName !== '' && names.member(ownKey, rules).isValue ? pairName : ownKey || flag;
      // A number in a list is seldom anybody's.
      const scanKey = name === '' && isScalar ? 'number' : name;
      if (rule === undefined && !looksLikeJson(plain) && isCleanText(plain, scanKey, rules)) return;
      const tokenPath = within + maskedPath(token instanceof JsonCursor ? token.path() : token.path);
      const clean =
        rule === undefined
          ? scrubNested(plain, scanKey, tokenPath, context, depth + 1)
          : replaceWhole(plain, rule, tokenPath, context);
      if (clean === plain) return;
      edits.push({
        start: token.start,
        end: token.end,
        text: isScalar ? JSON.stringify(clean) : escapeJson(clean),
      });
    };

    while (cursor.next()) {
      const { kind, object } = cursor;
      if (kind === 'close') {
        const waiting = pending?.get(object);
        if (waiting !== undefined) {
          pending?.delete(object);
          value(waiting, named?.get(object) ?? '', '');
        }
        named?.delete(object);
        continue;
      }
      if (kind === 'key') {
        const raw = text.slice(cursor.start, cursor.end);
        const name = unescapeJson(raw);
        if (names.member(name, rules).clean) continue;
        const clean = scrubPlain(name, '', `${within}${maskedPath(cursor.path())}{key}`, context);
        if (clean !== name) edits.push({ start: cursor.start, end: cursor.end, text: escapeJson(clean) });
        continue;
      }
      if (object >= 0) {
        const member = names.member(cursor.key, rules);
        if (member.isName && kind === 'string') {
          const name = unescapeJson(text.slice(cursor.start, cursor.end));
          (named ??= new Map()).set(object, name);
        } else if (member.isValue) {
          const name = named?.get(object);
          if (name === undefined && cursor.holder !== '' && names.member(cursor.holder, rules).rule !== undefined) {
            // `{"db_password": {"value": …}}`, as Terraform and many APIs have it.
            value(cursor, cursor.holder, '');
          } else if (name === undefined) {
            const { start, end, key: ownKey } = cursor;
            const earlier = pending?.get(object);
            if (earlier !== undefined) value(earlier, '', '');
            (pending ??= new Map()).set(object, { kind, start, end, key: ownKey, path: cursor.path() });
          } else {
            value(cursor, name, '');
          }
          continue;
        }
        value(cursor, '', '');
        continue;
      }
      value(cursor, '', flagName(cursor.previousItem()) || listedName(cursor.pairName(), text, cursor));
    }
    if (cursor.failed) return undefined;
    if (pending !== undefined) {
      for (const [object, waiting] of pending) value(waiting, named?.get(object) ?? '', '');
      edits.sort((a, b) => a.start - b.start);
    }
    return applyTextEdits(text, edits);
  };
}

/** Keys can hold what redaction owns: long ones and odd ones are not repeated in receipts. */
export function maskedPath(path: string): string {
  return path.length <= 160 && /^[\w.[\]$:/-]*$/.test(path) ? path : '.…';
}
