import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The data directory cannot be used as it is configured: the same start would fail again. */
export class DataDirectoryError extends Error {
  override readonly name = 'DataDirectoryError';

  constructor(directory: string, problem: string) {
    super(
      `the data directory ${directory} cannot be used: ${problem}. ` +
        'Repair it, or name another one with data_dir, DOCKET_DATA_DIR or --data-dir',
    );
  }
}

/** What an earlier start made in it, and this one writes to. */
const FOLDERS = ['spool', 'keys', 'clickhouse'] as const;

/** Makes the directory and its parents where they are not there. Throws DataDirectoryError when it cannot be written to. */
export async function prepareDataDirectory(directory: string): Promise<void> {
  const problem = (await makeDirectory(directory)) ?? (await existingProblem(directory));
  if (problem !== undefined) throw new DataDirectoryError(directory, problem);
}

export type DataDirectoryState =
  | { readonly kind: 'there' }
  | { readonly kind: 'to_be_made' }
  | { readonly kind: 'unusable'; readonly problem: string };

/** What a start would find, without making anything: a directory that is not there stands or falls with the nearest one that is. */
export async function examineDataDirectory(directory: string): Promise<DataDirectoryState> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const problem = folder === directory ? await existingProblem(folder) : await folderProblem(folder);
    if (problem === undefined) return { kind: folder === directory ? 'there' : 'to_be_made' };
    if (problem !== MISSING || folder === dirname(folder)) return { kind: 'unusable', problem };
  }
}

const MISSING = 'it is not there';

async function existingProblem(directory: string): Promise<string | undefined> {
  const problem = await folderProblem(directory);
  if (problem !== undefined) return problem;
  for (const name of FOLDERS) {
    const path = join(directory, name);
    const found = await folderProblem(path);
    if (found !== undefined && found !== MISSING) return found;
  }
  return undefined;
}

async function folderProblem(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return `${path} is not a directory`;
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? MISSING : problemOf(path, error);
  }
}

/**
 * Step by step: Node's own recursive mkdir never ends below a directory that answers "no such file" to every new name, as /proc does.
 * @returns what is in the way
 */
async function makeDirectory(path: string): Promise<string | undefined> {
  const first = await mkdirOnce(path);
  if (first !== 'ENOENT') return first;
  const parent = dirname(path);
  const above = parent === path ? undefined : await makeDirectory(parent);
  if (above !== undefined) return above;
  const again = await mkdirOnce(path);
  return again === 'ENOENT' ? `no directory can be made in ${parent}` : again;
}

async function mkdirOnce(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return code;
    if (code !== 'EEXIST') return problemOf(path, error);
    const found = await folderProblem(path);
    return found === MISSING ? `${path} is a link to nothing` : undefined;
  }
}

function problemOf(path: string, error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `this user may not write to ${path}`;
    case 'EROFS':
      return `${path} is on a file system that is read-only`;
    case 'ENOTDIR':
      return `${path} lies below what is not a directory`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `there is no room for ${path}`;
    default:
      return `${path} cannot be written to (${code})`;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
