import type { FrameBatch } from '../pipeline/consumer.ts';
import { appendAll, type SpoolFiles } from './files.ts';
import { encodeFrame, encodeHeader, SALT_BYTES } from './frame-codec.ts';
import type { SpoolInstruments } from './instruments.ts';

const REASON_CHARACTERS_MAX = 1024;
const NAME = /^\d{13}-[a-z][a-z0-9-]*-[0-9a-f]{16}\.dead-letter$/;
/** Frames in here belong to no segment: their salt is zero. */
const NO_SALT = Buffer.alloc(SALT_BYTES);

/** One batch that a consumer refused for good. */
export interface DeadLetter {
  readonly file: string;
  readonly consumer: string;
  readonly batchId: string;
  readonly reason: string;
  readonly atUnixMs: number;
  readonly frames: number;
  readonly bytes: number;
}

/**
 * The folder of refused batches. A file is one line of JSON that says who refused what and why, then the frames as in
 * a segment. Bounded: the oldest files make room, counted.
 */
export interface DeadLetters {
  start(): Promise<void>;
  /** Durable when it resolves. */
  add(consumer: string, batch: FrameBatch, reason: string): Promise<void>;
  /** Newest last. */
  list(): readonly DeadLetter[];
  bytes(): number;
}

export interface DeadLettersOptions {
  readonly directory: string;
  readonly bytesMax: number;
  readonly files: SpoolFiles;
  readonly clock: () => number;
  readonly instruments: SpoolInstruments;
}

export function createDeadLetters(options: DeadLettersOptions): DeadLetters {
  const { directory, files, instruments } = options;
  const letters: DeadLetter[] = [];
  let bytes = 0;

  async function makeRoom(needed: number): Promise<void> {
    for (let oldest = letters[0]; oldest !== undefined && bytes + needed > options.bytesMax; oldest = letters[0]) {
      await files.unlink(`${directory}/${oldest.file}`);
      letters.shift();
      bytes -= oldest.bytes;
      instruments.deadLetterEvictedFrames.add(oldest.frames, { consumer: oldest.consumer });
    }
  }

  return {
    async start() {
      await files.makeDirectory(directory);
      for (const name of await files.list(directory)) {
        const content = NAME.test(name) ? await files.readFile(`${directory}/${name}`) : undefined;
        const letter = content === undefined ? undefined : parseLetter(name, content);
        if (letter === undefined) continue;
        letters.push(letter);
        bytes += letter.bytes;
      }
    },
    async add(consumer, batch, reason) {
      const atUnixMs = options.clock();
      const file = `${String(atUnixMs).padStart(13, '0')}-${consumer}-${batch.id.slice(0, 16)}.dead-letter`;
      const letter = {
        consumer,
        batchId: batch.id,
        reason: reason.slice(0, REASON_CHARACTERS_MAX),
        atUnixMs,
        frames: batch.frames.length,
      };
      const buffers: Uint8Array[] = [Buffer.from(`${JSON.stringify({ version: 1, ...letter })}\n`)];
      for (const frame of batch.frames) {
        const encoded = encodeFrame(frame);
        buffers.push(encodeHeader(encoded, NO_SALT), encoded.metadata, encoded.bytes);
      }
      const size = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
      await makeRoom(size);
      await files.unlink(`${directory}/${file}`);
      const handle = await files.open(`${directory}/${file}`, 'create');
      try {
        await appendAll(handle, buffers, 0);
        await handle.fdatasync();
      } catch (error) {
        await handle.close();
        await files.unlink(`${directory}/${file}`);
        throw error;
      }
      await handle.close();
      await files.fsyncDirectory(directory);
      letters.push({ ...letter, file, bytes: size });
      bytes += size;
      instruments.deadLetterFrames.add(batch.frames.length, { consumer });
    },
    list: () => letters,
    bytes: () => bytes,
  };
}

function parseLetter(file: string, content: Buffer): DeadLetter | undefined {
  const lineEnd = content.indexOf('\n');
  let parsed: unknown;
  try {
    parsed = JSON.parse(content.toString('utf8', 0, Math.max(0, lineEnd)));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { consumer, batchId, reason, atUnixMs, frames } = parsed as Partial<Record<keyof DeadLetter, unknown>>;
  if (typeof consumer !== 'string' || typeof batchId !== 'string' || typeof reason !== 'string') return undefined;
  if (typeof atUnixMs !== 'number' || typeof frames !== 'number') return undefined;
  return { file, consumer, batchId, reason, atUnixMs, frames, bytes: content.length };
}
