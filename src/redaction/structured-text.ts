import { contentKey } from '../otlp/semconv/content-keys.ts';
import type { Finding } from './detectors/finding.ts';
import type { PolicyRules } from './policy.ts';

/** Rules that a policy switches on: parts of URLs and SQL that go because of where they stand, not of what they look like. */
export const structuredRuleIds: readonly string[] = ['url-userinfo', 'url-query', 'sql-literal'];

const URL_REST = /[^\s"'<>\\`]*/y;
/** The path of a request without its host, as span names, access logs and `http.target` have it. */
const RELATIVE_QUERY = /(?:^|[\s"'(=])\/[^\s?"'<>#]{0,2048}\?/g;
const QUERY_REST = /[^\s"'<>\\`#]*/y;
const QUERY_KEY = /(?:^|[._])(?:url\.query|query_string)$/;
const SQL_KEY = /(?:^|[._-])(?:sql|statement|sql_query)$/i;
const SQL_START =
  /(?:^|[:=]\s{0,4})\s{0,64}(?:select\b[^;]{0,2000}?\bfrom\b|insert\s{1,8}into\b|update\s{1,8}\S{1,128}\s{1,8}set\b|delete\s{1,8}from\b|with\s{1,8}\w{1,128}\s{1,8}as\s{0,8}\(|merge\s{1,8}into\b|replace\s{1,8}into\b)/i;
const SQL_TOKEN =
  /'(?:[^'\\]|''|\\[\s\S])*(?:'|$)|\$(\w{0,32})\$[\s\S]*?(?:\$\1\$|$)|"(?:[^"]|"")*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|[A-Za-z_$][\w$]*|:\w+|\$\d+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[=<>]|[\s\S]/g;

/** True when `structuredFindings` may find something under these rules. */
export function readsStructure(rules: PolicyRules): boolean {
  return rules.urls !== undefined || rules.redactsSqlLiterals;
}

/** What the policy takes out of URLs and SQL, sorted and disjoint. */
export function structuredFindings(text: string, key: string, rules: PolicyRules): Finding[] {
  const found: Finding[] = [];
  if (rules.urls !== undefined) findUrlParts(text, key, rules.urls, found);
  if (rules.redactsSqlLiterals) findSqlLiterals(text, key, found);
  return found.length < 2 ? found : disjoint(found);
}

/** Findings of detectors and of structure as one list; where both meet, the whole of both goes under the policy's rule. */
export function withStructure(found: readonly Finding[], structured: readonly Finding[]): readonly Finding[] {
  return structured.length === 0 ? found : disjoint([...structured, ...found]);
}

/** Earlier entries name the span of those they overlap. */
function disjoint(found: readonly Finding[]): Finding[] {
  const rank = new Map(found.map((each, index) => [each, index]));
  const merged: Finding[] = [];
  for (const each of [...found].sort((a, b) => a.start - b.start || a.end - b.end)) {
    const last = merged.at(-1);
    if (last === undefined || each.start >= last.end) {
      merged.push(each);
      continue;
    }
    const name = (rank.get(each) ?? 0) < (rank.get(last) ?? 0) ? each : last;
    const both = { ...name, start: last.start, end: Math.max(last.end, each.end) };
    rank.set(both, rank.get(name) ?? 0);
    merged[merged.length - 1] = both;
  }
  return merged;
}

function finding(start: number, end: number, rule: string, findingClass: string): Finding {
  return { start, end, rule, ruleVersion: 1, class: findingClass, encodings: [] };
}

function findUrlParts(text: string, key: string, urls: NonNullable<PolicyRules['urls']>, found: Finding[]): void {
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const start = at + 3;
    URL_REST.lastIndex = start;
    const rest = URL_REST.exec(text)?.[0] ?? '';
    const authority = /^[^/?#]*/.exec(rest)?.[0] ?? '';
    const userinfo = authority.lastIndexOf('@');
    if (urls.userinfo && userinfo > 0) {
      found.push(finding(start, start + userinfo, 'url-userinfo', 'secret.url_userinfo'));
    }
    const query = rest.search(/[?#]/);
    if (query >= 0 && rest[query] === '?') findParameters(text, start + query + 1, urls, found);
  }
  if (QUERY_KEY.test(key)) findParameters(text, text.startsWith('?') ? 1 : 0, urls, found);
  for (const match of text.matchAll(RELATIVE_QUERY)) findParameters(text, match.index + match[0].length, urls, found);
}

function findParameters(text: string, start: number, urls: NonNullable<PolicyRules['urls']>, found: Finding[]): void {
  if (urls.allowedParameters === undefined) return;
  QUERY_REST.lastIndex = start;
  const query = QUERY_REST.exec(text)?.[0] ?? '';
  let at = start;
  for (const part of query.split(/[&;]/)) {
    const equals = part.indexOf('=');
    const end = at + part.length;
    // A part without a name may be all secret.
    const valueAt = equals < 0 ? at : at + equals + 1;
    const name = equals < 0 ? undefined : part.slice(0, equals);
    if (end > valueAt && (name === undefined || !urls.allowedParameters.has(name))) {
      found.push(finding(valueAt, end, 'url-query', 'internal.url_query'));
    }
    at = end + 1;
  }
}

function findSqlLiterals(text: string, key: string, found: Finding[]): void {
  let from = 0;
  if (!SQL_KEY.test(key) && contentKey(key)?.class !== 'db.query') {
    from = text.search(SQL_START);
    if (from < 0) return;
  }
  SQL_TOKEN.lastIndex = from;
  let previous = '';
  let inValues = false;
  for (let match = SQL_TOKEN.exec(text); match !== null; match = SQL_TOKEN.exec(text)) {
    const [token] = match;
    const first = token.charAt(0);
    const end = match.index + token.length;
    if (first.trim() === '') continue;
    // In double quotes stand names, or, for some databases and after an operator, texts. A comment may hold anything.
    const isText =
      first === "'" ||
      (first === '$' && token.length > 1 && /^\$\w{0,32}\$/.test(token)) ||
      (first === '"' && token.length > 1 && (inValues || /^(?:[=<>]|like)$/i.test(previous))) ||
      token.startsWith('--') ||
      token.startsWith('/*');
    const isNumber = /^\d/.test(token);
    if ((isText && token.length > 2) || isNumber) {
      const quote = first === "'" || first === '"' ? 1 : 0;
      const closed = quote === 1 && token.endsWith(first) ? 1 : 0;
      if (end - closed > match.index + quote) {
        found.push(finding(match.index + quote, end - closed, 'sql-literal', 'internal.sql_literal'));
      }
    }
    if (/^values$/i.test(token)) inValues = true;
    else if (/^(?:select|where|returning|on)$/i.test(token)) inValues = false;
    previous = token;
  }
}
