export interface ShellCommand {
  /** Without quotes. */
  readonly words: readonly string[];
  /** What the line itself gives it to read: a here-document, a here-string, what `echo` writes; `''` when that is not seen. */
  readonly input: string;
  /** The program whose output it reads, `<` for a file; `''` when the line gives it nothing from elsewhere. */
  readonly source: string;
}

/** True for what may be written without changing anything: /dev/null and the like, file descriptors, files under /tmp. */
export function scratchFile(path: string): boolean {
  return /^(?:\/dev\/(?:null|stdout|stderr|tty)|&?\d|-|(?:\/var)?\/tmp\/(?!.*\.\.).+)$/.test(path);
}

export interface ShellLine {
  /** Simple commands in order; those inside `$(…)` and backquotes included. */
  readonly commands: readonly ShellCommand[];
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
 * substitutions, here-documents. Meant for telling what a line runs, not for running it: nothing is expanded.
 */
export function shellCommands(line: string, depth = 0): ShellLine {
  const text = line.slice(0, LINE_LENGTH_MAX);
  const commands: ShellCommand[] = [];
  const inner: string[] = [];
  /** Here-documents whose text begins on the next line, each with the number of its command. */
  let awaited: { readonly document: HereDocument; readonly command: number }[] = [];
  let words: string[] = [];
  let input = '';
  let hereString = false;
  let word = '';
  let inWord = false;
  let writesFile = false;
  let redirect = false;
  /** The word to come names a file that is read. */
  let readsFile = false;
  let source = '';
  const endWord = (): void => {
    if (!inWord) return;
    if (hereString) {
      input = word;
      hereString = false;
    } else if (redirect) {
      if (!scratchFile(word)) writesFile = true;
      redirect = false;
    } else if (readsFile) {
      if (word !== '/dev/null') source = '<';
      readsFile = false;
    } else {
      words.push(word);
    }
    word = '';
    inWord = false;
  };
  /** `piped`: what it writes, the next one reads. */
  const endCommand = (piped = false, line = false): void => {
    endWord();
    const [name = ''] = words;
    if (words.length > 0) commands.push({ words, input, source });
    // A line may end behind a pipe.
    else if (line) return;
    // Behind a group, several commands write.
    source = piped ? programName(name) || '(' : '';
    input = piped ? writtenBy(words) : '';
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
          // Between double quotes, a backslash stands for itself before all but these.
          const next = text.charAt(at + 1);
          if (next !== '\n') word += '$`"\\'.includes(next) ? next : `\\${next}`;
          at += 2;
        } else if (text.startsWith('$(', at) || text.charAt(at) === '`') {
          const [body, end] = substitution(text, at);
          inner.push(...(isArithmetic(body) ? substitutions(body) : [body]));
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
    } else if (text.startsWith('$(', at) || character === '`') {
      const [body, end] = substitution(text, at);
      inner.push(...(isArithmetic(body) ? substitutions(body) : [body]));
      inWord = true;
      at = end;
    } else if (character === '#' && !inWord) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
    } else if (text.startsWith('<<<', at)) {
      endWord();
      hereString = true;
      at += 3;
    } else if (text.startsWith('<<', at)) {
      endWord();
      const document = hereDocument(text, at);
      if (document !== undefined) awaited.push({ document, command: commands.length });
      at = document?.end ?? at + 2;
    } else if (/^[<>]\(/.test(text.slice(at, at + 2))) {
      // What runs between the parentheses is a command like any other.
      endWord();
      at += 1;
    } else if (character === '<') {
      if (/^\d+$/.test(word)) {
        word = '';
        inWord = false;
      }
      endWord();
      readsFile = true;
      at += 1;
      if (text.charAt(at) === '&') {
        readsFile = false;
        at += 1;
        while (/[\d-]/.test(text.charAt(at))) at += 1;
      }
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
      endCommand(character === '|' && text.charAt(at + 1) !== '|' && text.charAt(at - 1) !== '|', character === '\n');
      at += text.startsWith('|&', at) ? 2 : 1;
      if (character !== '\n') continue;
      for (const { document, command } of awaited) {
        const [body, end] = hereBody(text, at, document);
        at = end;
        const of = commands[command];
        if (of !== undefined) commands[command] = { ...of, input: body };
        if (!document.quoted) inner.push(...substitutions(body));
      }
      awaited = [];
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
    commands.push(...nested.commands);
    writesFile ||= nested.writesFile;
    cut ||= nested.cut;
  }
  return { commands: commands.slice(0, COMMANDS_MAX).map(fedByCat), writesFile, cut };
}

/** `cat` without words hands on what it was given: a here-document in front of a pipe. */
function fedByCat(command: ShellCommand, at: number, all: readonly ShellCommand[]): ShellCommand {
  const before = all[at - 1];
  if (command.source !== 'cat' || command.input !== '' || before === undefined) return command;
  return before.words.length === 1 ? { ...command, input: before.input } : command;
}

/** Whether what stands in `$(…)` is a pair of parentheses of its own: `$((1 + 2))` reckons and runs nothing. */
function isArithmetic(body: string): boolean {
  if (!body.startsWith('(')) return false;
  let open = 0;
  for (let at = 0; at < body.length; at += 1) {
    if (body.charAt(at) === '(') open += 1;
    else if (body.charAt(at) === ')' && --open === 0) return at === body.length - 1;
  }
  return false;
}

function programName(head: string): string {
  return head.slice(head.lastIndexOf('/') + 1);
}

/** What `echo` and `printf` write, as far as their words say; `''` for other commands. */
function writtenBy(words: readonly string[]): string {
  const [name = '', ...rest] = words;
  if (name !== 'echo' && name !== 'printf') return '';
  return rest
    .filter((word, at) => at > 0 || !/^-[neE]+$/.test(word))
    .join(' ')
    .replaceAll('\\n', '\n');
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

/** The bodies of all substitutions in a text. */
function substitutions(text: string): string[] {
  const found: string[] = [];
  const start = /\$\((?!\()|`/g;
  for (let match = start.exec(text); match !== null; match = start.exec(text)) {
    const [body, end] = substitution(text, match.index);
    found.push(body);
    start.lastIndex = end;
  }
  return found;
}

interface HereDocument {
  readonly delimiter: string;
  readonly quoted: boolean;
  /** Offset after the delimiter. */
  readonly end: number;
}

function hereDocument(text: string, start: number): HereDocument | undefined {
  const match = /^<<-?\s*(['"]?)([\w.-]+)\1/.exec(text.slice(start, start + 80));
  if (match === null) return undefined;
  return { delimiter: match[2] ?? '', quoted: match[1] !== '', end: start + match[0].length };
}

/** The text of a here-document whose first line begins at an offset, and the offset after its closing line. */
function hereBody(text: string, start: number, { delimiter }: HereDocument): [string, number] {
  let at = start;
  while (at < text.length) {
    const lineEnd = text.indexOf('\n', at);
    const end = lineEnd === -1 ? text.length : lineEnd;
    if (text.slice(at, end).trim() === delimiter) return [text.slice(start, at), Math.min(end + 1, text.length)];
    at = end + 1;
  }
  return [text.slice(start), text.length];
}
