import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ServiceEntry } from '../../record/service-catalogue.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { addEntry, parseCatalogue } from './parse-catalogue.ts';

export interface CatalogueFilesOptions {
  /** A catalogue file, or a folder that is searched for them. */
  readonly path: string;
  readonly logger: Logger;
  /** How often the files are looked at for changes; 0 leaves it to `reload`. 30 s when left out. */
  readonly pollMilliseconds?: number;
}

export interface CatalogueFiles {
  /** Entries by service. */
  current(): ReadonlyMap<string, ServiceEntry>;
  /** Reads the files again if one of them changed. What cannot be read leaves the catalogue as it was. */
  reload(): Promise<void>;
  close(): void;
}

const POLL_MILLISECONDS = 30_000;
const FILES_MAX = 1_000;
const FILE_BYTES_MAX = 1024 * 1024;
const DEPTH_MAX = 6;
const NOT_A_FILE = 'is neither a file nor a folder';
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(['node_modules', '.git', 'dist', 'vendor']);

/** The service catalogue of a file or a folder: `catalog-info.yaml`, `CODEOWNERS`, `services.yaml`. Read at once, then watched. */
export async function openCatalogueFiles(options: CatalogueFilesOptions): Promise<CatalogueFiles> {
  const { path, logger } = options;
  let current: ReadonlyMap<string, ServiceEntry> = new Map();
  let seen = '';

  async function reload(): Promise<void> {
    try {
      const { files, leftOut } = await filesAt(path);
      const state = files.map((file) => `${file.path} ${file.changed} ${file.bytes}`).join('\n');
      if (state === seen) return;
      const entries = new Map<string, ServiceEntry>();
      let unreadable = 0;
      for (const file of files) {
        const parsed = parseCatalogue(basename(file.path), await readFile(file.path, 'utf8'));
        unreadable += parsed.unreadable;
        for (const entry of parsed.entries.values()) addEntry(entries, entry);
      }
      seen = state;
      current = entries;
      logger.info({ files: files.length, services: entries.size, unreadable, leftOut }, 'service catalogue read');
      if (leftOut > 0) logger.warn({ leftOut }, 'files of the service catalogue are larger than 1 MiB, or too many');
      if (unreadable > 0) logger.warn({ unreadable }, 'parts of the service catalogue are no YAML');
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
      const until = seen === '' ? 'there is none until it can be' : 'what was read before stays';
      logger.warn({ error: code, path }, `the service catalogue could not be read; ${until}`);
    }
  }

  await reload();
  const poll = options.pollMilliseconds ?? POLL_MILLISECONDS;
  const timer = poll === 0 ? undefined : setInterval(() => void reload(), poll);
  timer?.unref();
  return {
    current: () => current,
    reload,
    close: () => clearInterval(timer),
  };
}

interface CatalogueFile {
  readonly path: string;
  readonly changed: number;
  readonly bytes: number;
}

interface CatalogueFolder {
  readonly files: readonly CatalogueFile[];
  /** Files that are too large, or beyond as many as are read. */
  readonly leftOut: number;
}

async function filesAt(path: string): Promise<CatalogueFolder> {
  const top = await stat(path);
  // A pipe that nobody writes to would hold up the start for ever.
  if (!top.isDirectory() && !top.isFile()) throw Object.assign(new Error('no file'), { code: NOT_A_FILE });
  if (!top.isDirectory()) return readable([{ path, changed: top.mtimeMs, bytes: top.size }], 0);
  const found: CatalogueFile[] = [];
  let beyond = 0;
  let folders = [path];
  for (let depth = 0; depth < DEPTH_MAX && folders.length > 0; depth += 1) {
    const below: string[] = [];
    for (const folder of folders) {
      const names = await readdir(folder, { withFileTypes: true });
      for (const entry of names.sort((a, b) => (a.name < b.name ? -1 : 1))) {
        const at = join(folder, entry.name);
        if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) below.push(at);
        const wanted = depth === 0 ? /^(CODEOWNERS|.*\.ya?ml)$/ : /^(CODEOWNERS|catalog-info\.ya?ml|services\.ya?ml)$/;
        if (!entry.isFile() || !wanted.test(entry.name)) continue;
        if (found.length >= FILES_MAX) {
          beyond += 1;
          continue;
        }
        const { mtimeMs, size } = await stat(at);
        found.push({ path: at, changed: mtimeMs, bytes: size });
      }
    }
    folders = below.slice(0, FILES_MAX);
  }
  return readable(found, beyond);
}

function readable(found: readonly CatalogueFile[], beyond: number): CatalogueFolder {
  const files = found.filter((file) => file.bytes <= FILE_BYTES_MAX);
  return { files, leftOut: beyond + found.length - files.length };
}
