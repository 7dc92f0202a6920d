import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Bytes of a journal that are not what was written there. */
export interface DamagedLine {
  /** From 1. */
  readonly line: number;
  /** Of its first byte in the journal. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** An incident that a damaged line still names. */
export interface NamedIncident {
  readonly tenant: string;
  readonly incident: string;
}

export interface KnownDamage {
  /** Of this opening, oldest first: those that an earlier one kept are not told again. */
  readonly found: readonly DamagedLine[];
  /** Lines kept, earlier ones included. */
  readonly kept: number;
  /** Whom the lines kept name, as far as that can be read. */
  readonly incidents: readonly NamedIncident[];
}

/** What damaged lines of a journal held, kept beside it for whoever repairs it: never emptied by Docket. */
export interface JournalDamage {
  /** What is new is on disk when this returns. Throws the file system's error. */
  keep(lines: readonly DamagedLine[]): KnownDamage;
}

const REASON = 'the checksum does not match';
/** Keys of an entry in canonical order: a body's own fields cannot be taken for them. */
const NAMES =
  /"hash":"[^"]*","incident":"([^"\\]{1,200})","occurredAt":"[^"]*","prevHash":"[^"]*","recordedAt":"[^"]*","seq":\d+,"tenant":"([^"\\]{1,200})","type":"/g;

/** For the journal at `path`: `<path>.damaged`, one JSON object a line. */
export function createJournalDamage(path: string): JournalDamage {
  const file = `${path}.damaged`;
  return {
    keep(lines) {
      const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
      // The journal is emptied after its entries are in the table: a start that ends before comes across the same line again.
      const found = lines.filter((each) => !before.includes(identityOf(each)));
      const foundAtUnixMs = Date.now();
      const added = found.map(
        (each) => `{${identityOf(each)},"reason":${JSON.stringify(REASON)},"foundAtUnixMs":${foundAtUnixMs}}\n`,
      );
      if (added.length > 0) {
        // A line that a crash cut short must not swallow the next.
        append(file, (before === '' || before.endsWith('\n') ? '' : '\n') + added.join(''));
      }
      const kept = [...before.split('\n'), ...added].map(textOf).filter((text) => text !== undefined);
      return { found, kept: kept.length, incidents: kept.flatMap(namedIn) };
    },
  };
}

function identityOf({ line, offset, bytes }: DamagedLine): string {
  return `"line":${line},"offset":${offset},"base64":"${bytes.toString('base64')}"`;
}

function textOf(line: string): string | undefined {
  const base64 = /^\{"line":\d+,"offset":\d+,"base64":"([^"]*)"/.exec(line)?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64').toString('utf8');
}

function namedIn(text: string): NamedIncident[] {
  return [...text.matchAll(NAMES)].map(([, incident = '', tenant = '']) => ({ tenant, incident }));
}

function append(file: string, text: string): void {
  const descriptor = openSync(file, 'a', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  // A new file is on the disk for good when its directory is.
  const directory = openSync(dirname(file), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
