import { createSpoolFiles, type SpoolFile, type SpoolFiles } from '../../../src/spool/files.ts';

export type FileOperation =
  | 'open'
  | 'append'
  | 'fdatasync'
  | 'truncate'
  | 'read'
  | 'rename'
  | 'unlink'
  | 'fsyncDirectory';

/** Called around each operation. Throwing fails it; `shortWrite` lets only part of a write through and then fails. */
export interface FileFaults {
  before?(operation: FileOperation, path: string): void;
  after?(operation: FileOperation, path: string): void;
  /** Bytes that the next write may still put down before it fails with ENOSPC. */
  room?(path: string): number | undefined;
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** The real files, with faults put in. */
export function createFaultyFiles(faults: FileFaults): SpoolFiles {
  const real = createSpoolFiles();
  async function around<T>(operation: FileOperation, path: string, act: () => Promise<T>): Promise<T> {
    faults.before?.(operation, path);
    const result = await act();
    faults.after?.(operation, path);
    return result;
  }
  function faulty(file: SpoolFile, path: string): SpoolFile {
    return {
      ...file,
      append: (buffers, position) =>
        around('append', path, async () => {
          const room = faults.room?.(path);
          const all = Buffer.concat(buffers);
          if (room === undefined || room >= all.length) return file.append(buffers, position);
          if (room <= 0) throw systemError('ENOSPC');
          return file.append([all.subarray(0, room)], position);
        }),
      fdatasync: () => around('fdatasync', path, () => file.fdatasync()),
      truncate: (length) => around('truncate', path, () => file.truncate(length)),
      read: (into, position) => around('read', path, () => file.read(into, position)),
    };
  }
  return {
    ...real,
    open: (path, mode) => around('open', path, async () => faulty(await real.open(path, mode), path)),
    rename: (from, to) => around('rename', to, () => real.rename(from, to)),
    unlink: (path) => around('unlink', path, () => real.unlink(path)),
    fsyncDirectory: (path) => around('fsyncDirectory', path, () => real.fsyncDirectory(path)),
  };
}
