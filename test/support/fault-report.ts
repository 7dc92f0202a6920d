import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

/** What a test adds to the counts that the suite prints at its end. */
export interface FaultCounts {
  readonly cycles?: number;
  readonly sent?: number;
  readonly acknowledged?: number;
  readonly stored?: number;
  readonly lost?: number;
  readonly duplicates?: number;
  readonly setAside?: number;
  /** Milliseconds from the start of a process, or the end of a fault, until requests are taken or the backlog is gone. */
  readonly recoveryMs?: readonly number[];
  /** Resident bytes of a Docket process. */
  readonly rssBytes?: number;
  /** Goodput under twice the load, as a share of the maximum. */
  readonly overloadShare?: number;
  /** Kills by the window they hit. */
  readonly windows?: Readonly<Record<string, number>>;
}

/** Names the file that the tests' counts go to; set for the suite by its global setup. */
export const REPORT_VARIABLE = 'DOCKET_FAULT_REPORT';

export function report(counts: FaultCounts): void {
  const file = process.env[REPORT_VARIABLE];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(counts)}\n`);
}

/** The counts of all tests, in a few lines to read. */
export function summaryOf(file: string): string {
  if (statSync(file).size === 0) return '';
  const all = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FaultCounts);
  const sum = (of: (counts: FaultCounts) => number | undefined): number =>
    all.reduce((total, counts) => total + (of(counts) ?? 0), 0);
  const recovery = all.flatMap((counts) => counts.recoveryMs ?? []).sort((left, right) => left - right);
  const at = (share: number): number =>
    Math.round(recovery[Math.min(recovery.length - 1, Math.floor(recovery.length * share))] ?? 0);
  const windows = new Map<string, number>();
  for (const { windows: found = {} } of all) {
    for (const [name, count] of Object.entries(found)) windows.set(name, (windows.get(name) ?? 0) + count);
  }
  const rss = Math.max(0, ...all.map((counts) => counts.rssBytes ?? 0));
  return [
    `kill cycles ${sum((each) => each.cycles)}` +
      (windows.size === 0 ? '' : ` (${[...windows].map(([name, count]) => `${name} ${count}`).join(', ')})`),
    `items sent ${sum((each) => each.sent)}, acknowledged ${sum((each) => each.acknowledged)}, ` +
      `stored ${sum((each) => each.stored)}, set aside ${sum((each) => each.setAside)}, ` +
      `lost ${sum((each) => each.lost)}, duplicates ${sum((each) => each.duplicates)}`,
    `recovery p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (${recovery.length} measured); ` +
      `RSS at most ${Math.round(rss / 1024 / 1024)} MiB` +
      all
        .flatMap((counts) => counts.overloadShare ?? [])
        .map((share) => `; goodput under twice the load ${share} of the maximum`)
        .join(''),
  ].join('\n');
}

/** Resident bytes of a process. */
export function residentBytes(pid: number): number {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  } catch {
    const printed = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
    return Number(printed) * 1024;
  }
}
