export interface ShellLine {
  /** Simple commands in order, each as words without quotes; those inside `$(…)` and backquotes included. */
  readonly commands: readonly (readonly string[])[];
  /** A redirection writes to a file, other than /dev/null or a scratch file under /tmp. */
  readonly writesFile: boolean;
  /** The line was longer than is looked at. */
  readonly cut: boolean;
}

const LINE_LENGTH_MAX = 16_384;
const COMMANDS_MAX = 256;
const SUBSTITUTION_DEPTH_MAX = 4;

/**
 * Splits a POSIX shell line into simple commands: quotes, escapes, `;`, `&&`, `||`, `|`, `&`, newlines, redirections,
 * substitutions. Meant for telling what a line runs, not for running it: nothing is expanded, here-documents are skipped.
 */
export function shellCommands(line: string, depth = 0): ShellLine {
  const text = line.slice(0, LINE_LENGTH_MAX);
  const commands: string[][] = [];
  const inner: string[] = [];
  let words: string[] = [];
  let word = '';
  let inWord = false;
  let writesFile = false;
  let redirect = false;
  const endWord = (): void => {
    if (!inWord) return;
    if (redirect) {
      if (!/^(?:\/dev\/(?:null|stdout|stderr|tty)|&?\d|-|(?:\/var)?\/tmp\/(?!.*\.\.).+)$/.test(word)) writesFile = true;
      redirect = false;
    } else {
      words.push(word);
    }
    word = '';
    inWord = false;
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  let at = 0;
  while (at < text.length && commands.length < COMMANDS_MAX) {
    const character = text.charAt(at);
    if (character === "'") {
      const close = text.indexOf("'", at + 1);
      const end = close === -1 ? text.length : close;
      word += text.slice(at + 1, end);
      inWord = true;
      at = end + 1;
    } else if (character === '"') {
      inWord = true;
      at += 1;
      while (at < text.length && text.charAt(at) !== '"') {
        if (text.charAt(at) === '\\') {
          word += text.charAt(at + 1);
          at += 2;
        } else if (text.startsWith('$(', at) || text.charAt(at) === '`') {
          const [body, end] = substitution(text, at);
          inner.push(body);
          at = end;
        } else {
          word += text.charAt(at);
          at += 1;
        }
      }
      at += 1;
    } else if (character === '\\') {
      if (text.charAt(at + 1) !== '\n') {
        word += text.charAt(at + 1);
        inWord = true;
      }
      at += 2;
    } else if ((text.startsWith('$(', at) && text.charAt(at + 2) !== '(') || character === '`') {
      const [body, end] = substitution(text, at);
      inner.push(body);
      inWord = true;
      at = end;
    } else if (character === '#' && !inWord) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
    } else if (character === '<' && text.startsWith('<<', at) && !text.startsWith('<<<', at)) {
      at = afterHereDocument(text, at);
    } else if (character === '>' || (character === '&' && text.charAt(at + 1) === '>')) {
      // A number just before it is the file descriptor, not a word.
      if (/^\d+$/.test(word)) {
        word = '';
        inWord = false;
      }
      endWord();
      redirect = true;
      at += character === '&' ? 2 : 1;
      while (text.charAt(at) === '>' || text.charAt(at) === '|') at += 1;
      if (text.charAt(at) === '&') {
        // 2>&1
        redirect = false;
        at += 1;
        while (/[\d-]/.test(text.charAt(at))) at += 1;
      }
    } else if (
      character === ';' ||
      character === '|' ||
      character === '&' ||
      character === '\n' ||
      character === '(' ||
      character === ')'
    ) {
      endCommand();
      at += 1;
    } else if (character === ' ' || character === '\t' || character === '\r') {
      endWord();
      at += 1;
    } else {
      word += character;
      inWord = true;
      at += 1;
    }
  }
  endCommand();
  let cut = line.length > LINE_LENGTH_MAX || commands.length >= COMMANDS_MAX;
  for (const body of inner) {
    if (depth >= SUBSTITUTION_DEPTH_MAX) {
      cut = true;
      break;
    }
    const nested = shellCommands(body, depth + 1);
    commands.push(...nested.commands.map((each) => [...each]));
    writesFile ||= nested.writesFile;
    cut ||= nested.cut;
  }
  return { commands: commands.slice(0, COMMANDS_MAX), writesFile, cut };
}

/** The body of `$(…)` or `` `…` `` that starts at an offset, and the offset after it. */
function substitution(text: string, start: number): [string, number] {
  if (text.charAt(start) === '`') {
    const close = text.indexOf('`', start + 1);
    const end = close === -1 ? text.length : close;
    return [text.slice(start + 1, end), end + 1];
  }
  let open = 0;
  for (let at = start + 1; at < text.length; at += 1) {
    if (text.charAt(at) === '(') open += 1;
    else if (text.charAt(at) === ')' && --open === 0) return [text.slice(start + 2, at), at + 1];
  }
  return [text.slice(start + 2), text.length];
}

function afterHereDocument(text: string, start: number): number {
  const match = /^<<-?\s*(['"]?)([\w.-]+)\1/.exec(text.slice(start, start + 80));
  if (match === null) return start + 2;
  const line = text.indexOf('\n', start);
  if (line === -1) return start + match[0].length;
  const closing = new RegExp(`\\n[\\t ]*${(match[2] ?? '').replaceAll(/[.-]/g, '\\$&')}(?=\\n|$)`).exec(
    text.slice(line),
  );
  // What stands between `<<EOF` and the line's end still belongs to the command: it is looked at by the caller's next turn.
  const rest = text.slice(start + match[0].length, line);
  if (rest.trim() !== '') return start + match[0].length;
  return closing === null ? text.length : line + closing.index + closing[0].length;
}
