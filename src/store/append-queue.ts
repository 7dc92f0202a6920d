import type { Entry } from '../record/entry.ts';
import { createKeyedTurns } from '../record/keyed-turns.ts';
import type { AppendResult, RecordLog } from '../record/record-log.ts';

/**
 * Makes a log's `append` of a function that appends entries known to be consecutive and of one incident: appends of one
 * incident run one after another, those of different incidents beside each other. Throws TypeError on any other entries.
 */
export function appendInTurn(
  append: (entries: readonly Entry[], first: Entry, last: Entry) => Promise<AppendResult>,
): RecordLog['append'] {
  const turns = createKeyedTurns();
  return async (entries) => {
    const first = entries[0];
    const last = entries.at(-1);
    if (first === undefined || last === undefined) return { kind: 'appended' };
    assertConsecutive(entries, first);
    return turns.take(logKey(first.tenant, first.incident), () => append(entries, first, last));
  };
}

/** What the log of one incident of one tenant is known by. */
export function logKey(tenant: string, incident: string): string {
  return JSON.stringify([tenant, incident]);
}

function assertConsecutive(entries: readonly Entry[], first: Entry): void {
  entries.forEach((entry, index) => {
    if (entry.tenant !== first.tenant || entry.incident !== first.incident || entry.seq !== first.seq + index) {
      throw new TypeError('an append takes consecutive entries of one incident');
    }
  });
}
