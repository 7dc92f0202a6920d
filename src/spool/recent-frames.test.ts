import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { SpooledFrame } from '../pipeline/frame.ts';
import { markRedacted } from '../pipeline/redacted.ts';
import { createRecentFrames } from './recent-frames.ts';
import { newSegment } from './segment.ts';

const MiB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

async function buffersMiB(): Promise<number> {
  // Buffers that are garbage are given back after the collection, by another thread.
  collect();
  await new Promise((resolve) => setTimeout(resolve, 20));
  collect();
  return process.memoryUsage().arrayBuffers / MiB;
}

test('of the memory of frames that nobody holds any more at most half the bound is kept', async () => {
  const before = await buffersMiB();
  const frame: SpooledFrame = {
    tenant: 'default',
    signal: 'traces',
    receivedAtUnixNano: 1n,
    policyVersion: 'open@000000000000',
    items: 1,
    receipts: [],
    facts: [],
    bytes: markRedacted<Uint8Array>(new Uint8Array(MiB)),
    contentHash: '',
  };
  const segment = newSegment('spool', 1);
  const frames = createRecentFrames(32 * MiB);
  const held = [];
  for (let index = 0; index < 80; index += 1) {
    frames.add(segment, index, frame, MiB);
    const recent = segment.recent.get(index);
    // A consumer that goes on using what was dropped for newer frames.
    recent?.memory.retain();
    if (recent !== undefined) held.push(recent);
    frames.forget(undefined);
  }
  expect((await buffersMiB()) - before).toBeGreaterThan(78);
  for (const { memory } of held.splice(0)) memory.release();
  frames.forget({ segment: 2, offset: 0 });
  expect((await buffersMiB()) - before).toBeLessThan(24);
});
