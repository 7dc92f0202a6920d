import { readdirSync, readFileSync } from 'node:fs';

/** What a process has cost so far, from /proc (Linux). */
export interface ProcessCost {
  /** CPU-seconds of JavaScript, V8 and libuv threads. */
  readonly docketSeconds: number;
  /** CPU-seconds of the embedded engine's threads. */
  readonly engineSeconds: number;
  readonly rssBytes: number;
}

const TICKS_PER_SECOND = 100;

/** Node's own threads carry these names; every other thread in a Docket process was started by the embedded engine. */
const NODE_THREADS = /^(node|MainThread|libuv-worker|V8Worker|DelayedTaskSche|SignalInspector|node-.*)$/;

export function readProcessCost(pid: number): ProcessCost {
  let docket = 0;
  let engine = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    let stat: string;
    try {
      stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'utf8');
    } catch {
      continue;
    }
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const seconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    if (NODE_THREADS.test(name)) docket += seconds;
    else engine += seconds;
  }
  // Threads that ended are only in the process total; they were the engine's (Node's live as long as the process).
  const total = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = total.slice(total.lastIndexOf(')') + 2).split(' ');
  const all = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return {
    docketSeconds: docket,
    engineSeconds: engine + Math.max(0, all - docket - engine),
    rssBytes: Number(rss?.[1] ?? 0) * 1024,
  };
}
