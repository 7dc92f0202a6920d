import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { LineCounter, parseDocument, type Document } from 'yaml';
import { nestingBeyond } from '../yaml/nesting.ts';

/** Largest configuration file read, in bytes. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Collections within one another. */
const DEPTH_MAX = 64;

/** What is wrong and where: a variable's name, a flag, or `file:line:column`. Never quotes a secret. */
export interface ConfigProblem {
  readonly where: string;
  readonly message: string;
}

export interface YamlFile {
  readonly document: Document.Parsed;
  /** `file:line:column` of an offset into the file. */
  at(offset: number): string;
}

/** Reads a YAML 1.2 file, or says every syntax problem it has. `shownAs` is the name problems carry. */
export function readYamlFile(path: string, shownAs: string): YamlFile | readonly ConfigProblem[] {
  let text: string;
  try {
    // Of a pipe that nobody writes to, a plain open would wait for ever.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(file).isFile()) return [{ where: shownAs, message: 'is not a file' }];
      if (fstatSync(file).size > FILE_BYTES_MAX) return [{ where: shownAs, message: 'is larger than 1 MiB' }];
      text = readFileSync(file, 'utf8');
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return [{ where: shownAs, message: `cannot be read (${errorCode(error)})` }];
  }
  const tooDeep = nestingBeyond(text, DEPTH_MAX);
  if (tooDeep !== undefined) {
    const before = text.slice(0, tooDeep).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    const message = `nests deeper than ${DEPTH_MAX} levels`;
    return [{ where: `${shownAs}:${before.length}:${column}`, message }];
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${shownAs}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    return document.errors.map((error) => ({ where: at(error.pos[0]), message: firstLine(error.message) }));
  }
  return { document, at };
}

export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
