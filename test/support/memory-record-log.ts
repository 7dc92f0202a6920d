import { canonicalJson } from '../../src/record/canonical-json.ts';
import type { Entry } from '../../src/record/entry.ts';
import type { AppendResult, RecordLog } from '../../src/record/record-log.ts';

export interface MemoryRecordLog extends RecordLog {
  /** The stored entries themselves: a test may damage them. */
  stored(tenant: string, incidentId: string): Entry[];
  /** Runs before each append is judged: a test may append first, or fail. */
  beforeAppend: ((entries: readonly Entry[]) => Promise<void>) | null;
  /** Runs after an append took effect and before it is confirmed. */
  afterAppend: ((entries: readonly Entry[]) => Promise<void>) | null;
}

/** A RecordLog that forgets when the process ends. */
export function createMemoryRecordLog(): MemoryRecordLog {
  const logs = new Map<string, Entry[]>();
  const of = (tenant: string, incidentId: string): Entry[] => {
    const key = `${tenant}\n${incidentId}`;
    const log = logs.get(key) ?? [];
    logs.set(key, log);
    return log;
  };
  const log: MemoryRecordLog = {
    beforeAppend: null,
    afterAppend: null,
    stored: of,
    async append(entries): Promise<AppendResult> {
      await log.beforeAppend?.(entries);
      const [first] = entries;
      if (first === undefined) return { kind: 'appended' };
      const stored = of(first.tenant, first.incident);
      const there = stored.slice(first.seq - 1, first.seq - 1 + entries.length);
      if (there.length > 0) {
        return canonicalJson(there) === canonicalJson(entries) ? { kind: 'appended' } : { kind: 'conflict' };
      }
      if (first.seq !== stored.length + 1) return { kind: 'conflict' };
      stored.push(...entries.map((entry) => structuredClone(entry)));
      await log.afterAppend?.(entries);
      return { kind: 'appended' };
    },
    async read(tenant, incidentId, afterSeq = 0) {
      return (logs.get(`${tenant}\n${incidentId}`) ?? [])
        .filter((entry) => entry.seq > afterSeq)
        .map((entry) => structuredClone(entry));
    },
    async heads() {
      return [...logs.values()].flatMap((entries) => {
        const last = entries.at(-1);
        return last === undefined ? [] : [{ tenant: last.tenant, incident: last.incident, seq: last.seq }];
      });
    },
  };
  return log;
}
