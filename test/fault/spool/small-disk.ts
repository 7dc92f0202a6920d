import { createSpoolFiles, type SpoolFile, type SpoolFiles } from '../../../src/spool/files.ts';
import { systemError } from './faulty-files.ts';

const BLOCK_BYTES = 4096;

/** The real files on a disk that has room for `blocks` blocks of 4 KiB. A write that does not fit is cut and then fails. */
export function createSmallDisk(blocks: number): { readonly files: SpoolFiles; free(): number } {
  const real = createSpoolFiles();
  const sizes = new Map<string, number>();
  const blocksOf = (size: number): number => Math.ceil(size / BLOCK_BYTES);
  const free = (): number => blocks - [...sizes.values()].reduce((sum, size) => sum + blocksOf(size), 0);

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
    };
  }

  return {
    free,
    files: {
      ...real,
      open: async (path, mode) => limited(await real.open(path, mode), path),
      async rename(from, to) {
        await real.rename(from, to);
        sizes.set(to, sizes.get(from) ?? 0);
        sizes.delete(from);
      },
      async unlink(path) {
        await real.unlink(path);
        sizes.delete(path);
      },
    },
  };
}
