import { aboutMs, createReturnTimes } from '../pipeline/return-times.ts';

/** Why nothing is appended: the spool closes, too much waits for the disk, no room is left within the bound, the disk does not write. */
export type RefusalReason = 'closed' | 'busy' | 'full' | 'disk';
export const REFUSAL_REASONS: readonly RefusalReason[] = ['closed', 'busy', 'full', 'disk'];

/** About how long a Docket that stops is away when it is started again at once. */
const RESTART_MS = 2_000;

/** In how many milliseconds a frame that is refused should come back, from what was seen of the disk and of the consumers. */
export interface RefusalDelay {
  /** So many bytes are durable. */
  durable(bytes: number): void;
  /** So many bytes were removed, because every consumer is past them. */
  released(bytes: number): void;
  /**
   * @param bytes what was refused
   * @param waitingBytes what waits for the disk
   */
  of(reason: RefusalReason, bytes: number, waitingBytes: number): number;
}

export function createRefusalDelay(clock: () => number = () => performance.now()): RefusalDelay {
  const returns = createReturnTimes({ clock });
  let durableAt = clock();
  let durableBytesPerMs = 0;
  let failingSince: number | undefined;
  let full = false;
  let roomAt = 0;
  // How long room was waited for the last time, and how much it was.
  let roomAfterMs = 0;
  let roomBytes = 0;

  return {
    durable(bytes) {
      const now = clock();
      const pace = bytes / Math.max(1, now - durableAt);
      durableBytesPerMs = durableBytesPerMs === 0 ? pace : (durableBytesPerMs + pace) / 2;
      durableAt = now;
      failingSince = undefined;
      full = false;
    },
    released(bytes) {
      if (!full) return;
      const now = clock();
      roomAfterMs = now - roomAt;
      roomBytes = bytes;
      roomAt = now;
    },
    of(reason, bytes, waitingBytes) {
      const now = clock();
      switch (reason) {
        case 'closed':
          return aboutMs(RESTART_MS);
        case 'busy':
          return returns.next(waitingBytes / durableBytesPerMs, bytes / durableBytesPerMs);
        case 'full': {
          if (!full) roomAt = now;
          full = true;
          // The next room comes after as long as the last; when it is overdue nobody knows better than as long again.
          const sinceMs = now - roomAt;
          const freeInMs = sinceMs < roomAfterMs ? roomAfterMs - sinceMs : sinceMs;
          return returns.next(freeInMs, roomBytes === 0 ? 0 : (bytes / roomBytes) * roomAfterMs);
        }
        default:
          // A disk that does not write says not when it will: as long again as it has not.
          failingSince ??= now;
          return returns.next(now - failingSince, 0);
      }
    },
  };
}
