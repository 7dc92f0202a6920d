/**
 * One Aho-Corasick automaton over all keywords, ASCII case folded, as a dense transition table: one table look-up a character
 * whatever the number of keywords.
 */
export interface KeywordAutomaton {
  /** Appends pairs (keyword index, end offset exclusive) to `hits`; returns the union of the character flags seen. */
  run(text: string, hits: number[], flags: Uint8Array): number;
}

const asciiSize = 128;

function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

/** Keywords must be ASCII. `hitsMax` bounds the memory one text can take: what is beyond it is reported by a flag of 256. */
export const hitsOverflow = 256;

export function createKeywordAutomaton(keywords: readonly string[], hitsMax = 65_536): KeywordAutomaton {
  const classOf = new Uint8Array(asciiSize);
  let classes = 1;
  for (const keyword of keywords) {
    for (let i = 0; i < keyword.length; i++) {
      const code = fold(keyword.charCodeAt(i));
      if (code >= asciiSize) throw new RangeError('a keyword must be ASCII text');
      if (classOf[code] === 0) classOf[code] = classes++;
    }
  }
  for (let code = 0x61; code <= 0x7a; code++) classOf[code - 0x20] = classOf[code] ?? 0;

  const children: Map<number, number>[] = [new Map()];
  const outputs: number[][] = [[]];
  keywords.forEach((keyword, index) => {
    let state = 0;
    for (let i = 0; i < keyword.length; i++) {
      const symbol = classOf[fold(keyword.charCodeAt(i))] ?? 0;
      let next = children[state]?.get(symbol);
      if (next === undefined) {
        next = children.length;
        children.push(new Map());
        outputs.push([]);
        children[state]?.set(symbol, next);
      }
      state = next;
    }
    outputs[state]?.push(index);
  });

  // Transition values are premultiplied by the number of classes; a negative one marks a state with outputs.
  const states = children.length;
  const rows = new Int32Array(states * classes);
  const fail = new Int32Array(states);
  const queue: number[] = [];
  for (const [symbol, next] of children[0] ?? []) {
    rows[symbol] = next;
    queue.push(next);
  }
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0;
    const back = fail[state] ?? 0;
    outputs[state]?.push(...(outputs[back] ?? []));
    for (let symbol = 0; symbol < classes; symbol++) {
      const next = children[state]?.get(symbol);
      const fallback = rows[back * classes + symbol] ?? 0;
      if (next === undefined) {
        rows[state * classes + symbol] = fallback;
      } else {
        fail[next] = fallback;
        rows[state * classes + symbol] = next;
        queue.push(next);
      }
    }
  }
  const outputStart = new Int32Array(states + 1);
  const flat: number[] = [];
  for (let state = 0; state < states; state++) {
    outputStart[state] = flat.length;
    flat.push(...(outputs[state] ?? []));
  }
  outputStart[states] = flat.length;
  const outputList = Int32Array.from(flat);
  for (let i = 0; i < rows.length; i++) {
    const target = rows[i] ?? 0;
    rows[i] = (outputs[target]?.length ?? 0) > 0 ? -target * classes : target * classes;
  }

  return {
    run(text, hits, flags) {
      let state = 0;
      let seen = 0;
      const length = text.length;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code >= asciiSize) {
          state = 0;
          seen |= 128;
          continue;
        }
        seen |= flags[code] as number;
        state = rows[state + (classOf[code] as number)] as number;
        if (state < 0) {
          state = -state;
          const number = state / classes;
          if (hits.length >= hitsMax * 2) {
            seen |= hitsOverflow;
            continue;
          }
          for (let o = outputStart[number] as number; o < (outputStart[number + 1] as number); o++) {
            hits.push(outputList[o] as number, i + 1);
          }
        }
      }
      return seen;
    },
  };
}
