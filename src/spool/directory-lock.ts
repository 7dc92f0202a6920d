import { link, open, readFile, rename, unlink } from 'node:fs/promises';
import { isSystemError } from './files.ts';

/** Another live process has the spool's directory. */
export class SpoolLockedError extends Error {
  override readonly name = 'SpoolLockedError';
  readonly code = 'spool_locked';
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes `<directory>/lock` for this process. The file names its holder by process id and, where /proc tells it, by the
 * process's start, so that a lock left behind by a kill or a container restart (which hands out the same ids again) is
 * recognised as stale and replaced.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = `${directory}/lock`;
  const mine = `${process.pid} ${(await processStart(process.pid)) ?? '-'}\n`;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    if (await create(path, mine)) {
      return {
        async release() {
          if ((await contentOf(path)) === mine) await unlink(path);
        },
      };
    }
    const held = await contentOf(path);
    if (held === undefined) continue;
    if (await isAlive(held)) {
      const holder = held.split(' ')[0];
      throw new SpoolLockedError(
        `the spool in ${directory} is in use by process ${holder}; one process per directory: stop it, or choose another data directory`,
      );
    }
    await removeStale(path, held);
  }
  throw new SpoolLockedError(`the spool in ${directory} is being taken by another process`);
}

async function create(path: string, content: string): Promise<boolean> {
  // Written under a name of its own and linked into place: a reader never sees a lock without its holder.
  const own = `${path}.${process.pid}`;
  const file = await open(own, 'w', 0o600);
  try {
    await file.writeFile(content);
  } finally {
    await file.close();
  }
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await unlink(own);
  }
}

// Two processes may find the same stale lock. Renaming is atomic, so whoever moved away something newer than what it
// judged stale puts it back.
async function removeStale(path: string, stale: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  if ((await contentOf(aside)) !== stale) await link(aside, path);
  await unlink(aside);
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function isAlive(held: string): Promise<boolean> {
  const [pidText = '', start = '-'] = held.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (isSystemError(error, 'ESRCH')) return false;
  }
  const now = await processStart(pid);
  return start === '-' || now === undefined || now === start;
}

/** `<boot id>:<start in clock ticks since boot>`, or undefined where there is no /proc. */
async function processStart(pid: number): Promise<string | undefined> {
  const stat = await contentOf(`/proc/${pid}/stat`);
  const boot = await contentOf('/proc/sys/kernel/random/boot_id');
  if (stat === undefined || boot === undefined) return undefined;
  // Field 22; the name in field 2 may hold spaces and parentheses, so count from the last one.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : `${boot.trim()}:${ticks}`;
}
