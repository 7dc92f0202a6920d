import type { RedactionAction } from '../pipeline/receipt.ts';
import { addressPrefix } from './address-prefix.ts';
import { isHarmlessValue } from './detectors/harmless-value.ts';
import type { Finding } from './detectors/finding.ts';
import type { Scanner } from './detectors/scanner.ts';
import { cutAt, wellFormedEnd } from './excerpt.ts';
import type { Fingerprints } from './fingerprint.ts';
import { escapeJson, JsonCursor, looksLikeJson, unescapeJson, type JsonTokenKind } from './json-text.ts';
import { readJsonTree, type JsonNode } from './json-tree.ts';
import { flagName, listedName, USER_FLAG, userRule } from './listed-value.ts';
import { redactMessages, type PartTreatment } from './message-content.ts';
import type { JoinedEdit } from './chunked-text.ts';
import type { MarkerRange, Markers } from './marker.ts';
import type { Pseudonyms } from './pseudonym.ts';
import { isPrivateAddress } from './private-address.ts';
import { readsStructure, structuredFindings, withStructure } from './structured-text.ts';
import { contextWith, HeldContext, type TextContext } from './text-context.ts';
import {
  findingActionOf,
  TOOL_PART_KEYS,
  treatmentOf,
  type PolicyBudgets,
  type PolicyRules,
  type Treatment,
} from './policy.ts';

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

export interface KeyRule {
  readonly rule: string;
  readonly ruleVersion: number;
  readonly class: string;
}

/** A result that will be cut anyway is looked into this many times its bound: replacements may shorten it. */
const EXCERPT_LOOKAHEAD = 4;
const REMEMBERED_KEYS = 4096;
const REMEMBERED_KEY_MAX = 64;
/** Nothing is found in fewer characters. */
const TEXT_MIN = 3;
/** Digits of the shortest card, account or identity number that is looked for in a JSON number. */
const NUMBER_MIN = 9;
const NAME_MEMBER = /^(?:name|key|field|header|variable|var|id|param(?:eter)?|label|k)$/i;
const VALUE_MEMBER = /^(?:value|val|content|data|v|default)$/i;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What the name of a JSON member says, under one set of rules. */
interface MemberName {
  /** Its value is the name of the `value` beside it. */
  readonly isName: boolean;
  readonly isValue: boolean;
  readonly rule: KeyRule | undefined;
  /** The name itself holds nothing. */
  readonly clean: boolean;
  /** Its value is scanned whatever it looks like. */
  readonly telling: boolean;
}

/** A JSON string or scalar, kept while its object's `name` is not known yet. */
interface Pending {
  readonly kind: JsonTokenKind;
  readonly start: number;
  readonly end: number;
  readonly key: string;
  readonly path: string;
}

export function createTextRedactor(options: {
  readonly scanner: Scanner;
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  readonly pseudonyms: Pseudonyms;
  /** Told of every text withheld because the engine could not finish it. */
  readonly onFailure: (reason: 'engine_error' | 'budget') => void;
}): TextRedactor {
  const { scanner, markers, fingerprints, pseudonyms } = options;
  const memberNames = new WeakMap<PolicyRules, Map<string, MemberName>>();
  /** What a member's name says, remembered: the same few names come in every record. */
  const memberName = (name: string, rules: PolicyRules): MemberName => {
    let known = memberNames.get(rules);
    if (known === undefined) {
      known = new Map();
      memberNames.set(rules, known);
    }
    let member = known.get(name);
    if (member === undefined) {
      member = {
        isName: NAME_MEMBER.test(name),
        isValue: VALUE_MEMBER.test(name),
        rule: nameRule(name, rules),
        clean: isCleanText(name, ''),
        telling: scanner.isTellingKey(name),
      };
      if (known.size >= REMEMBERED_KEYS) known.clear();
      if (name.length <= REMEMBERED_KEY_MAX) known.set(name, member);
    }
    return member;
  };

  const nameRule = (name: string, rules: PolicyRules): KeyRule | undefined => {
    if (name === '' || rules.ignoreKeys.some((test) => test(name))) return undefined;
    if (rules.redactKeys.some((test) => test(name))) return { rule: 'policy.key', ruleVersion: 1, class: 'secret.key' };
    return scanner.sensitiveKey(name);
  };

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

  /** `within` is the path from the context's own, '' for the whole text. */
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

  const failed = (reason: 'engine_error' | 'budget', text: string, within: string, context: TextContext): string => {
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

  const scrubPlain = (text: string, key: string, within: string, context: TextContext): string => {
    if (text.length < TEXT_MIN) return text;
    const escaped = markers.escapeForged(text);
    const { findings, status } = scanner.scan(escaped, { key });
    if (status === 'budget') return failed('budget', text, within, context);
    const { rules } = context;
    const all = readsStructure(rules) ? withStructure(findings, structuredFindings(escaped, key, rules)) : findings;
    return spliceText(escaped, findingEdits(escaped, all, key, within, context));
  };

  const findingEdits = (
    escaped: string,
    findings: readonly Finding[],
    key: string,
    within: string,
    context: TextContext,
  ): Edit[] => {
    const edits: Edit[] = [];
    if (findings.length === 0) return edits;
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
      edits.push({ start: range.start, end: range.end, text: replacement(finding, captured, within, context) });
      at = range.end;
    }
    return edits;
  };

  const scrubJson = (
    text: string,
    context: TextContext,
    key: string,
    within: string,
    depth: number,
  ): string | undefined => {
    // What structure alone makes a finding, the survey does not see.
    const marks = markers.mayHoldForged(text) || readsStructure(context.rules) ? undefined : survey(text);
    const cursor = new JsonCursor(text);
    const edits: Edit[] = [];
    const { rules } = context;
    /** Per open object: its `name`, and its `value` when that came first. */
    let names: Map<number, string> | undefined;
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
        memberName(ownKey, rules).rule ??
        (pairName === '' ? undefined : nameRule(pairName, rules)) ??
        (flag === '' ? undefined : flag === USER_FLAG ? userRule(raw) : nameRule(flag, rules));
      // true, false and null say nothing, whatever they are called.
      if (isScalar && /^[a-z]/.test(raw)) return;
      if (rule === undefined && raw.length < (isScalar ? NUMBER_MIN : TEXT_MIN)) return;
      // Nothing in it by the survey, and neither key nor nesting makes it telling.
      if (
        rule === undefined &&
        token === cursor &&
        pairName === '' &&
        flag === '' &&
        !memberName(ownKey, rules).telling &&
        !isMarked(token.start, token.end) &&
        !looksLikeJson(raw)
      ) {
        return;
      }
      const plain = isScalar ? raw : unescapeJson(raw);
      const name = pairName !== '' && memberName(ownKey, rules).isValue ? pairName : ownKey || flag;
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
          value(waiting, names?.get(object) ?? '', '');
        }
        names?.delete(object);
        continue;
      }
      if (kind === 'key') {
        const raw = text.slice(cursor.start, cursor.end);
        const name = unescapeJson(raw);
        if (memberName(name, rules).clean) continue;
        const clean = scrubPlain(name, '', `${within}${maskedPath(cursor.path())}{key}`, context);
        if (clean !== name) edits.push({ start: cursor.start, end: cursor.end, text: escapeJson(clean) });
        continue;
      }
      if (object >= 0) {
        const member = memberName(cursor.key, rules);
        if (member.isName && kind === 'string') {
          const name = unescapeJson(text.slice(cursor.start, cursor.end));
          (names ??= new Map()).set(object, name);
        } else if (member.isValue) {
          const name = names?.get(object);
          if (name === undefined && cursor.holder !== '' && memberName(cursor.holder, rules).rule !== undefined) {
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
      for (const [object, waiting] of pending) value(waiting, names?.get(object) ?? '', '');
      edits.sort((a, b) => a.start - b.start);
    }
    return spliceText(text, edits);
  };

  const replaceWhole = (text: string, rule: KeyRule, within: string, context: TextContext): string => {
    if (text === '' || isOneMarker(text)) return text;
    // A version, a media type, a digest under a telling name; what a policy names goes whatever it is.
    if (rule.rule !== 'policy.key' && isHarmlessValue(text, rule.rule)) return scrubPlain(text, '', within, context);
    return replacement({ ...rule, encodings: [] }, text, within, context);
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

  const excerpt = (text: string, contentClass: string, bytes: number, context: TextContext): string => {
    const originalBytes = Buffer.byteLength(text);
    const cut = markers.own(text).at(-1);
    // An excerpt Docket made: the same bound holds for what stands before its marker.
    if (cut !== undefined && cut.end === text.length && text.startsWith('[cut:', cut.start)) {
      const body = text.slice(0, cut.start);
      if (Buffer.byteLength(body) <= bytes) return scrubWithin(text, context);
    }
    if (originalBytes <= bytes) return scrubWithin(text, context);
    const head = text.length > bytes * EXCERPT_LOOKAHEAD ? text.slice(0, bytes * EXCERPT_LOOKAHEAD) : text;
    const clean = scrubWithin(wellFormedEnd(head), context);
    const rule = { class: `content.${contentClass}`, rule: 'excerpt', ruleVersion: 1 };
    const fingerprint = note(context, '', rule, 'truncate', text);
    return `${cutAt(clean, bytes, markers.own(clean))}${markers.cut(originalBytes, fingerprint)}`;
  };

  /** Withholds content by the policy; where the policy knows no rules for the tenant, the marker and the receipt say that. */
  const withholdContent = (text: string, what: string, context: TextContext): string => {
    const reason = context.rules.withheldAs;
    const rule = { class: `content.${what}`, rule: reason ?? `content.${what}`, ruleVersion: 1 };
    return withhold(text, reason ?? what, rule, '', context);
  };

  const treatWhole = (text: string, what: string, treatment: Treatment, context: TextContext): string | undefined => {
    const rule = { class: `content.${what}`, rule: `content.${what}`, ruleVersion: 1 };
    switch (treatment.action) {
      case 'keep':
        return text;
      case 'scrub':
        return excerpt(
          text,
          what,
          treatment.bytes,
          treatment.keepKeys === undefined ? context : contextWith(context, { keepKeys: treatment.keepKeys }),
        );
      case 'truncate':
        return excerpt(text, what, treatment.bytes, context);
      case 'withhold':
        return withholdContent(text, what, context);
      case 'mask': {
        if (text === '' || isOneMarker(text)) return text;
        note(context, '', rule, 'mask', text);
        const kept = text.length >= treatment.keepLast * 3 ? text.slice(text.length - treatment.keepLast) : '';
        return markers.redacted(`${what} ends=${kept.replaceAll(/[^\p{L}\p{N}]/gu, '*')}`);
      }
      case 'pseudonym': {
        if (text === '' || isOneMarker(text)) return text;
        const token = pseudonyms.of(what, text, context);
        if (token === undefined) return withholdContent(text, what, context);
        note(context, '', rule, 'pseudonym', text);
        return token;
      }
      default:
        note(context, '', rule, 'drop', text);
        return undefined;
    }
  };

  /** A JSON value of a message as it leaves: JSON again, a string when its text was cut or replaced. */
  const treatPart = (
    text: string,
    node: JsonNode,
    { treatment, what }: PartTreatment,
    context: TextContext,
  ): string | undefined => {
    const raw = text.slice(node.start, node.end);
    if (node.kind === 'literal' && /^[a-z]/.test(raw)) return raw;
    const isText = node.kind === 'string';
    const plain = isText ? unescapeJson(raw.slice(1, -1)) : raw;
    const clean = treatWhole(plain, what, treatment, context);
    if (clean === undefined || clean === plain) return clean === undefined ? undefined : raw;
    const isJson = !isText && node.kind !== 'literal' && readJsonTree(clean) !== undefined;
    return isJson ? clean : `"${escapeJson(clean)}"`;
  };

  const treatContent = (
    text: string,
    contentClass: string,
    treatment: Treatment,
    context: TextContext,
  ): string | undefined => {
    const { rules } = context;
    const { roles } = treatment;
    const isMessage = contentClass.startsWith('messages.');
    if (roles === undefined && !(isMessage && rules.treatsTools && treatment.action === 'scrub')) {
      return treatWhole(text, contentClass, treatment, context);
    }
    if (text === '' || isOneMarker(text)) return text;
    if (text.length > context.budgets.valueBytes) return failed('budget', text, '', context);
    const named = context.role === undefined ? undefined : roles?.get(context.role);
    const outside = { treatment: named ?? treatment, what: contentClass };
    const pathOf = (path: string): string => context.path + maskedPath(path);
    const clean = looksLikeJson(text)
      ? redactMessages(text, {
          outside,
          ofRole:
            roles === undefined
              ? undefined
              : (role) => ({
                  treatment: (role === undefined ? undefined : roles.get(role)) ?? treatment,
                  what: role === undefined ? contentClass : `${contentClass}.${role}`,
                }),
          ofTool: (kind, tool) => ({ treatment: treatmentOf(rules, kind, TOOL_PART_KEYS[kind], tool), what: kind }),
          apply: (node, how, path, key) =>
            treatPart(text, node, how, contextWith(context, { path: pathOf(path), key })),
          applyName(quoted, path) {
            const name = unescapeJson(quoted.slice(1, -1));
            const cleanName = scrubPlain(name, '', `${maskedPath(path)}{key}`, context);
            return cleanName === name ? quoted : `"${escapeJson(cleanName)}"`;
          },
        })
      : treatWhole(text, contentClass, outside.treatment, context);
    if (clean !== null) return clean;
    // JSON that was cut off: whose words are in it, and which tool's, cannot be told.
    const unread = treatment.action === 'scrub' ? { ...treatment, action: 'withhold' as const } : treatment;
    return treatWhole(text, contentClass, unread, context);
  };

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
        if (status === 'ok') return findingEdits(joined, findings, context.key, '', context);
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

function spliceText(text: string, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  let out = '';
  let at = 0;
  for (const edit of edits) {
    out += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return out + text.slice(at);
}

/** Keys can hold what redaction owns: long ones and odd ones are not repeated in receipts. */
function maskedPath(path: string): string {
  return path.length <= 160 && /^[\w.[\]$:/-]*$/.test(path) ? path : '.…';
}
