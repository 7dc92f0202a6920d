import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { UsageError } from '../exit-code.ts';
import { readJsonPostmortem } from './json-postmortem.ts';
import { readMarkdownPostmortem } from './markdown-postmortem.ts';
import type { ReadPostmortem } from './postmortem.ts';

const FILE_BYTES_MAX = 64 * 1024 * 1024;
const FILES_MAX = 10_000;
const MARKDOWN: ReadonlySet<string> = new Set(['.md', '.markdown']);
const JSON_LINES: ReadonlySet<string> = new Set(['.jsonl', '.ndjson']);

/** Every postmortem of a file, or of the Markdown and JSON files of a folder and those below it, in order of their names. */
export async function* readPostmortems(path: string, now: Date): AsyncGenerator<ReadPostmortem> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) throw new UsageError(`there is no file or folder ${path}`);
  const files = about.isDirectory() ? await filesBelow(path) : [path];
  if (files.length === 0) throw new UsageError(`no .md, .json or .jsonl file in ${path}`);
  if (files.length > FILES_MAX) throw new UsageError(`more than ${FILES_MAX} files in ${path}; import them in parts`);
  for (const file of files) yield* readFileOf(file, now);
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const extension = extname(file).toLowerCase();
      return MARKDOWN.has(extension) || JSON_LINES.has(extension) || extension === '.json';
    })
    .sort();
}

async function* readFileOf(file: string, now: Date): AsyncGenerator<ReadPostmortem> {
  const name = basename(file);
  const unreadable = (line: number, problem: string): ReadPostmortem => ({
    kind: 'unreadable',
    unreadable: { place: `${name}:${line}`, problem },
  });
  const { size } = await stat(file);
  if (size > FILE_BYTES_MAX) {
    yield unreadable(1, 'is larger than 64 MiB');
    return;
  }
  const text = await readFile(file, 'utf8');
  const extension = extname(file).toLowerCase();
  if (MARKDOWN.has(extension)) {
    yield readMarkdownPostmortem(text, name, now);
    return;
  }
  const whole = JSON_LINES.has(extension) ? undefined : parse(text);
  if (whole !== undefined) {
    const items = Array.isArray(whole) ? whole : [whole];
    for (const item of items) yield readJsonPostmortem(item, `${name}:1`, now);
    return;
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value = parse(line);
    yield value === undefined
      ? unreadable(index + 1, 'is no JSON')
      : readJsonPostmortem(value, `${name}:${index + 1}`, now);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
