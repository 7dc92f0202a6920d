import { mkdir, open, readdir, readFile, rename, unlink, type FileHandle } from 'node:fs/promises';

/** A file opened for reading and writing at explicit positions. */
export interface SpoolFile {
  /** Writes the buffers one after another at `position`; resolves the bytes written, which may be fewer than asked. */
  append(buffers: readonly Uint8Array[], position: number): Promise<number>;
  /** Resolves when everything written is on the device. */
  fdatasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Fills `into` from `position`; resolves the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  length(): Promise<number>;
  close(): Promise<void>;
}

/** The file system as the spool uses it. Tests put faults (ENOSPC, EIO, short writes) in here. */
export interface SpoolFiles {
  /** `create` fails when the file is there; `read` and `write` fail when it is not. */
  open(path: string, mode: 'create' | 'read' | 'write'): Promise<SpoolFile>;
  /** The whole file, or undefined when there is none. */
  readFile(path: string): Promise<Buffer | undefined>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is no error. */
  unlink(path: string): Promise<void>;
  /** Makes creations, renames and removals in a directory durable. */
  fsyncDirectory(path: string): Promise<void>;
  /** Makes a directory and its parents. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<string[]>;
}

const FLAGS = { create: 'wx+', read: 'r', write: 'r+' } as const;

/** True when `error` is a system error with one of these codes. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The code of a system error, or the error's name: what may be logged without quoting anything. */
export function errorCode(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.name;
  return 'unknown';
}

/** The real file system. Files are made for this user alone (0600). */
export function createSpoolFiles(): SpoolFiles {
  return {
    async open(path, mode) {
      return spoolFile(await open(path, FLAGS[mode], 0o600));
    },
    async readFile(path) {
      try {
        return await readFile(path);
      } catch (error) {
        if (isSystemError(error, 'ENOENT')) return undefined;
        throw error;
      }
    },
    rename,
    async unlink(path) {
      try {
        await unlink(path);
      } catch (error) {
        if (!isSystemError(error, 'ENOENT')) throw error;
      }
    },
    async fsyncDirectory(path) {
      const directory = await open(path, 'r');
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
    async makeDirectory(path) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    },
    async list(path) {
      return (await readdir(path)).sort();
    },
  };
}

function spoolFile(handle: FileHandle): SpoolFile {
  return {
    async append(buffers, position) {
      return (await handle.writev([...buffers], position)).bytesWritten;
    },
    fdatasync: () => handle.datasync(),
    truncate: (length) => handle.truncate(length),
    async read(into, position) {
      let filled = 0;
      while (filled < into.length) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    async length() {
      return (await handle.stat()).size;
    },
    close: () => handle.close(),
  };
}

/** Writes all buffers at `position`, going on after short writes. */
export async function appendAll(file: SpoolFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers.filter((buffer) => buffer.length > 0);
  let at = position;
  while (rest.length > 0) {
    let written = await file.append(rest, at);
    if (written <= 0) throw new Error('a write to the spool made no progress');
    at += written;
    let whole = 0;
    for (const buffer of rest) {
      if (written < buffer.length) break;
      written -= buffer.length;
      whole += 1;
    }
    rest = rest.slice(whole);
    const [first] = rest;
    if (first !== undefined && written > 0) rest[0] = first.subarray(written);
  }
}

/** Replaces a file so that a crash leaves the old content or the new, never a part: temporary file, sync, rename. */
export async function replaceFile(
  files: SpoolFiles,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const temporary = `${directory}/${name}.tmp`;
  await files.unlink(temporary);
  const file = await files.open(temporary, 'create');
  try {
    await appendAll(file, [bytes], 0);
    await file.fdatasync();
  } catch (error) {
    await file.close();
    // What is left of it would take room on a disk that may just have none.
    await files.unlink(temporary);
    throw error;
  }
  await file.close();
  await files.rename(temporary, `${directory}/${name}`);
  await files.fsyncDirectory(directory);
}
