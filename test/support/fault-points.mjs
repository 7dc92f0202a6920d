// Preloaded into a Docket under test (`--import`), so that nothing of this is in the product. What it does is said by
// variables:
//   FAULT_POINT=<name>:<count>   kill -9 of the process itself when the point is reached for the count-th time
//   FAULT_LOG=<file>             gets a line with the point's name just before
//   FAULT_EIO=<from>:<to>        syncs of a segment, counted from 1, that fail with EIO
//   FAULT_CLOCK_MS=<offset>      added to Date.now()
import { appendFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [point, countText = '1'] = (process.env.FAULT_POINT ?? '').split(':');
const [eioFrom = 0, eioTo = 0] = (process.env.FAULT_EIO ?? '').split(':').map(Number);
const clockOffset = Number(process.env.FAULT_CLOCK_MS ?? 0);
let left = Number(countText);
let syncs = 0;

function reach(name) {
  if (name !== point) return;
  left -= 1;
  if (left > 0) return;
  if (process.env.FAULT_LOG) appendFileSync(process.env.FAULT_LOG, `${name}\n`);
  process.kill(process.pid, 'SIGKILL');
}

const isSegment = (path) => /\/spool\/segments\/.*\.segment$/.test(String(path));
const isStaged = (path) => /\/clickhouse\/staging\/.*\.native$/.test(String(path));
const isCursor = (path, consumer) => String(path).endsWith(`/spool/cursors/${consumer}.json`);

const { open, rename, rm } = fs;

fs.open = async (path, ...rest) => {
  const handle = await open(path, ...rest);
  if (isSegment(path)) {
    const { writev, datasync } = handle;
    handle.writev = async (...args) => {
      const result = await writev.apply(handle, args);
      reach('append');
      return result;
    };
    handle.datasync = async () => {
      syncs += 1;
      if (syncs >= eioFrom && syncs <= eioTo) throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
      await datasync.apply(handle);
      reach('fsync');
      // The acknowledgement is on its way when this runs.
      setTimeout(() => reach('acknowledge'), 1);
    };
  } else if (isStaged(path)) {
    const { close } = handle;
    handle.close = async () => {
      await close.apply(handle);
      // The engine is given the block next; a moment later it is at work on it.
      setTimeout(() => reach('insert'), Math.floor(Math.random() * 15));
    };
  }
  return handle;
};

fs.rm = async (path, ...rest) => {
  // The engine has committed the block, the cursor does not know yet.
  if (isStaged(path)) reach('inserted');
  return rm(path, ...rest);
};

fs.rename = async (from, to) => {
  if (isCursor(to, 'loader')) reach('before checkpoint');
  if (isCursor(to, 'linker')) reach('before linker checkpoint');
  const result = await rename(from, to);
  if (isCursor(to, 'loader')) reach('checkpoint');
  return result;
};

syncBuiltinESMExports();

if (clockOffset !== 0) {
  const now = Date.now.bind(Date);
  Date.now = () => now() + clockOffset;
}
