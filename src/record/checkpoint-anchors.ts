import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { KeyObject } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { signedCheckpointSchema, verifyCheckpoint, type SignedCheckpoint } from './checkpoint.ts';

/**
 * Signed heads outside the database, one JSON object a line: whoever changes or cuts a log there must also change this file,
 * which only ever grows. A copy of it elsewhere (or the webhook) is what nobody with this disk can undo.
 */
export interface CheckpointAnchors {
  /** Resolves when the line is on the disk. Lines are written in the order of the calls. */
  append(checkpoint: SignedCheckpoint): Promise<void>;
  /** The furthest head signed of an incident. */
  latest(tenant: string, incident: string): SignedCheckpoint | undefined;
  /** Every checkpoint of an incident, oldest first, the newest `limit` of them. */
  of(tenant: string, incident: string, limit: number): Promise<readonly SignedCheckpoint[]>;
  /** Lines that are not checkpoints signed by this key: passed over, and worth a look. */
  readonly foreignLines: number;
  close(): Promise<void>;
}

/** Lines longer than any checkpoint are passed over unread. */
const LINE_LENGTH_MAX = 4_096;

/** Opens `path`, or makes it (mode 0600), and reads which head of each incident is the furthest. */
export async function openCheckpointAnchors(path: string, key: KeyObject): Promise<CheckpointAnchors> {
  const file = await open(path, 'a+', 0o600);
  const latest = new Map<string, SignedCheckpoint>();
  let foreignLines = 0;
  for await (const checkpoint of checkpointsIn(path, key)) {
    if (checkpoint === undefined) foreignLines += 1;
    else keep(latest, checkpoint);
  }
  // A line that a crash cut short must not swallow the next one.
  if (await endsWithinLine(file)) await file.appendFile('\n');
  let queue: Promise<unknown> = Promise.resolve();

  return {
    append(checkpoint) {
      const written = queue.then(async () => {
        await file.appendFile(`${canonicalJson(checkpoint)}\n`);
        await file.datasync();
        keep(latest, checkpoint);
      });
      queue = written.catch(() => undefined);
      return written;
    },
    latest: (tenant, incident) => latest.get(keyOf(tenant, incident)),
    async of(tenant, incident, limit) {
      await queue;
      const found: SignedCheckpoint[] = [];
      for await (const checkpoint of checkpointsIn(path, key)) {
        if (checkpoint?.tenant !== tenant || checkpoint.incident !== incident) continue;
        found.push(checkpoint);
        if (found.length > limit) found.shift();
      }
      return found;
    },
    get foreignLines() {
      return foreignLines;
    },
    async close() {
      await queue;
      await file.close();
    },
  };
}

/** The checkpoints of an anchors file, in order; undefined for each line that `key` did not sign. */
async function* checkpointsIn(path: string, key: KeyObject): AsyncGenerator<SignedCheckpoint | undefined> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  for await (const line of lines) {
    if (line === '') continue;
    yield checkpointOf(line, key);
  }
}

function checkpointOf(line: string, key: KeyObject): SignedCheckpoint | undefined {
  if (line.length > LINE_LENGTH_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const parsed = signedCheckpointSchema.safeParse(value);
  return parsed.success && verifyCheckpoint(key, parsed.data) ? parsed.data : undefined;
}

function keep(latest: Map<string, SignedCheckpoint>, checkpoint: SignedCheckpoint): void {
  const key = keyOf(checkpoint.tenant, checkpoint.incident);
  if ((latest.get(key)?.seq ?? 0) <= checkpoint.seq) latest.set(key, checkpoint);
}

async function endsWithinLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  return last.toString() !== '\n';
}

function keyOf(tenant: string, incident: string): string {
  return `${tenant}\n${incident}`;
}
