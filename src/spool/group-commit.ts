import type { SpooledFrame } from '../pipeline/frame.ts';
import type { Logger } from '../telemetry/logger.ts';
import { appendAll, errorCode, type SpoolFile, type SpoolFiles } from './files.ts';
import { encodeHeader, type EncodedFrame } from './frame-codec.ts';
import type { SpoolInstruments } from './instruments.ts';
import type { Segment } from './segment.ts';

/** Most frames that share a write. Three buffers each stay within what one writev takes (IOV_MAX is 1,024). */
const GROUP_FRAMES_MAX = 340;

export interface AppendedFrame {
  readonly frame: SpooledFrame;
  readonly offset: number;
  readonly size: number;
}

export interface GroupCommitOptions {
  readonly directory: string;
  readonly files: SpoolFiles;
  readonly segmentBytes: number;
  /** Makes the next segment's description; called when one has to be created. */
  readonly nextSegment: () => Segment;
  /** The segment's file exists, durably. */
  readonly onSegment: (segment: Segment) => void;
  /** The segment was given up before it held a durable frame. */
  readonly onSegmentGone: (segment: Segment) => void;
  /** The frames are durable; called before their appends resolve. */
  readonly onDurable: (segment: Segment, frames: readonly AppendedFrame[]) => void;
  readonly instruments: SpoolInstruments;
  readonly logger: Logger;
}

/**
 * Writes frames at the end of the newest segment. Frames that arrive while a write is under way wait and then share the
 * next one: one writev, one fdatasync, however many they are.
 *
 * After any failure the segment is given up at its last durable length and the next group gets a new one. An fdatasync
 * is never tried again: the kernel may have dropped the pages and would answer success.
 */
export interface GroupCommit {
  /** Resolves when the frame is durable; rejects with the system's error when it is not and will not be. */
  append(frame: SpooledFrame, encoded: EncodedFrame): Promise<void>;
  /** Bytes not yet durable. */
  pendingBytes(): number;
  /** Ends the current segment when nothing is being written to it. */
  seal(): Promise<void>;
  /** Waits for what was appended, then closes the file. */
  close(): Promise<void>;
}

interface Waiting {
  readonly frame: SpooledFrame;
  readonly encoded: EncodedFrame;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { files, instruments, logger, segmentBytes } = options;
  const queue: Waiting[] = [];
  let active: { readonly segment: Segment; readonly file: SpoolFile } | undefined;
  let pendingBytes = 0;
  let running: Promise<void> | undefined;

  async function openSegment(): Promise<{ readonly segment: Segment; readonly file: SpoolFile }> {
    const segment = options.nextSegment();
    const file = await files.open(segment.path, 'create');
    try {
      await files.fsyncDirectory(options.directory);
    } catch (error) {
      await file.close();
      await files.unlink(segment.path);
      throw error;
    }
    options.onSegment(segment);
    return { segment, file };
  }

  async function sealActive(): Promise<void> {
    if (active === undefined) return;
    const { segment, file } = active;
    active = undefined;
    segment.sealed = true;
    await closeQuietly(file);
  }

  async function abandonActive(error: unknown): Promise<void> {
    if (active === undefined) return;
    const { segment, file } = active;
    active = undefined;
    segment.sealed = true;
    logger.error(
      { code: errorCode(error), segment: segment.index, durableBytes: segment.length },
      'a write to the spool failed; the segment is closed at its last durable frame',
    );
    try {
      // Nothing behind this length was acknowledged; cutting it off keeps a restart from delivering it as well as its retry.
      await file.truncate(segment.length);
    } catch (cause) {
      logger.error({ code: errorCode(cause), segment: segment.index }, 'an unacknowledged tail could not be cut off');
    }
    await closeQuietly(file);
    if (segment.length > 0) return;
    options.onSegmentGone(segment);
    try {
      await files.unlink(segment.path);
    } catch (cause) {
      logger.error({ code: errorCode(cause), segment: segment.index }, 'an empty segment could not be removed');
    }
  }

  async function closeQuietly(file: SpoolFile): Promise<void> {
    try {
      await file.close();
    } catch (error) {
      // Everything acknowledged was synced before.
      logger.warn({ code: errorCode(error) }, 'a segment did not close cleanly');
    }
  }

  function takeGroup(room: number): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { encoded } of queue) {
      if (count === GROUP_FRAMES_MAX || (count > 0 && bytes + encoded.size > room)) break;
      bytes += encoded.size;
      count += 1;
    }
    return queue.splice(0, count);
  }

  async function commit(group: readonly Waiting[], segment: Segment, file: SpoolFile): Promise<void> {
    const buffers: Uint8Array[] = [];
    const appended: AppendedFrame[] = [];
    let at = segment.length;
    for (const { frame, encoded } of group) {
      buffers.push(encodeHeader(encoded, segment.salt), encoded.metadata, encoded.bytes);
      appended.push({ frame, offset: at, size: encoded.size });
      at += encoded.size;
    }
    await appendAll(file, buffers, segment.length);
    const started = performance.now();
    await file.fdatasync();
    instruments.fsyncDuration.record((performance.now() - started) / 1000);
    instruments.groupFrames.record(group.length);
    instruments.appendedFrames.add(group.length);
    instruments.appendedBytes.add(at - segment.length);
    segment.length = at;
    options.onDurable(segment, appended);
  }

  async function run(): Promise<void> {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      if (
        active !== undefined &&
        active.segment.length > 0 &&
        active.segment.length + first.encoded.size > segmentBytes
      ) {
        await sealActive();
      }
      const group = takeGroup(segmentBytes - (active?.segment.length ?? 0));
      try {
        active ??= await openSegment();
        await commit(group, active.segment, active.file);
        for (const { resolve } of group) resolve();
      } catch (error) {
        await abandonActive(error);
        for (const { reject } of group) reject(error);
      }
      for (const { encoded } of group) pendingBytes -= encoded.size;
    }
  }

  function schedule(): void {
    if (running !== undefined) return;
    // What is running first: requests that have their turn together are appended together. Not another turn of the event loop, in which
    // consumers and other requests have theirs before.
    running = Promise.resolve()
      .then(run)
      .finally(() => {
        running = undefined;
        if (queue.length > 0) schedule();
      });
  }

  return {
    append(frame, encoded) {
      pendingBytes += encoded.size;
      return new Promise((resolve, reject) => {
        queue.push({ frame, encoded, resolve, reject });
        schedule();
      });
    },
    pendingBytes: () => pendingBytes,
    async seal() {
      if (running === undefined) {
        running = sealActive().finally(() => {
          running = undefined;
          if (queue.length > 0) schedule();
        });
      }
      await running;
    },
    async close() {
      for (let current = running; current !== undefined; current = running) await current;
      await sealActive();
    },
  };
}
