import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Entry } from '../record/entry.ts';
import { canonicalEntry } from './canonical-entry.ts';

/** What a journal holds on disk: `<CRC-32 of the rest, 8 hex digits> <JSON array of canonical entries>`, one append a line. */
const CHECKSUM_CHARS = 8;

/** What a journal held when it was opened. */
export interface JournalLeft {
  /** The entries of each append, oldest first. Some may be in the table already. */
  readonly appends: readonly (readonly Entry[])[];
  /** Bytes behind the last whole append: a write that the end of the process cut off, and that nobody was told of. */
  readonly tornBytes: number;
}

/** Appends that are durable on local disk before they are in the table. One process at a time; the engine's lock sees to it. */
export interface EntryJournal {
  readonly left: JournalLeft;
  /** Bytes that `discard` has not freed yet. */
  readonly bytes: number;
  /** Resolves when the append is on disk, to where the journal ends behind it. What fails leaves nothing behind. */
  write(entries: readonly Entry[]): Promise<number>;
  /** Everything up to `end` is in the table: frees the file when nothing was written since. */
  discard(end: number): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly line: Buffer;
  resolve(end: number): void;
  reject(error: unknown): void;
}

/** Opens or makes the journal at `path`. Reads at most what an unclean end left behind. Throws the file system's error. */
export function openEntryJournal(path: string): EntryJournal {
  const left = readLeft(path);
  let handle: FileHandle | undefined;
  let waiting: Waiting[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  /** Bytes known to be whole and on disk. */
  let size = left.wholeBytes;
  /** Bytes freed so far: what makes an end unique although the file starts anew. */
  let freed = 0;

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function file(): Promise<FileHandle> {
    handle ??= await open(path, 'r+');
    return handle;
  }

  /** Writes all that wait with one sync: the more come at once, the less each pays. */
  async function writeWaiting(): Promise<void> {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      const bytes = Buffer.concat(batch.map((each) => each.line));
      const target = await file();
      for (let written = 0; written < bytes.length;) {
        written += (await target.write(bytes, written, bytes.length - written, size + written)).bytesWritten;
      }
      await target.datasync();
      size += bytes.length;
    } catch (error) {
      for (const { reject } of batch) reject(error);
      // Nobody was told these are kept. What cannot be cut off now is overwritten by the next write, or found torn.
      await handle?.truncate(size).catch(() => undefined);
      return;
    }
    for (const { resolve } of batch) resolve(freed + size);
  }

  return {
    left: { appends: left.appends, tornBytes: left.tornBytes },
    get bytes() {
      return size;
    },
    write(entries) {
      return new Promise<number>((resolve, reject) => {
        waiting.push({ line: lineOf(entries), resolve, reject });
        void inTurn(writeWaiting);
      });
    },
    discard(end) {
      return inTurn(async () => {
        if (size === 0 || freed + size !== end) return;
        const target = await file();
        await target.truncate(0);
        freed += size;
        size = 0;
      });
    },
    async close() {
      await turn;
      await handle?.close();
      handle = undefined;
    },
  };
}

function lineOf(entries: readonly Entry[]): Buffer {
  const payload = Buffer.from(` [${entries.map(canonicalEntry).join(',')}]\n`);
  return Buffer.concat([Buffer.from(checksumOf(payload)), payload]);
}

function checksumOf(payload: Buffer): string {
  return crc32(payload).toString(16).padStart(CHECKSUM_CHARS, '0');
}

/** A new file is on the disk for good when its directory is. */
function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The whole lines of the file; what follows them is cut off, so that the next write stands behind a whole one. */
function readLeft(path: string): JournalLeft & { readonly wholeBytes: number } {
  const descriptor = openSync(path, 'a+', 0o600);
  try {
    syncDirectory(dirname(path));
    const bytes = readFileSync(descriptor);
    const appends: Entry[][] = [];
    let wholeBytes = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, wholeBytes)) {
      const line = bytes.subarray(wholeBytes, end + 1);
      const payload = line.subarray(CHECKSUM_CHARS);
      if (line.toString('latin1', 0, CHECKSUM_CHARS) !== checksumOf(payload)) break;
      appends.push(JSON.parse(payload.toString('utf8')) as Entry[]);
      wholeBytes = end + 1;
    }
    const tornBytes = bytes.length - wholeBytes;
    if (tornBytes > 0) {
      ftruncateSync(descriptor, wholeBytes);
      fdatasyncSync(descriptor);
    }
    return { appends, tornBytes, wholeBytes };
  } finally {
    closeSync(descriptor);
  }
}
