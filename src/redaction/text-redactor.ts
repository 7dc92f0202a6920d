import type { Redaction, RedactionAction } from '../pipeline/receipt.ts';
import type { Finding, Scanner } from './detectors/scanner.ts';
import type { Fingerprints } from './fingerprint.ts';
import { escapeJson, looksLikeJson, unescapeJson, walkJson, type JsonToken } from './json-text.ts';
import type { MarkerRange, Markers } from './marker.ts';
import { findingActionOf, type PolicyBudgets, type PolicyRules, type Treatment } from './policy.ts';

/** What the treatment of one text needs to know, and where its receipts go. */
export interface TextContext {
  readonly tenant: string;
  readonly rules: PolicyRules;
  readonly budgets: PolicyBudgets;
  /** Key that holds the text, '' if none. */
  readonly key: string;
  /** Path for receipts. */
  readonly path: string;
  readonly receive: (redaction: Redaction) => void;
}

/** Redacts single texts: detectors, JSON structure, markers. Throws nothing; a text it cannot finish is withheld. */
export interface TextRedactor {
  /** Replaces what detectors find and keeps the rest. Returns the very same string when nothing changed. */
  scrub(text: string, context: TextContext): string;
  /** Applies a content treatment. `undefined` means that the value is to be dropped. */
  treat(text: string, contentClass: string, treatment: Treatment, context: TextContext): string | undefined;
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
const REMEMBERED_TEXTS = 16_384;
/** Key and text together, in UTF-16 units. */
const REMEMBERED_TEXT_MAX = 64;
const NAME_MEMBER = /^(?:name|key|field|header|variable|var|id|param(?:eter)?|label|k)$/i;
const VALUE_MEMBER = /^(?:value|val|content|data|v|default)$/i;

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface ObjectMembers {
  name: string;
  value: JsonToken | undefined;
}

export function createTextRedactor(options: {
  readonly scanner: Scanner;
  readonly markers: Markers;
  readonly fingerprints: Fingerprints;
  /** Told of every text withheld because the engine could not finish it. */
  readonly onFailure: (reason: 'engine_error' | 'budget') => void;
}): TextRedactor {
  const { scanner, markers, fingerprints } = options;
  const keyRules = new Map<string, KeyRule | undefined>();
  /** The scanner's answer for a key's name, remembered: the same few keys come in every record. */
  const sensitiveKey = (name: string): KeyRule | undefined => {
    if (keyRules.has(name)) return keyRules.get(name);
    const rule = scanner.sensitiveKey(name);
    if (name.length <= REMEMBERED_KEY_MAX) {
      if (keyRules.size >= REMEMBERED_KEYS) keyRules.clear();
      keyRules.set(name, rule);
    }
    return rule;
  };
  /** Short texts that were clean under a key, the key first. */
  const cleanTexts = new Set<string>();
  const rememberClean = (text: string, key: string): void => {
    if (text.length + key.length > REMEMBERED_TEXT_MAX) return;
    if (cleanTexts.size >= REMEMBERED_TEXTS) cleanTexts.clear();
    cleanTexts.add(`${key}\0${text}`);
  };

  const note = (
    context: TextContext,
    path: string,
    what: KeyRule,
    action: RedactionAction,
    original: string,
    encodings: readonly string[] = [],
  ): string => {
    const fingerprint = fingerprints.of(context.tenant, original);
    context.receive({
      path,
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

  const withhold = (text: string, what: string, rule: KeyRule, path: string, context: TextContext): string => {
    if (text === '' || isOneMarker(text)) return text;
    const fingerprint = note(context, path, rule, 'withhold', text);
    return markers.withheld(what, Buffer.byteLength(text), fingerprint);
  };

  const isOneMarker = (text: string): boolean => {
    const [first] = markers.own(text);
    return first !== undefined && first.start === 0 && first.end === text.length;
  };

  const failed = (reason: 'engine_error' | 'budget', text: string, path: string, context: TextContext): string => {
    options.onFailure(reason);
    return withhold(text, reason, { class: 'content.unscanned', rule: reason, ruleVersion: 1 }, path, context);
  };

  const replacement = (
    finding: KeyRule & { readonly encodings: readonly string[] },
    original: string,
    path: string,
    context: TextContext,
  ): string => {
    const action = findingActionOf(context.rules, finding.rule, finding.class);
    if (action.do === 'keep') return original;
    if (action.do === 'pseudonym') {
      return markers.pseudonym(finding.rule, note(context, path, finding, 'pseudonym', original, finding.encodings));
    }
    if (action.do === 'truncate' && finding.encodings.length === 0) {
      const prefix = addressPrefix(original, action.prefixV4, action.prefixV6);
      if (prefix === original) return original;
      if (prefix !== undefined) {
        note(context, path, finding, 'truncate', original, finding.encodings);
        return prefix;
      }
    }
    note(context, path, finding, 'mask', original, finding.encodings);
    if (action.do === 'mask' && finding.encodings.length === 0 && original.length >= action.keepLast * 3) {
      const kept = original.slice(original.length - action.keepLast).replaceAll(/[^\p{L}\p{N}]/gu, '*');
      return markers.redacted(`${finding.rule} ends=${kept}`);
    }
    return markers.redacted(finding.rule);
  };

  const allowed = (finding: Finding, captured: string, context: TextContext): boolean =>
    context.rules.allow.some((each) => each.rules.has(finding.rule) && each.value(captured));

  /** One text without structure of its own. */
  const scrubPlain = (text: string, key: string, path: string, context: TextContext): string => {
    if (text.length + key.length <= REMEMBERED_TEXT_MAX && cleanTexts.has(`${key}\0${text}`)) return text;
    const escaped = markers.escapeForged(text);
    const raw = Buffer.from(escaped);
    if (!scanner.mayMatch(raw, 0, raw.length)) {
      if (escaped === text) rememberClean(text, key);
      return escaped;
    }
    const { findings, status } = scanner.scan(escaped, { key });
    if (status === 'budget') return failed('budget', text, path, context);
    if (findings.length === 0) {
      if (escaped === text) rememberClean(text, key);
      return escaped;
    }
    const own = markers.own(escaped);
    let out = '';
    let at = 0;
    for (const finding of findings) {
      if (!(finding.start >= at && finding.end > finding.start && finding.end <= escaped.length)) {
        throw new Error('a scanner gave findings out of order');
      }
      const range = outsideMarkers(escaped, finding.start, finding.end, own);
      if (range === undefined) continue;
      const captured = escaped.slice(range.start, range.end);
      if (allowed(finding, captured, context) || isResourceName(finding, escaped, key)) continue;
      out += escaped.slice(at, range.start) + replacement(finding, captured, path, context);
      at = range.end;
    }
    return out + escaped.slice(at);
  };

  const scrubJson = (
    text: string,
    context: TextContext,
    key: string,
    path: string,
    depth: number,
  ): string | undefined => {
    const tokens: JsonToken[] = [];
    if (!walkJson(text, (token) => void tokens.push(token))) return undefined;
    const objects = new Map<number, ObjectMembers>();
    for (const token of tokens) {
      if (token.object < 0 || token.kind === 'key') continue;
      const isName = token.kind === 'string' && NAME_MEMBER.test(token.key);
      if (!isName && !VALUE_MEMBER.test(token.key)) continue;
      const members = objects.get(token.object) ?? { name: '', value: undefined };
      objects.set(token.object, members);
      if (isName) members.name = unescapeJson(text.slice(token.start, token.end));
      else members.value = token;
    }
    const paired = new Map<JsonToken, string>();
    for (const { name, value } of objects.values()) if (value !== undefined && name !== '') paired.set(value, name);

    const edits: Edit[] = [];
    for (const token of tokens) {
      const raw = text.slice(token.start, token.end);
      if (raw === '') continue;
      const tokenPath = path + maskedPath(token.path);
      const value = token.kind === 'scalar' ? raw : unescapeJson(raw);
      if (token.kind === 'key') {
        const clean = scrubPlain(value, '', `${tokenPath}{key}`, context);
        if (clean !== value) edits.push({ start: token.start, end: token.end, text: escapeJson(clean) });
        continue;
      }
      const names = [token.key === '' ? key : token.key, paired.get(token) ?? '', flagName(token.previousItem)];
      const rule = keyRule(names, context);
      if (rule !== undefined && !isWord(raw, token.kind)) {
        const clean = replaceWhole(value, rule, tokenPath, context);
        if (clean !== value) {
          const quoted = token.kind === 'scalar' ? `"${clean}"` : escapeJson(clean);
          edits.push({ start: token.start, end: token.end, text: quoted });
        }
        continue;
      }
      if (token.kind === 'scalar') {
        // Card and account numbers come as numbers too.
        if (raw.length < 9) continue;
        const clean = scrubPlain(raw, token.key, tokenPath, context);
        if (clean !== raw) edits.push({ start: token.start, end: token.end, text: JSON.stringify(clean) });
        continue;
      }
      const inner = names.find((name) => name !== '') ?? '';
      const clean = scrubNested(value, inner, tokenPath, context, depth + 1);
      if (clean !== value) edits.push({ start: token.start, end: token.end, text: escapeJson(clean) });
    }
    return spliceText(text, edits);
  };

  const keyRule = (names: readonly string[], context: TextContext): KeyRule | undefined => {
    for (const name of names) {
      if (name === '') continue;
      if (context.rules.ignoreKeys.some((test) => test(name))) continue;
      if (context.rules.redactKeys.some((test) => test(name))) {
        return { rule: 'policy.key', ruleVersion: 1, class: 'secret.key' };
      }
      const rule = sensitiveKey(name);
      if (rule !== undefined) return rule;
    }
    return undefined;
  };

  const replaceWhole = (text: string, rule: KeyRule, path: string, context: TextContext): string => {
    if (text === '' || isOneMarker(text)) return text;
    return replacement({ ...rule, encodings: [] }, text, path, context);
  };

  const scrubNested = (text: string, key: string, path: string, context: TextContext, depth: number): string => {
    if (depth <= context.budgets.decodeDepth && looksLikeJson(text)) {
      const clean = scrubJson(text, context, key, path, depth);
      if (clean !== undefined) return clean;
    }
    return scrubPlain(text, key, path, context);
  };

  /** Runs a step whose receipts count only when it succeeds. */
  const guarded = (
    text: string,
    context: TextContext,
    step: (inner: TextContext) => string | undefined,
  ): string | undefined => {
    const received: Redaction[] = [];
    let outcome: string | undefined;
    try {
      outcome = step({ ...context, receive: (each) => void received.push(each) });
    } catch {
      return failed('engine_error', text, context.path, context);
    }
    for (const each of received) context.receive(each);
    return outcome;
  };

  const scrubWithin = (text: string, context: TextContext): string => {
    if (text.length > context.budgets.valueBytes) return failed('budget', text, context.path, context);
    return scrubNested(text, context.key, context.path, context, 0);
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
    const fingerprint = note(context, context.path, rule, 'truncate', text);
    return `${cutAt(clean, bytes, markers.own(clean))}${markers.cut(originalBytes, fingerprint)}`;
  };

  return {
    scrub: (text, context) => guarded(text, context, (inner) => scrubWithin(text, inner)) ?? '',
    replaceWhole: (text, rule, context) =>
      guarded(text, context, (inner) => replaceWhole(text, rule, context.path, inner)) ?? '',
    treat: (text, contentClass, treatment, context) =>
      guarded(text, context, (inner) => {
        const rule = { class: `content.${contentClass}`, rule: `content.${contentClass}`, ruleVersion: 1 };
        switch (treatment.action) {
          case 'keep':
            return text;
          case 'scrub':
            return excerpt(text, contentClass, treatment.bytes, inner);
          case 'truncate':
            return excerpt(text, contentClass, treatment.bytes, inner);
          case 'withhold':
            return withhold(text, contentClass, rule, context.path, inner);
          case 'mask': {
            if (text === '' || isOneMarker(text)) return text;
            note(inner, context.path, rule, 'mask', text);
            const kept = text.length >= treatment.keepLast * 3 ? text.slice(text.length - treatment.keepLast) : '';
            return markers.redacted(`${contentClass} ends=${kept.replaceAll(/[^\p{L}\p{N}]/gu, '*')}`);
          }
          case 'pseudonym':
            if (text === '' || isOneMarker(text)) return text;
            return markers.pseudonym(contentClass, note(inner, context.path, rule, 'pseudonym', text));
          default:
            note(inner, context.path, rule, 'drop', text);
            return undefined;
        }
      }),
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

/** true, false and null say nothing, whatever they are called. */
function isWord(raw: string, kind: JsonToken['kind']): boolean {
  return kind === 'scalar' && /^[a-z]/.test(raw);
}

/** `--password` before a value in an argument list names that value. */
function flagName(item: string): string {
  const match = /^--?([A-Za-z][\w.-]{1,63})$/.exec(item);
  return match?.[1] ?? '';
}

/** Keys can hold what redaction owns: long ones and odd ones are not repeated in receipts. */
function maskedPath(path: string): string {
  return path.length <= 160 && /^[\w.[\]$:/-]*$/.test(path) ? path : '.…';
}

function wellFormedEnd(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}

/** The first `bytes` UTF-8 bytes, never cutting a character or a marker in two. */
function cutAt(text: string, bytes: number, own: readonly MarkerRange[]): string {
  let length = 0;
  let at = 0;
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    at += character.length;
  }
  const split = own.find((range) => range.start < at && range.end > at);
  return text.slice(0, split?.start ?? at);
}

/** The network part of an IP address; undefined when it is none. */
function addressPrefix(text: string, v4: number, v6: number): string | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (octets !== null) {
    const kept = octets.slice(1, 1 + Math.floor(v4 / 8));
    return [...kept, ...Array.from({ length: 4 - kept.length }, () => '0')].join('.');
  }
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes('::')) {
    const groups = text.split(':');
    if (groups.length !== 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
    return `${groups.slice(0, Math.floor(v6 / 16)).join(':')}::`;
  }
  const head = (text.split('::')[0] ?? '').split(':').filter((group) => group !== '');
  return `${head.slice(0, Math.floor(v6 / 16)).join(':')}::`;
}
