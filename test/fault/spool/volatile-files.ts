import { basename, dirname } from 'node:path';
import type { SpoolFile, SpoolFiles } from '../../../src/spool/files.ts';
import { systemError } from './faulty-files.ts';

/**
 * A file system in memory that loses what was not synced when the power goes: of each file a random prefix of the
 * unsynced bytes survives, of each directory a random prefix of its unsynced creations, renames and removals.
 */
export interface VolatileDisk {
  /** Files for one incarnation of a process; they fail with EIO after `losePower`. */
  mount(): SpoolFiles;
  losePower(random: () => number): void;
}

interface Content {
  bytes: Buffer;
  durable: Buffer;
}

type Entries = Map<string, Content>;

interface Directory {
  now: Entries;
  durable: Entries;
  unsynced: ((entries: Entries) => void)[];
}

export function createVolatileDisk(): VolatileDisk {
  const directories = new Map<string, Directory>();
  let power = { on: true };

  function directoryOf(path: string): Directory {
    const name = dirname(path);
    const directory: Directory = directories.get(name) ?? { now: new Map(), durable: new Map(), unsynced: [] };
    directories.set(name, directory);
    return directory;
  }

  function change(path: string, act: (entries: Entries) => void): void {
    const directory = directoryOf(path);
    act(directory.now);
    directory.unsynced.push(act);
  }

  return {
    mount() {
      const mine = power;
      const alive = async (): Promise<void> => {
        // A turn of the loop, so that operations of different parties interleave.
        await new Promise((resolve) => setImmediate(resolve));
        if (!mine.on) throw systemError('EIO');
      };
      function file(content: Content): SpoolFile {
        return {
          async append(buffers, position) {
            await alive();
            const added = Buffer.concat(buffers);
            const bytes = Buffer.alloc(Math.max(content.bytes.length, position + added.length));
            content.bytes.copy(bytes);
            added.copy(bytes, position);
            content.bytes = bytes;
            return added.length;
          },
          async fdatasync() {
            await alive();
            content.durable = content.bytes;
          },
          async truncate(length) {
            await alive();
            content.bytes = content.bytes.subarray(0, length);
          },
          async read(into, position) {
            await alive();
            return content.bytes.copy(into, 0, position);
          },
          length: async () => content.bytes.length,
          close: alive,
        };
      }
      return {
        async open(path, mode) {
          await alive();
          const found = directoryOf(path).now.get(basename(path));
          if (mode !== 'create') {
            if (found === undefined) throw systemError('ENOENT');
            return file(found);
          }
          if (found !== undefined) throw systemError('EEXIST');
          const made: Content = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
          change(path, (entries) => entries.set(basename(path), made));
          return file(made);
        },
        async readFile(path) {
          await alive();
          return directoryOf(path).now.get(basename(path))?.bytes;
        },
        async rename(from, to) {
          await alive();
          change(from, (entries) => {
            const moved = entries.get(basename(from));
            if (moved === undefined) return;
            entries.delete(basename(from));
            entries.set(basename(to), moved);
          });
        },
        async unlink(path) {
          await alive();
          change(path, (entries) => entries.delete(basename(path)));
        },
        async fsyncDirectory(path) {
          await alive();
          const directory = directoryOf(`${path}/.`);
          directory.durable = new Map(directory.now);
          directory.unsynced = [];
        },
        async makeDirectory() {
          await alive();
        },
        async list(path) {
          await alive();
          return [...directoryOf(`${path}/.`).now.keys()].toSorted((left, right) => (left < right ? -1 : 1));
        },
      };
    },
    losePower(random) {
      power.on = false;
      power = { on: true };
      for (const directory of directories.values()) {
        const entries = new Map(directory.durable);
        const kept = Math.floor(random() * (directory.unsynced.length + 1));
        for (const act of directory.unsynced.slice(0, kept)) act(entries);
        directory.now = entries;
        directory.durable = new Map(entries);
        directory.unsynced = [];
        for (const content of entries.values()) {
          // Handles of the former incarnation keep the old object's bytes; they fail before they touch them.
          const { bytes, durable } = content;
          const more = Math.max(0, bytes.length - durable.length);
          content.bytes = bytes.subarray(0, durable.length + Math.floor(random() * (more + 1)));
          content.durable = content.bytes;
        }
      }
    },
  };
}
