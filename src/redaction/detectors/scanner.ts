import { builtinRules } from './builtin-rules.ts';
import { findEmails } from './email-address.ts';
import { beginsEscape, findPayloads, undoneAlongside, unescapedView } from './encoded-view.ts';
import { plain, settle, type Candidate, type Finding } from './finding.ts';
import { isHarmlessValue } from './harmless-value.ts';
import { createHitScan } from './hit-scan.ts';
import { compileRule, conditionsOf, couldMatch, type CompiledRule } from './keyword-rule.ts';
import { createKeywordSearch } from './keyword-search.ts';
import { findBroken, isLonelySecret, lonelyTokenAt } from './lonely-token.ts';
import { isOpaque } from './opaque-token.ts';
import { findHexGroups, findNumbers, personalRuleVersion, type PersonalDatum } from './personal-number.ts';
import type { DetectorRule } from './rule.ts';
import { classifyKey, keyRuleIds, keyRuleVersion, type SensitiveKey } from './sensitive-key.ts';
import { credentialWords, identityKey, identityKeyWords, loosely, standsAlone } from './telling-word.ts';
import { TextPass } from './text-pass.ts';
import { atFlag, beyondAscii, digitFlag, escapedFlag, escapeFlag, groupFlag, hitsOverflow } from './text-unit.ts';
import { isPlaceholder } from './validators.ts';
import { createDeadline, OutOfTime, type Deadline } from './work-deadline.ts';

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
   * text is plain. Offsets that are 0: the members are to be looked at for what they are to each other. `undefined`: it cannot be said.
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
const nothingFound: ScanResult = { findings: [], status: 'ok' };

/** Keys whose values are addresses on purpose: a bucket's address stays there. */
const addressKey =
  /^(?:(?:server|client|peer|source|destination|network\.peer)\.(?:address|domain)|url\.(?:full|domain|original)|http\.(?:url|host)|net\.(?:peer|host|sock\.peer)\.name|host|.*[._-]?(?:bucket|endpoint|hostname))$/i;
const bucketRule = 'storage-bucket-address';
const repeatTextMax = 262_144;
const repeatValuesMax = 32;
const pemWord = '---';

/** Compiles all rules; throws a RangeError that names the rule when one is not acceptable. */
export function createScanner(options: ScannerOptions = {}): Scanner {
  const disabled = options.disabledRules ?? new Set<string>();
  const budgetMs = options.budgetMs ?? 15;
  const decodeDepth = options.decodeDepth ?? 3;
  const rules = [...builtinRules, ...(options.extraRules ?? [])]
    .filter((rule) => !disabled.has(rule.id))
    .map(compileRule);

  // One entry a keyword.
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
  const scanHits = createHitScan({ actions, lengths, disabled, pass });

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
    if (pass.runCount > 0) {
      const long = (start: number, end: number): void => {
        const token = lonelyTokenAt(text, start, end, disabled);
        if (token !== undefined) found.push(token);
      };
      for (const payload of findPayloads(text, pass, deadline.check, long)) {
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

  return {
    surveyJson(text) {
      const seen = search.run(text, pass);
      if (seen & (hitsOverflow | escapedFlag)) return undefined;
      const marks: number[] = [];
      let isUndone: boolean | undefined;
      for (let each = 0; each < pass.specialCount; each++) {
        const at = pass.specials[each] as number;
        // No string begins at the first offset: the text is walked as one with a mark in it, and this string is plain for all that.
        if (!beginsEscape(pass.units, at) && !(isUndone ??= undoneAlongside.test(text))) marks.push(0);
        else marks.push(at);
      }
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
        for (const payload of findPayloads(text, pass, deadline.check, (start, end) => {
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
