import { createSpoolFiles, type SpoolFile, type SpoolFiles } from '../../../src/spool/files.ts';
import { systemError } from './faulty-files.ts';

const BLOCK_BYTES = 4096;

/**
 * The real files on a disk that has room for `blocks` blocks of 4 KiB. A write that does not fit is cut and then fails; a file that
 * is removed while it is open takes its room until it is closed.
 */
export function createSmallDisk(blocks: number): { readonly files: SpoolFiles; free(): number } {
  const real = createSpoolFiles();
  const sizes = new Map<string, number>();
  const handles = new Map<string, number>();
  /** Removed, still open: blocks, by the handles that keep them. */
  const ghosts = new Map<string, number>();
  const blocksOf = (size: number): number => Math.ceil(size / BLOCK_BYTES);
  const total = (of: ReadonlyMap<string, number>): number =>
    [...of.values()].reduce((sum, size) => sum + blocksOf(size), 0);
  const free = (): number => blocks - total(sizes) - total(ghosts);

  function limited(file: SpoolFile, path: string): SpoolFile {
    return {
      ...file,
      async append(buffers, position) {
        const all = Buffer.concat(buffers);
        const size = sizes.get(path) ?? 0;
        const room = (blocksOf(size) + free()) * BLOCK_BYTES - position;
        if (room <= 0) throw systemError('ENOSPC');
        const written = await file.append([all.subarray(0, room)], position);
        sizes.set(path, Math.max(size, position + written));
        return written;
      },
      async truncate(length) {
        await file.truncate(length);
        sizes.set(path, length);
      },
      async close() {
        await file.close();
        const left = (handles.get(path) ?? 1) - 1;
        handles.set(path, left);
        if (left === 0) ghosts.delete(path);
      },
    };
  }

  return {
    free,
    files: {
      ...real,
      async open(path, mode) {
        const file = await real.open(path, mode);
        handles.set(path, (handles.get(path) ?? 0) + 1);
        return limited(file, path);
      },
      async rename(from, to) {
        await real.rename(from, to);
        sizes.set(to, sizes.get(from) ?? 0);
        sizes.delete(from);
      },
      async unlink(path) {
        await real.unlink(path);
        if ((handles.get(path) ?? 0) > 0) ghosts.set(path, sizes.get(path) ?? 0);
        sizes.delete(path);
      },
    },
  };
}
