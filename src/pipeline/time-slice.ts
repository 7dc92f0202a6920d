import { setImmediate } from 'node:timers/promises';

/**
 * Long work in the background gives the event loop its turn: a batch worked through at once would keep requests, answers and
 * everything else waiting for as long as it takes.
 */
export interface TimeSlice {
  /** The slice is used up: time for `next`. */
  isOver(): boolean;
  /** Lets what waits have its turn, then begins another slice. */
  next(): Promise<void>;
}

const SLICE_MS = 10;

export function createTimeSlice(milliseconds = SLICE_MS): TimeSlice {
  let until = performance.now() + milliseconds;
  return {
    isOver: () => performance.now() >= until,
    async next() {
      await setImmediate();
      until = performance.now() + milliseconds;
    },
  };
}
