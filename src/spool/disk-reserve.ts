import type { Logger } from '../telemetry/logger.ts';
import { errorCode, isSystemError, replaceFile, type SpoolFiles } from './files.ts';

/** Room for the cursors of many consumers and some dead letters. */
const RESERVE_BYTES = 256 * 1024;
const NAME = 'reserve';

/**
 * A file that keeps some room on the disk. When the disk is full, cursors could not be written, consumers not go on and
 * segments not be removed: the spool would stay full for ever. Giving the reserve up lets them finish. While it is
 * given up nothing is appended, or frames would eat the room at once; and trying to get it back, which uses all room there is
 * for a moment, gives way to the writes it is there for.
 */
export interface DiskReserve {
  held(): boolean;
  /** Tries to get the room; several calls at once are one. */
  take(): Promise<void>;
  /** Does `write`, and once more after giving the reserve up when there was no room for it. */
  during<T>(write: () => Promise<T>): Promise<T>;
}

export function createDiskReserve(files: SpoolFiles, directory: string, logger: Logger): DiskReserve {
  let held = false;
  let taking: Promise<void> | undefined;
  let writes = 0;
  let told = false;

  async function tryToTake(): Promise<void> {
    if (held) return;
    try {
      if (!(await files.list(directory)).includes(NAME)) {
        await replaceFile(files, directory, NAME, Buffer.alloc(RESERVE_BYTES));
      }
      held = true;
      told = false;
    } catch (error) {
      // Asked with every request that comes meanwhile: once is enough to say.
      if (told) return;
      told = true;
      logger.warn(
        { code: errorCode(error) },
        'there is no room for the reserve; the spool takes nothing until there is',
      );
    }
  }

  return {
    held: () => held,
    async take() {
      if (writes > 0) return;
      taking ??= tryToTake().finally(() => {
        taking = undefined;
      });
      await taking;
    },
    async during(write) {
      writes += 1;
      try {
        await taking;
        return await write();
      } catch (error) {
        if (!held || !isSystemError(error, 'ENOSPC', 'EDQUOT')) throw error;
        held = false;
        logger.warn(
          { code: errorCode(error) },
          'the disk is full; the reserve is given up so that consumers can go on',
        );
        await files.unlink(`${directory}/${NAME}`);
        return await write();
      } finally {
        writes -= 1;
      }
    },
  };
}
