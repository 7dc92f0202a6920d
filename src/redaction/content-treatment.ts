import { cutAt, wellFormedEnd } from './excerpt.ts';
import { maskedPath } from './json-scrub.ts';
import { escapeJson, looksLikeJson, unescapeJson } from './json-text.ts';
import { readJsonTree, type JsonNode } from './json-tree.ts';
import type { Markers } from './marker.ts';
import { redactMessages, type PartTreatment } from './message-content.ts';
import { TOOL_PART_KEYS, treatmentOf, type Treatment } from './policy.ts';
import type { Pseudonyms } from './pseudonym.ts';
import type { Replacements } from './replacement.ts';
import { contextWith, type TextContext } from './text-context.ts';

/** A result that will be cut anyway is looked into this many times its bound: replacements may shorten it. */
const EXCERPT_LOOKAHEAD = 4;

export interface ContentTreatmentOptions {
  readonly markers: Markers;
  readonly pseudonyms: Pseudonyms;
  readonly replacements: Replacements;
  readonly scrubPlain: (text: string, key: string, within: string, context: TextContext) => string;
  /** Scrubs a text that may be JSON, if it is not too long. */
  readonly scrubWithin: (text: string, context: TextContext) => string;
}

/** Applies a treatment to content of a class; undefined = it is to be dropped. */
export type ContentTreatment = (
  text: string,
  contentClass: string,
  treatment: Treatment,
  context: TextContext,
) => string | undefined;

export function createContentTreatment(options: ContentTreatmentOptions): ContentTreatment {
  const { markers, pseudonyms, scrubPlain, scrubWithin } = options;
  const { note, withhold, isOneMarker, failed } = options.replacements;

  const excerpt = (text: string, contentClass: string, bytes: number, context: TextContext): string => {
    const cut = markers.own(text).at(-1);
    // An excerpt Docket made: the same bound holds for what stands before its marker.
    if (cut !== undefined && cut.end === text.length && text.startsWith('[cut:', cut.start)) {
      const body = text.slice(0, cut.start);
      if (Buffer.byteLength(body) <= bytes) return scrubWithin(text, context);
    }
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (text.length * 3 <= bytes) return scrubWithin(text, context);
    const originalBytes = Buffer.byteLength(text);
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

  return treatContent;
}
