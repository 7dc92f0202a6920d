import { assignmentAt, keyAround } from './credential-assignment.ts';
import { plain, type Candidate } from './finding.ts';
import { allows, couldMatch, type CompiledRule } from './keyword-rule.ts';
import { findTokens, isObjectName, looksRandom, ownerOf, type OpaqueToken } from './opaque-token.ts';
import { privateKeyAt } from './private-key.ts';
import { keyRuleVersion } from './sensitive-key.ts';
import type { TextPass } from './text-pass.ts';
import { introduces, isDescription, standsAlone, standsFirst } from './telling-word.ts';
import { OutOfTime, type Deadline } from './work-deadline.ts';

/** What to do at a keyword. */
export interface KeywordAction {
  readonly rules: readonly CompiledRule[];
  /** It is a word that announces a credential. */
  readonly credential: boolean;
  /** One near which any random-looking text is a credential. */
  readonly loose: boolean;
  readonly pem: boolean;
}

export interface HitScanOptions {
  /** By the keyword's index. */
  readonly actions: readonly (KeywordAction | undefined)[];
  /** Characters of the keywords. */
  readonly lengths: Uint8Array;
  readonly disabled: ReadonlySet<string>;
  /** Holds the reading of the text under way. */
  readonly pass: TextPass;
}

/** Notes what the rules find at the keywords hit. */
export type HitScan = (text: string, deadline: Deadline, out: Candidate[]) => void;

export function createHitScan({ actions, lengths, disabled, pass }: HitScanOptions): HitScan {
  return (text, deadline, out) => {
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
          if (pattern.test(value) && allows(compiled, value)) {
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
        if (value === '' || !allows(compiled, value)) return;
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
        if (value !== '' && allows(compiled, value)) {
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
  };
}
