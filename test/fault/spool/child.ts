// A process that appends and consumes until it is killed. Arguments: data directory, log file, prefix of its labels,
// `run` or `finish`, and for a failpoint: operation, `before` or `after`, and how many such operations go well first.
// The log is one line per event, written synchronously: S sent, A acknowledged, D delivered with its batch, E took effect.
import { appendFileSync, openSync, writeSync } from 'node:fs';
import { createSpoolFiles } from '../../../src/spool/files.ts';
import { createSpool } from '../../../src/spool/spool.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { createFaultyFiles, type FileOperation } from './faulty-files.ts';
import { frameLabelled, labelOf } from './frames.ts';

const [directory = '', logPath = '', prefix = '', mode = 'run', operation, edge, countText] = process.argv.slice(2);
const log = openSync(logPath, 'a');
const note = (line: string): void => {
  writeSync(log, `${line}\n`);
};

let left = Number(countText ?? 0);
const failpoint = (at: 'before' | 'after') => (reached: FileOperation, path: string) => {
  if (edge !== at || reached !== operation || !/segments|cursors/.test(path)) return;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
  left -= 1;
};

const spool = createSpool({
  directory,
  // Small, so that segments begin, end and are removed all the time.
  segmentBytes: 16 * 1024,
  meter: createMetrics().meter,
  logger: createLogger('silent'),
  files:
    operation === undefined
      ? createSpoolFiles()
      : createFaultyFiles({ before: failpoint('before'), after: failpoint('after') }),
});
for (const name of ['one', 'two']) {
  spool.attach({
    name,
    batch: { framesMax: name === 'one' ? 7 : 50, bytesMax: 1024 * 1024, lingerMs: name === 'one' ? 0 : 2 },
    async consume(batch) {
      note(`D ${name} ${batch.id} ${batch.redelivered} ${batch.frames.map(labelOf).join(',')}`);
      await new Promise((resolve) => setImmediate(resolve));
      note(`E ${name} ${batch.id}`);
      return { kind: 'accepted', setAside: 0 };
    },
  });
}
await spool.start();
note(`R ${prefix}`);
if (mode === 'finish') {
  const drained = await spool.drain(30_000);
  const { corruptFrames } = spool.status();
  await spool.close();
  appendFileSync(logPath, `F ${drained} ${corruptFrames}\n`);
} else {
  let count = 0;
  const sender = async (): Promise<void> => {
    for (;;) {
      const label = `${prefix}.${(count += 1)}`;
      note(`S ${label}`);
      const outcome = await spool.append(frameLabelled(label, 200 + (count % 7) * 400));
      if (outcome.kind === 'accepted') note(`A ${label}`);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await Promise.all(Array.from({ length: 16 }, sender));
}
