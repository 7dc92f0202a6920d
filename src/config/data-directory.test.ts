import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { examineDataDirectory, prepareDataDirectory } from './data-directory.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'docket-data-directory-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const problemOf = async (path: string): Promise<string> => {
  try {
    await prepareDataDirectory(path);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : 'not an error';
  }
};

test('a directory is made with its parents, and one that is there is taken as it is', async () => {
  const path = join(folder, 'a', 'b', 'c');
  expect(await examineDataDirectory(path)).toEqual({ kind: 'to_be_made' });
  expect(existsSync(path)).toBe(false);
  expect(await problemOf(path)).toBe('');
  expect(existsSync(path)).toBe(true);
  expect(await problemOf(path)).toBe('');
  expect(await examineDataDirectory(path)).toEqual({ kind: 'there' });
});

// Node's recursive mkdir never ends there.
test.skipIf(!existsSync('/proc/self'))('where no directory can be made that is said', async () => {
  expect(await problemOf('/proc/docket/data')).toMatch(
    /^the data directory \/proc\/docket\/data cannot be used: no directory can be made in \/proc\. .*--data-dir$/,
  );
});

test('a file, a path below a file, a file in place of a folder and a link to nothing are told apart', async () => {
  writeFileSync(join(folder, 'file'), '');
  expect(await problemOf(join(folder, 'file'))).toContain(`${join(folder, 'file')} is not a directory`);
  expect(await problemOf(join(folder, 'file', 'data'))).toContain('lies below what is not a directory');
  expect(await examineDataDirectory(join(folder, 'file', 'data'))).toMatchObject({ kind: 'unusable' });
  symlinkSync(join(folder, 'nothing'), join(folder, 'link'));
  expect(await problemOf(join(folder, 'link'))).toContain('is a link to nothing');
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'spool'), '');
  expect(await problemOf(join(folder, 'data'))).toContain(`${join(folder, 'data', 'spool')} is not a directory`);
  expect(await examineDataDirectory(join(folder, 'data'))).toMatchObject({ kind: 'unusable' });
});

// Everything is allowed to root.
test.skipIf(process.getuid?.() === 0)('a directory of somebody else is not used', async () => {
  const path = join(folder, 'theirs');
  mkdirSync(path);
  chmodSync(path, 0o500);
  expect(await problemOf(path)).toContain(`this user may not write to ${path}`);
  expect(await problemOf(join(path, 'data'))).toContain('may not write');
  expect(await examineDataDirectory(join(path, 'data'))).toMatchObject({ kind: 'unusable' });
});
