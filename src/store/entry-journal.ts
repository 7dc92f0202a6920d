import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Entry } from '../record/entry.ts';
import { canonicalEntry } from './canonical-entry.ts';
import { createJournalDamage, type DamagedLine, type KnownDamage } from './journal-damage.ts';

/** What a journal holds on disk: `<CRC-32 of the rest, 8 hex digits> <JSON array of canonical entries>`, one append a line. */
const CHECKSUM_CHARS = 8;
const BEGINNING = ' [{';

/** What a journal held when it was opened. */
export interface JournalLeft {
  /** The entries of each append, oldest first. Some may be in the table already. */
  readonly appends: readonly (readonly Entry[])[];
  /** Bytes behind the last line: a write that the end of the process cut off, and that nobody was told of. */
  readonly tornBytes: number;
  /** Lines that are not what was written: kept in `<path>.damaged`, with what lies there of earlier starts. */
  readonly damage: KnownDamage;
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

/**
 * Opens or makes the journal at `path`. Reads at most what an unclean end left behind. Damaged lines are in `<path>.damaged`, synced,
 * before this returns. Throws the file system's error.
 */
export function openEntryJournal(path: string): EntryJournal {
  const left = readLeft(path);
  let handle: FileHandle | undefined;
  let waiting: Waiting[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  /** Bytes that are whole lines, on disk. */
  let size = left.lineBytes;
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
    left: { appends: left.appends, tornBytes: left.tornBytes, damage: left.damage },
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

/**
 * The appends of the file. A last line without its end was never answered and is cut off, so that the next write stands behind a whole one.
 * A line that has its end was on disk as it was answered, and what follows it too: damage to it takes nothing but itself.
 */
function readLeft(path: string): JournalLeft & { readonly lineBytes: number } {
  const descriptor = openSync(path, 'a+', 0o600);
  try {
    syncDirectory(dirname(path));
    const bytes = readFileSync(descriptor);
    const appends: Entry[][] = [];
    const damaged: DamagedLine[] = [];
    let lineBytes = 0;
    let number = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, lineBytes)) {
      number += 1;
      const line = bytes.subarray(lineBytes, end + 1);
      const start = startOfAppend(line);
      if (start > 0) damaged.push({ line: number, offset: lineBytes, bytes: line.subarray(0, start) });
      if (start < line.length) appends.push(JSON.parse(line.toString('utf8', start + CHECKSUM_CHARS)) as Entry[]);
      lineBytes = end + 1;
    }
    const damage = createJournalDamage(path).keep(damaged);
    const tornBytes = bytes.length - lineBytes;
    if (tornBytes > 0) {
      ftruncateSync(descriptor, lineBytes);
      fdatasyncSync(descriptor);
    }
    return { appends, tornBytes, damage, lineBytes };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Where a sound append begins in a line: 0 nearly always, its length when there is none. Between them when the end of the line before it is
 * what was damaged, so that the two look like one. Entries are canonical JSON: no text in one can look like a beginning.
 */
function startOfAppend(line: Buffer): number {
  if (isSound(line)) return 0;
  for (let at = line.indexOf(BEGINNING); at >= 0; at = line.indexOf(BEGINNING, at + 1)) {
    const start = at - CHECKSUM_CHARS;
    if (start > 0 && isSound(line.subarray(start))) return start;
  }
  return line.length;
}

function isSound(line: Buffer): boolean {
  return line.toString('latin1', 0, CHECKSUM_CHARS) === checksumOf(line.subarray(CHECKSUM_CHARS));
}
