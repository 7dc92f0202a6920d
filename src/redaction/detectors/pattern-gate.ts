/**
 * The regular expression subset a rule may use. V8 backtracks; within this subset and a bounded window the worst case stays small:
 * no lookbehind, no backreference, no repeat inside a repeated group, every repeat bounded by 512.
 */
export const repeatMax = 512;

function compiles(source: string): boolean {
  try {
    return new RegExp(source).source !== '';
  } catch {
    return false;
  }
}

/** Why a pattern is refused, in a sentence; undefined when it is in the subset. */
export function refusedPattern(source: string): string | undefined {
  if (!compiles(source)) return 'the pattern is no regular expression';
  const groups: { repeats: boolean }[] = [{ repeats: false }];
  let inClass = false;
  let closed: { repeats: boolean } | undefined;
  for (let i = 0; i < source.length; i++) {
    const char = source[i] ?? '';
    if (char === '\\') {
      const next = source[i + 1] ?? '';
      if (!inClass && (/[1-9]/.test(next) || next === 'k')) return 'a backreference is not allowed';
      i++;
      closed = undefined;
      continue;
    }
    if (inClass) {
      if (char === ']') {
        inClass = false;
        closed = undefined;
      }
      continue;
    }
    if (char === '[') {
      inClass = true;
      continue;
    }
    if (char === '(') {
      if (/^\(\?<[=!]/.test(source.slice(i))) return 'lookbehind is not allowed';
      groups.push({ repeats: false });
      closed = undefined;
      continue;
    }
    if (char === ')') {
      closed = groups.pop();
      if (groups.length === 0) return 'the groups are not balanced';
      if (closed?.repeats) (groups.at(-1) as { repeats: boolean }).repeats = true;
      continue;
    }
    let top = 1;
    let width = 0;
    if (char === '*' || char === '+')
      return `the unbounded repeat ${char} is not allowed: give it an upper bound of at most ${repeatMax}`;
    if (char === '?') {
      closed = undefined;
      continue;
    }
    if (char === '{') {
      const counted = /^\{(\d{1,6})(?:(,)(\d{0,6}))?\}/.exec(source.slice(i));
      if (counted) {
        if (counted[2] === ',' && counted[3] === '')
          return `a repeat without an upper bound is not allowed: at most ${repeatMax}`;
        top = Number(counted[3] || counted[1]);
        width = counted[0].length;
        if (top > repeatMax) return `a repeat may be at most ${repeatMax}`;
        const exact = counted[2] === undefined;
        if (closed?.repeats && top > 8) return 'a repeat inside a repeated group is not allowed';
        if (!exact) (groups.at(-1) as { repeats: boolean }).repeats = true;
        i += width - 1;
      }
    }
    closed = undefined;
  }
  return groups.length === 1 ? undefined : 'the groups are not balanced';
}
