import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPORT_VARIABLE, summaryOf } from '../support/fault-report.ts';

/** Collects what the tests count and prints it when all have run. */
export default function setup(): () => void {
  const file = join(tmpdir(), `docket-faults-${process.pid}.jsonl`);
  writeFileSync(file, '');
  process.env[REPORT_VARIABLE] = file;
  return () => {
    const summary = summaryOf(file);
    if (summary !== '') process.stdout.write(`\n${summary}\n`);
    rmSync(file, { force: true });
  };
}
