import { RE2JS } from 're2js';
import type { TextTest } from './policy.ts';

/** A pattern that no engine here can run in bounded time, or that is no regular expression. */
export class PatternRefusedError extends Error {}

/** Longer texts are not tested: a key or a captured value that long matches no rule. */
const TESTED_LENGTH_MAX = 4096;
const REPEAT_MAX = 512;

/**
 * Compiles a user's pattern. A pattern without any of `\ ^ $ * + ? ( ) [ ] { } |` is a name and matches exactly, dots
 * being dots. Otherwise it is a regular expression that may match anywhere: run by V8 when it stays within a subset that
 * cannot backtrack badly, else by RE2JS in linear time. Throws PatternRefusedError.
 */
export function compileTest(source: string): TextTest {
  if (!/[\\^$*+?()[\]{}|]/.test(source)) return (text) => text === source;
  try {
    RegExp(source, 'u');
  } catch {
    throw new PatternRefusedError('is not a regular expression');
  }
  if (isSafe(source)) {
    const expression = new RegExp(source, 'u');
    return (text) => text.length <= TESTED_LENGTH_MAX && expression.test(text);
  }
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch {
    throw new PatternRefusedError('needs look-around or back-references, which policies cannot use');
  }
  return (text) => text.length <= TESTED_LENGTH_MAX && compiled.matcher(text).find();
}

/** True for a regular expression that V8 runs in about linear time. */
export function isSafePattern(source: string): boolean {
  try {
    RegExp(source);
  } catch {
    return false;
  }
  return isSafe(source);
}

/**
 * True when the expression cannot cost V8 more than linear work times a small constant: no groups that repeat, no
 * look-around, no back-references, at most one unbounded repeat, and no repeat beyond 512.
 */
function isSafe(source: string): boolean {
  let unbounded = 0;
  let inClass = false;
  for (let at = 0; at < source.length; at += 1) {
    const character = source.charAt(at);
    if (character === '\\') {
      const next = source.charAt(at + 1);
      if (/[1-9k]/.test(next)) return false;
      at += 1;
    } else if (inClass) {
      if (character === ']') inClass = false;
    } else if (character === '[') {
      inClass = true;
    } else if (character === '(') {
      if (source.charAt(at + 1) === '?' && source.charAt(at + 2) !== ':') return false;
    } else if (character === ')') {
      if (/[*+{]/.test(source.charAt(at + 1))) return false;
    } else if (character === '*' || character === '+') {
      unbounded += 1;
    } else if (character === '{') {
      const bounds = /^\{(\d+)(,?)(\d*)\}/.exec(source.slice(at));
      if (bounds === null) continue;
      const most =
        bounds[3] === '' ? (bounds[2] === ',' ? Number.POSITIVE_INFINITY : Number(bounds[1])) : Number(bounds[3]);
      if (most > REPEAT_MAX) return false;
      if (most > 1 && bounds[2] === ',') unbounded += 1;
    }
  }
  return unbounded <= 1;
}
