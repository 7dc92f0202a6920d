import { assignmentAt, keyAround } from './credential-assignment.ts';
import { findPayloads, unescapedView } from './encoded-view.ts';
import { isHarmlessValue } from './harmless-value.ts';
import {
  atFlag,
  beyondAscii,
  createKeywordSearch,
  digitFlag,
  escapedFlag,
  escapeFlag,
  groupFlag,
  hitsOverflow,
  startsWord,
  TextPass,
  tokenFollows,
  type Keyword,
} from './keyword-search.ts';
import { findTokens, isObjectName, isOpaque, looksRandom, ownerOf, type OpaqueToken } from './opaque-token.ts';
import { refusedPattern } from './pattern-gate.ts';
import { findEmails, findHexGroups, findNumbers, personalRuleVersion, type PersonalDatum } from './personal-number.ts';
import { privateKeyAt } from './private-key.ts';
import type { DetectorRule } from './rule.ts';
import { createDeadline, OutOfTime, type Deadline } from './work-deadline.ts';
import { builtinRules } from './builtin-rules.ts';
import { classifyKey, keyRuleIds, keyRuleVersion, type SensitiveKey } from './sensitive-key.ts';
import { isPlaceholder, passes, shannonEntropy } from './validators.ts';

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

export interface ScanContext {
  /** Key that holds the text: attribute key or innermost JSON key; '' if none. */
  readonly key: string;
}

export interface ScanResult {
  /** Sorted by start, disjoint. */
  readonly findings: readonly Finding[];
  /** `budget`: time ran out before everything was looked at, so the caller must treat the whole text as unsafe. */
  readonly status: 'ok' | 'budget';
}

export interface Scanner {
  /**
   * Where in a JSON text something might be found, as sorted offsets: one pass that does not look at the structure. A string of the
   * JSON with no offset in its range holds nothing that its own scan would find, unless its key makes it telling. No offsets: the whole
   * text is plain. `undefined`: it cannot be said.
   */
  surveyJson(text: string): readonly number[] | undefined;
  /** True when a text under this key has to be scanned whatever it looks like: the key names a secret or a person's number. */
  isTellingKey(key: string): boolean;
  scan(text: string, context: ScanContext): ScanResult;
  /**
   * The rule a key's name alone triggers (password, authorization, cookie, api_key, secret …), whatever its value; undefined
   * if none. Counts of tokens (`max_tokens`, `gen_ai.usage.*_tokens`) and names of things are no secrets.
   */
  sensitiveKey(
    key: string,
  ): { readonly rule: string; readonly ruleVersion: number; readonly class: string } | undefined;
}

export interface ScannerOptions {
  /** Rule ids that never fire. */
  readonly disabledRules?: ReadonlySet<string>;
  readonly extraRules?: readonly DetectorRule[];
  /** Bound of one `scan`, in milliseconds of work for the first 64 KB (default 15; a quarter more when the clock ran on while others worked).
   * Longer texts get a millisecond more for every 16 KB. */
  readonly budgetMs?: number;
  /** How many layers of encoding are opened. */
  readonly decodeDepth?: number;
}

/** A finding before overlaps are settled. */
interface Candidate {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly version: number;
  readonly class: string;
  readonly encodings: readonly string[];
  readonly priority: number;
}

/** Rules that are no data: what a key's name, a word nearby or a PEM marker says. */
export const structuralRuleIds: readonly string[] = [
  ...keyRuleIds,
  'secret-near-word',
  'private-key',
  'signed-token',
  'random-token',
  'broken-token',
];

const freeLength = 65_536;
const lengthPerMs = 16_384;

/** What a text's key says about it. */
interface KeyNature {
  readonly named: SensitiveKey | undefined;
  /** A number that is the whole text may be somebody's identity number: its key says so, or there is no key. */
  readonly identity: boolean;
}

/** Longer texts say themselves what their numbers are. */
const namedTextMax = 256;
const noKey: KeyNature = { named: undefined, identity: true };
const keysRemembered = 4096;
const keyRememberedMax = 96;
/** Found as it stands, without undoing an encoding. */
const plain: readonly string[] = [];
const nothingFound: ScanResult = { findings: [], status: 'ok' };

/** Words near which a random-looking text is a credential. */
const credentialWords =
  'password passwd passphrase passcode pwd pswd passwort contrasena kennwort secret token api_key apikey api-key auth authorization credential cred key private bearer cookie session signature sig= pass dsn connectionstring connection_string connstr mnemonic seed jwt oauth access license licence cvv cvc pin pat otp webhook sas hmac login'.split(
    ' ',
  );
const loosely = new Set(
  'password passwd passphrase pwd secret token api_key apikey api-key auth credential key private bearer access pat license signature jwt cookie'.split(
    ' ',
  ),
);
/** Keys whose values are addresses on purpose: a bucket's address stays there. */
const addressKey =
  /^(?:(?:server|client|peer|source|destination|network\.peer)\.(?:address|domain)|url\.(?:full|domain|original)|http\.(?:url|host)|net\.(?:peer|host|sock\.peer)\.name|host|.*[._-]?(?:bucket|endpoint|hostname))$/i;
const bucketRule = 'storage-bucket-address';
/** Parts of the names of keys that hold identity numbers. */
const identityKeyWords =
  'passport plate postcode post_code postal zipcode zip_code voter taxid tax_id tax-id taxno vat_ vatid ssn social nino aadhaar medicare national identity citizen insurance licence license personnummer pesel cpf cnpj curp fiscal codice steuer cedula dni nif rut_ cuit bsn tfn abn npi driver driving idcard id_card id_number idnumber personal phone mobile msisdn'.split(
    ' ',
  );
const identityKey = new RegExp(identityKeyWords.join('|'), 'i');
const repeatTextMax = 262_144;
const repeatValuesMax = 32;
const pemWord = '---';

const isAlphanumeric = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

interface CompiledRule {
  readonly rule: DetectorRule;
  readonly pattern: RegExp;
  readonly anchored: boolean;
  readonly boundary: boolean;
  readonly not: readonly RegExp[];
  readonly group: number;
  /** Characters of a token that must follow the keyword at once. */
  readonly tailMin: number;
  /** The keyword must end a word. */
  readonly endsWord: boolean;
}

/** `(?:sk_|rk_)[A-Za-z0-9]{24,120}`: a prefix, then a token of some length. */
const prefixedShape = /^\(\?:[^()]*\)\[[A-Za-z0-9_+/=.~%-]+\]\{(\d{1,3})(?:,\d{0,3})?\}/;
const wordShape = /^\(\?:[^()]*\)\(\?!\[a-z\]\)/;

/** What can be said of a keyword hit without running the rule's pattern; most hits in prose end here. */
function couldMatch(compiled: CompiledRule, units: Uint16Array, length: number, start: number, end: number): boolean {
  if (!tokenFollows(units, end, length, compiled.tailMin)) return false;
  if (compiled.endsWord && end < length) {
    const folded = (units[end] as number) | 0x20;
    if (folded >= 0x61 && folded <= 0x7a) return false;
  }
  return !compiled.anchored || !compiled.boundary || startsWord(units, start);
}

function tailLength(pattern: string): number {
  return Number(prefixedShape.exec(pattern)?.[1] ?? 0);
}

/** Whether a keyword reaches to the end of each alternative of the prefix it stands in. */
function endsPrefix(pattern: string, keyword: string): boolean {
  const prefixes = /^\(\?:([^()]*)\)/.exec(pattern)?.[1]?.replaceAll(/\\(.)/g, '$1').toLowerCase().split('|') ?? [];
  const folded = keyword.toLowerCase();
  return prefixes.filter((prefix) => prefix.includes(folded)).every((prefix) => prefix.endsWith(folded));
}

function compile(rule: DetectorRule): CompiledRule {
  const refused = refusedPattern(rule.pattern);
  if (refused !== undefined) throw new RangeError(`rule ${rule.id}: ${refused}`);
  if (rule.keywords.length === 0) throw new RangeError(`rule ${rule.id}: at least one keyword is required`);
  const anchored = rule.window.before === 0 && rule.subject !== 'token';
  const group = rule.group ?? 0;
  const source = rule.subject === 'token' ? `^(?:${rule.pattern})$` : rule.pattern;
  return {
    rule,
    pattern: new RegExp(source, `${anchored ? 'y' : 'g'}${group > 0 ? 'd' : ''}${rule.flags ?? ''}`),
    anchored,
    boundary: rule.keywords.every((keyword) => isAlphanumeric(keyword.charCodeAt(0))),
    not: (rule.not ?? []).map((pattern) => new RegExp(pattern)),
    group,
    // A keyword may be a part of the prefix only (`(?:SSWS 00|00)`): what follows it is then the rest of the prefix or the token.
    tailMin:
      anchored && rule.keywords.every((keyword) => endsPrefix(rule.pattern, keyword)) ? tailLength(rule.pattern) : 0,
    endsWord: anchored && rule.flags === 'i' && wordShape.test(rule.pattern),
  };
}

/** What must hold at a keyword so that any of its rules can match there. */
function conditionsOf(word: string, rules: readonly CompiledRule[]): Keyword {
  const spelled = new Set(rules.map((each) => spellingOf(each, word)));
  const [spelling] = spelled.size === 1 ? spelled : [];
  return {
    word,
    spelling,
    startsWord: rules.every((each) => each.anchored && each.boundary),
    tokenAfter: Math.min(...rules.map((each) => each.tailMin)),
  };
}

const literalPrefix = /^(?:\(\?:((?:[^()[\]{}.*+?|\\]|\\\W|\|)+)\)(?![*+?{])|((?:[^()[\]{}.*+?|\\]|\\\W)+)(?![*+?{|]))/;

/** How a rule's pattern spells a keyword at its start; undefined when it may be spelled in more than one way. */
function spellingOf({ rule, anchored }: CompiledRule, word: string): string | undefined {
  if (!anchored || rule.flags === 'i' || rule.pattern.includes('|', rule.pattern.indexOf(')'))) return undefined;
  const literal = literalPrefix.exec(rule.pattern);
  const prefixes = (literal?.[1]?.split('|') ?? (literal?.[2] === undefined ? [] : [literal[2]])).map((each) =>
    each.replaceAll(/\\(.)/g, '$1'),
  );
  const fitting = prefixes.filter((each) => word.startsWith(each.toLowerCase()) || each.toLowerCase().startsWith(word));
  const spelled = new Set(fitting.map((each) => (each.length < word.length ? undefined : each.slice(0, word.length))));
  return spelled.size === 1 ? [...spelled][0] : undefined;
}

function allowed(compiled: CompiledRule, value: string): boolean {
  for (const validation of compiled.rule.validate ?? []) if (!passes(value, validation)) return false;
  for (const pattern of compiled.not) if (pattern.test(value)) return false;
  return true;
}

/** Short words occur inside others and inside base64; they count where a word or a camel-case hump begins and ends. */
function standsAlone(text: string, start: number, end: number): boolean {
  if (end - start > 4) return true;
  const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;
  const isUpper = (code: number): boolean => code >= 0x41 && code <= 0x5a;
  const first = text.charCodeAt(start);
  const last = text.charCodeAt(end - 1);
  const before = start > 0 ? text.charCodeAt(start - 1) : 0x20;
  const after = end < text.length ? text.charCodeAt(end) : 0x20;
  if ((isLower(before) && isLower(first)) || isUpper(before)) {
    if (
      !(text[start - 2] === '\\' && isLower(before)) &&
      !(isUpper(before) && isUpper(first) && !isAlphanumeric(after)) &&
      !(isLower(before) && !isAlphanumeric(after))
    )
      return false;
  }
  if (before >= 0x30 && before <= 0x39 && isAlphanumeric(after)) return false;
  return !((isLower(last) && isLower(after)) || (isUpper(last) && isUpper(after)));
}

/** A name may begin at a word's start or at a camel-case hump. */
function standsFirst(units: Uint16Array, at: number): boolean {
  if (startsWord(units, at)) return true;
  const before = units[at - 1] as number;
  const first = units[at] as number;
  return before >= 0x61 && before <= 0x7a && first >= 0x41 && first <= 0x5a;
}

const introduction =
  /^[A-Za-z0-9_.-]{0,40}["'`\\)\]]{0,6}[\s:=>|?,-]{0,8}(?:(?:api|app|access|secret|private|client|auth|user|token|key|id|i|we|you|use|used|using|need)[\s_.-]{0,2}){0,4}[\s:=>|?,-]{0,8}["'`\\([{]{0,6}$/i;

/** Whether only separators and words such as `key` stand between a name and a token: then less randomness is asked of it. */
function introduces(text: string, nameEnd: number, tokenStart: number): boolean {
  if (tokenStart - nameEnd > 64) return false;
  const between = text.slice(nameEnd, tokenStart);
  if (!introduction.test(between)) return false;
  return (
    !uuidStart.test(text.slice(tokenStart, tokenStart + 19)) ||
    /["'=:>|]|key|token|secret|access|private/i.test(between)
  );
}

const uuidStart = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/i;

const lonelyMin = 40;
const lonelyMax = 160;

/** `key_name`, `token_path`, `password_policy`: a name that goes on behind the telling word and then speaks about a secret instead of holding it. */
function isDescription(text: string, wordEnd: number, start: number, end: number): boolean {
  return (
    /^[_-](?:[a-z]{1,12}[_-]){0,2}(?:name|path|file|type|policy|count|length|format|algorithm|status)$/i.test(
      text.slice(wordEnd, end),
    ) && classifyKey(text.slice(start, end)) === undefined
  );
}

/** Long enough, mixed enough and introduced by nothing that says it is a digest or an image: a key, most likely. */
function isLonelySecret(text: string, start: number, end: number): boolean {
  const value = text.slice(start, end);
  // Personal access tokens of Azure DevOps: 52 characters of base 32, without a prefix.
  if (value.length === 52 && /^[a-z2-7]+$/.test(value))
    return shannonEntropy(value) >= 4 && ownerOf(text, start, start) === 'none';
  if (!/[a-z]/.test(value) || !/[A-Z]/.test(value) || (value.match(/\d/g)?.length ?? 0) < 4 || value.startsWith('/'))
    return false;
  if (
    /base64[,"':= ]{0,4}$/.test(text.slice(Math.max(0, start - 12), start)) ||
    value.includes('/') ||
    value.includes('+') ||
    text[end] === '='
  )
    return false;
  return ownerOf(text, start, start) === 'none' && shannonEntropy(value) >= 4.3;
}

/** Three parts joined by dots, the first and the last random: signed tokens of whatever kind. */
const signedToken = /([A-Za-z0-9_-]{18,512})\.[A-Za-z0-9_-]{4,512}\.([A-Za-z0-9_-]{16,512})/y;

/** A token with characters in it that nobody sees: whoever put them there hides something. */
const brokenToken = /[A-Za-z0-9_.+/=-]{2,128}(?:[\u00ad\u200b-\u200f\u2060\ufeff]{1,8}[A-Za-z0-9_.+/=-]{1,128}){1,64}/g;
const invisible = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

function findBroken(text: string, out: Candidate[]): void {
  brokenToken.lastIndex = 0;
  for (let match = brokenToken.exec(text); match; match = brokenToken.exec(text)) {
    const value = match[0].replaceAll(invisible, '');
    if (!/[A-Za-z]/.test(value) || !isOpaque(value, 12)) continue;
    out.push({
      start: match.index,
      end: match.index + match[0].length,
      rule: 'broken-token',
      version: 1,
      class: 'secret.generic',
      encodings: ['zero-width'],
      priority: 5,
    });
  }
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

/** Compiles all rules; throws a RangeError that names the rule when one is not acceptable. */
export function createScanner(options: ScannerOptions = {}): Scanner {
  const disabled = options.disabledRules ?? new Set<string>();
  const budgetMs = options.budgetMs ?? 15;
  const decodeDepth = options.decodeDepth ?? 3;
  const rules = [...builtinRules, ...(options.extraRules ?? [])].filter((rule) => !disabled.has(rule.id)).map(compile);

  // One entry a keyword: the rules to run at it, and whether it is a word that announces a credential.
  const entries = new Map<string, { rules: CompiledRule[]; credential: boolean; loose: boolean; pem: boolean }>();
  const entry = (word: string) => {
    const folded = word.toLowerCase();
    let found = entries.get(folded);
    if (!found) {
      found = { rules: [], credential: false, loose: false, pem: false };
      entries.set(folded, found);
    }
    return found;
  };
  for (const compiled of rules) for (const keyword of compiled.rule.keywords) entry(keyword).rules.push(compiled);
  for (const word of credentialWords) {
    entry(word).credential = true;
    entry(word).loose = loosely.has(word);
  }
  entry(pemWord).pem = true;
  for (const word of identityKeyWords) entry(word);
  const search = createKeywordSearch(
    [...entries].map(([word, { rules, credential, pem }]) =>
      credential || pem || rules.length === 0 ? { word } : conditionsOf(word, rules),
    ),
  );
  const words = search.words;
  const lengths = Uint8Array.from(words, (word) => word.length);
  const actions = words.map((word) => entries.get(word));
  const pass = new TextPass();

  /** What the rules find at the keywords hit. */
  function scanHits(text: string, deadline: Deadline, out: Candidate[]): void {
    const { units, hitEnds, hitWords, hitCount } = pass;
    const { length } = text;
    let tokens: OpaqueToken[] | undefined;
    const doneUntil = new Map<CompiledRule, number>();
    let lastKeyEnd = -1;
    let lastPem = -1;
    let lastValueEnd = -1;
    let firstToken = 0;

    const nearTokens = (from: number, to: number): OpaqueToken[] => {
      tokens ??= findTokens(text);
      while (firstToken > 0 && (tokens[firstToken - 1]?.end ?? 0) > from) firstToken--;
      while (firstToken < tokens.length && (tokens[firstToken]?.end ?? 0) <= from) firstToken++;
      const near: OpaqueToken[] = [];
      for (let i = firstToken; i < tokens.length; i++) {
        const token = tokens[i] as OpaqueToken;
        if (token.start > to) break;
        near.push(token);
      }
      return near;
    };

    const emit = (start: number, end: number, compiled: CompiledRule): void => {
      const { rule } = compiled;
      out.push({
        start,
        end,
        rule: rule.id,
        version: rule.version,
        class: rule.class,
        encodings: plain,
        priority: rule.priority ?? 50,
      });
    };

    const runRule = (compiled: CompiledRule, start: number, end: number): void => {
      const { rule, pattern } = compiled;
      if (rule.subject === 'token') {
        if (!standsFirst(units, start) || text[start - 1] === '/' || text[end] === '/') return;
        if (/^\.(?:com|io|org|net|dev|app|co|ai|so)\b/.test(text.slice(end, end + 5))) return;
        for (const token of nearTokens(end, end + rule.window.after)) {
          if (token.taken) continue;
          if (token.start < start && isObjectName(text.slice(token.start, token.end))) continue;
          const from = Math.max(token.start, end);
          const trimmed = looksRandom(text, from, token.end, introduces(text, end, from));
          if (!trimmed) continue;
          const value = text.slice(trimmed.start, trimmed.end);
          if (ownerOf(text, trimmed.start, start) === 'other') continue;
          pattern.lastIndex = 0;
          if (pattern.test(value) && allowed(compiled, value)) {
            token.taken = true;
            emit(trimmed.start, trimmed.end, compiled);
          }
        }
        return;
      }
      if (compiled.anchored) {
        if (start < (doneUntil.get(compiled) ?? 0)) return;
        pattern.lastIndex = start;
        const match = pattern.exec(text);
        if (!match) return;
        const value = match[compiled.group] ?? '';
        if (value === '' || !allowed(compiled, value)) return;
        const [from, to] = match.indices?.[compiled.group] ?? [match.index, match.index + match[0].length];
        doneUntil.set(compiled, to);
        emit(from, to, compiled);
        return;
      }
      const done = doneUntil.get(compiled) ?? 0;
      // The keyword lies in what was found already.
      if (end <= done) return;
      const from = Math.max(0, start - rule.window.before, done);
      const window = text.slice(from, Math.min(text.length, end + rule.window.after));
      pattern.lastIndex = 0;
      for (let match = pattern.exec(window); match; match = pattern.exec(window)) {
        if (match[0] === '') {
          pattern.lastIndex++;
          continue;
        }
        const value = match[compiled.group] ?? '';
        const [low, high] = match.indices?.[compiled.group] ?? [match.index, match.index + match[0].length];
        if (value !== '' && allowed(compiled, value)) {
          emit(from + low, from + high, compiled);
          doneUntil.set(compiled, from + high);
        }
      }
    };

    for (let hit = 0; hit < hitCount; hit++) {
      if ((hit & 15) === 15 && deadline.expired()) throw new OutOfTime();
      const index = hitWords[hit] as number;
      const end = hitEnds[hit] as number;
      const start = end - (lengths[index] as number);
      const action = actions[index];
      if (!action) continue;
      for (const compiled of action.rules) {
        if (couldMatch(compiled, units, length, start, end)) runRule(compiled, start, end);
      }
      if (action.pem && start >= lastPem) {
        const span = privateKeyAt(text, start);
        if (span && !disabled.has('private-key')) {
          lastPem = span.end;
          out.push({
            ...span,
            rule: 'private-key',
            version: 1,
            class: 'secret.private_key',
            encodings: plain,
            priority: 100,
          });
        }
      }
      if (action.credential && end > lastKeyEnd && standsAlone(text, start, end)) {
        const around = keyAround(text, start, end);
        if (text.slice(Math.max(0, start - 60), start).includes('arn:')) continue;
        lastKeyEnd = around.end;
        const found = start < lastValueEnd ? undefined : assignmentAt(text, around.start, around.end);
        if (found) {
          lastValueEnd = found.end;
          if (!disabled.has(found.rule)) {
            out.push({ ...found, version: keyRuleVersion, encodings: plain, priority: 40 });
          }
        }
        if (action.loose && !disabled.has('secret-near-word') && !isDescription(text, end, around.start, around.end)) {
          for (const token of nearTokens(end, around.end + 64)) {
            if (token.taken) continue;
            const from = Math.max(token.start, end);
            const trimmed = looksRandom(text, from, token.end, introduces(text, end, from));
            if (!trimmed || ownerOf(text, trimmed.start, around.start) !== 'none') continue;
            token.taken = true;
            out.push({
              ...trimmed,
              rule: 'secret-near-word',
              version: 1,
              class: 'secret.generic',
              encodings: plain,
              priority: 20,
            });
          }
        }
      }
    }
  }

  function addPersonal(text: string, seen: number, key: KeyNature, deadline: Deadline, out: Candidate[]): void {
    const personal: PersonalDatum[] = [];
    if (seen & atFlag) findEmails(text, personal);
    if (seen & digitFlag) findNumbers(text, pass, personal, deadline.check, key.identity);
    if (seen & groupFlag) findHexGroups(text, pass, personal);
    for (const { start, end, rule, class: kind, priority } of personal) {
      if (disabled.has(rule)) continue;
      out.push({ start, end, rule, version: personalRuleVersion, class: kind, encodings: plain, priority });
    }
  }

  const keyNatures = new Map<string, KeyNature>();
  function natureOf(key: string): KeyNature {
    if (key === '') return noKey;
    let nature = keyNatures.get(key);
    if (nature === undefined) {
      nature = { named: classifyKey(key), identity: identityKey.test(key) };
      if (keyNatures.size >= keysRemembered) keyNatures.clear();
      if (key.length <= keyRememberedMax) keyNatures.set(key, nature);
    }
    return nature;
  }

  function scanLayer(text: string, key: KeyNature, deadline: Deadline, out: Candidate[]): number {
    const seen = search.run(text, pass);
    if (seen & hitsOverflow) throw new OutOfTime();
    if (pass.hitCount > 0) scanHits(text, deadline, out);
    if (seen & (atFlag | digitFlag | groupFlag)) addPersonal(text, seen, key, deadline, out);
    const { named } = key;
    if (named !== undefined) {
      const trimmed = text.trim();
      if (
        !disabled.has(named.rule) &&
        !isPlaceholder(trimmed) &&
        !isHarmlessValue(trimmed, named.rule) &&
        (named.strength === 'strong' ? trimmed.length > 3 : isOpaque(trimmed, 14))
      ) {
        const start = text.indexOf(trimmed);
        out.push({
          start,
          end: start + trimmed.length,
          rule: named.rule,
          version: keyRuleVersion,
          class: named.class,
          encodings: plain,
          priority: 10,
        });
      }
    }
    return seen;
  }

  /** A value that is a secret in one place is one wherever else it stands in the same text. */
  function addRepeats(text: string, found: Candidate[]): void {
    if (found.length === 0 || text.length > repeatTextMax) return;
    let values: Map<string, Candidate> | undefined;
    for (const each of found) {
      if (each.end - each.start < 10 || !each.class.startsWith('secret.')) continue;
      values ??= new Map();
      if (values.size >= repeatValuesMax || /\s/.test(text.slice(each.start, Math.min(each.end, each.start + 64))))
        continue;
      values.set(text.slice(each.start, each.end), each);
    }
    if (values === undefined) return;
    for (const [value, first] of values) {
      for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) {
        if (at !== first.start) found.push({ ...first, start: at, end: at + value.length });
      }
    }
  }

  function scanAll(text: string, key: KeyNature, depth: number, deadline: Deadline): Candidate[] {
    const found: Candidate[] = [];
    const seen = scanLayer(text, key, deadline, found);
    addRepeats(text, found);
    if (depth <= 0) return found;
    if (pass.runs.length > 0) {
      // The next layer reads its own text into `pass`.
      const runs = [...pass.runs];
      const long = (start: number, end: number): void => {
        if (
          end - start >= lonelyMin &&
          end - start <= lonelyMax &&
          !disabled.has('random-token') &&
          isLonelySecret(text, start, end)
        ) {
          found.push({
            start,
            end,
            rule: 'random-token',
            version: 1,
            class: 'secret.generic',
            encodings: plain,
            priority: 5,
          });
          return;
        }
        if (text[end] !== '.' || text[start - 1] === '.') return;
        signedToken.lastIndex = start;
        const match = signedToken.exec(text);
        if (!match || disabled.has('signed-token') || !isOpaque(match[1] ?? '', 18) || !isOpaque(match[2] ?? '', 16))
          return;
        found.push({
          start,
          end: start + match[0].length,
          rule: 'signed-token',
          version: 1,
          class: 'secret.token',
          encodings: plain,
          priority: 35,
        });
      };
      for (const payload of findPayloads(text, runs, deadline.check, long)) {
        const inner = scanAll(payload.text, key, depth - 1, deadline);
        const best = inner.reduce<Candidate | undefined>(
          (top, each) => (top && top.priority >= each.priority ? top : each),
          undefined,
        );
        // What a name alone suggests is already known of the carrier; e-mail-like noise in binary is none.
        if (best)
          found.push({
            ...best,
            start: payload.start,
            end: payload.end,
            encodings: [payload.encoding, ...best.encodings],
            priority: best.priority,
          });
      }
    }
    if (seen & (escapeFlag | beyondAscii | escapedFlag)) {
      const view = unescapedView(text, deadline.check);
      if (view) {
        if (view.encodings.includes('zero-width') && !disabled.has('broken-token')) findBroken(text, found);
        for (const each of scanAll(view.text, key, depth - 1, deadline)) {
          const start = view.at[each.start] ?? 0;
          const end = each.end > each.start ? (view.at[each.end] ?? text.length) : start;
          found.push({ ...each, start, end, encodings: [...view.encodings, ...each.encodings] });
        }
      }
    }
    return found;
  }

  /** Whether a keyword hit can lead to anything: not `pat` in `path`. */
  function counts(text: string, index: number, start: number, end: number): boolean {
    const action = actions[index];
    if (action === undefined) return false;
    if (action.credential) return standsAlone(text, start, end);
    // A word of an identity number's key has no rule of its own.
    return (
      action.rules.length === 0 || action.rules.some((each) => couldMatch(each, pass.units, text.length, start, end))
    );
  }

  /** What is found when the key stands before the text, as it does in the JSON or the form that the text was taken from. */
  function foundBehind(key: string, text: string, deadline: Deadline): Candidate[] {
    const before = `${key.replaceAll(/[_.-]/g, ' ')}: `;
    const shift = before.length;
    return scanAll(before + text, noKey, 0, deadline).flatMap((each) =>
      each.end <= shift ? [] : [{ ...each, start: Math.max(0, each.start - shift), end: each.end - shift }],
    );
  }

  function settle(text: string, candidates: readonly Candidate[]): Finding[] {
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

  return {
    surveyJson(text) {
      const seen = search.run(text, pass);
      if (seen & (hitsOverflow | escapedFlag)) return undefined;
      const marks = pass.specialCount === 0 ? [] : Array.from(pass.specials.subarray(0, pass.specialCount));
      for (let hit = 0; hit < pass.hitCount; hit++) {
        const end = pass.hitEnds[hit] as number;
        const index = pass.hitWords[hit] as number;
        const start = end - (lengths[index] as number);
        if (counts(text, index, start, end)) marks.push(start);
      }
      const deadline = createDeadline(budgetMs + Math.max(0, text.length - freeLength) / lengthPerMs);
      try {
        const found: Candidate[] = [];
        addPersonal(text, seen, noKey, deadline, found);
        for (const payload of findPayloads(text, pass.runs, deadline.check, (start, end) => {
          if (text[end] === '.' || isLonelySecret(text, start, end)) marks.push(start);
        })) {
          marks.push(payload.start);
        }
        for (const each of found) marks.push(each.start);
      } catch (error) {
        if (error instanceof OutOfTime) return undefined;
        throw error;
      }
      return marks.length > 1 ? marks.sort((a, b) => a - b) : marks;
    },
    isTellingKey(key) {
      const { named, identity } = natureOf(key);
      return named !== undefined || identity;
    },
    scan(text, context) {
      const deadline = createDeadline(budgetMs + Math.max(0, text.length - freeLength) / lengthPerMs);
      try {
        const nature = natureOf(context.key);
        let found = scanAll(text, nature, decodeDepth, deadline);
        if (nature.identity && context.key !== '' && text.length <= namedTextMax) {
          found = [...found, ...foundBehind(context.key, text, deadline)];
        }
        if (found.length > 0 && context.key !== '' && addressKey.test(context.key)) {
          found = found.filter((each) => each.rule !== bucketRule);
        }
        return found.length === 0 ? nothingFound : { findings: settle(text, found), status: 'ok' };
      } catch (error) {
        if (error instanceof OutOfTime) return { findings: [], status: 'budget' };
        throw error;
      }
    },
    sensitiveKey(key) {
      const named = classifyKey(key);
      if (!named || named.strength !== 'strong' || disabled.has(named.rule)) return undefined;
      return { rule: named.rule, ruleVersion: keyRuleVersion, class: named.class };
    },
  };
}
