import type { Logger } from '../telemetry/logger.ts';
import { appendAll, errorCode, type SpoolFiles } from './files.ts';

const NAME = 'damaged.jsonl';
/** What is beyond this is counted and not listed: a disk that rots all over needs no longer list. */
const RANGES_MAX = 1000;

/** Bytes of a segment that were stepped over because they are no sound frame: one acknowledged request, or a run of them. */
export interface DamagedRange {
  /** The file's name in `segments/`; the file itself goes when every consumer is past it. */
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  /** When it was found, milliseconds since the epoch. */
  readonly foundAtUnixMs: number;
}

/**
 * What was lost of the spool, on disk as long as nobody has dealt with it: segments are removed and processes start again, and an
 * acknowledged request that is gone is still gone. One JSON object a line; removing the file says that it was dealt with.
 */
export interface DamageLog {
  start(): Promise<void>;
  /** Notes a range once, however often it is come across. */
  note(range: DamagedRange): void;
  /** Oldest first. */
  list(): readonly DamagedRange[];
  /** Resolves when what was noted is written, or could not be. */
  close(): Promise<void>;
}

export interface DamageLogOptions {
  readonly directory: string;
  readonly files: SpoolFiles;
  readonly logger: Logger;
}

export function createDamageLog({ directory, files, logger }: DamageLogOptions): DamageLog {
  const path = `${directory}/${NAME}`;
  const ranges: DamagedRange[] = [];
  const known = new Set<string>();
  let writing = Promise.resolve();

  function take(range: DamagedRange): boolean {
    const key = `${range.segment}:${range.offset}`;
    if (known.has(key) || ranges.length >= RANGES_MAX) return false;
    known.add(key);
    ranges.push(range);
    return true;
  }

  async function write(range: DamagedRange): Promise<void> {
    try {
      const kept = await files.readFile(path);
      const file = await files.open(path, kept === undefined ? 'create' : 'write');
      try {
        // A line that a crash cut short must not swallow this one.
        const start = kept === undefined || kept.length === 0 || kept.at(-1) === 0x0a ? '' : '\n';
        await appendAll(file, [Buffer.from(`${start}${JSON.stringify(range)}\n`)], kept?.length ?? 0);
        await file.fdatasync();
      } finally {
        await file.close();
      }
    } catch (error) {
      logger.warn(
        { code: errorCode(error) },
        'damage of the spool could not be noted; the next start does not know of it',
      );
    }
  }

  return {
    async start() {
      const kept = await files.readFile(path);
      for (const line of kept?.toString('utf8').split('\n') ?? []) {
        const range = parseRange(line);
        if (range !== undefined) take(range);
      }
    },
    note(range) {
      if (take(range)) writing = writing.then(() => write(range));
    },
    list: () => ranges,
    close: () => writing,
  };
}

function parseRange(line: string): DamagedRange | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { segment, offset, bytes, foundAtUnixMs } = parsed as Partial<Record<keyof DamagedRange, unknown>>;
  if (typeof segment !== 'string' || typeof offset !== 'number') return undefined;
  if (typeof bytes !== 'number' || typeof foundAtUnixMs !== 'number') return undefined;
  return { segment, offset, bytes, foundAtUnixMs };
}
