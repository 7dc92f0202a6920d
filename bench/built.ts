import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const at = process.argv.indexOf('--dist');
const folder = resolve(at > 0 ? (process.argv[at + 1] ?? '') : join(import.meta.dirname, '..', 'dist'));

/**
 * A module as it is shipped, from dist/ or the folder after `--dist`. What a bench imports from src/ runs through tsx, which gives every
 * function and closure its name when it is made: a fifth of what a log record costs.
 */
export async function built<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(join(folder, path)).href)) as T;
}
