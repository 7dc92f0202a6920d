import { createReturnTimes } from '../pipeline/return-times.ts';
import { createSlabMemory, type Piece, type SlabMemory } from '../pipeline/slab-memory.ts';

/**
 * What may be in progress at once, over all connections and transports: bytes in memory, and requests by how long the work
 * before them takes. A request that does not fit is answered as retryable instead of being taken in: backpressure is
 * explicit, memory is bounded (R18), and what is taken is answered while its sender still listens.
 */
export interface Admission {
  /**
   * Takes `bytes` of a whole request into the work in progress; false when they would wait far too long behind it. The bound is
   * wider than that of `wouldWait`: what was worth reading then should not be refused for what was read beside it.
   */
  tryEnter(bytes: number): boolean;
  /** The work of so many bytes is over. */
  leave(bytes: number): void;
  /** Whether a request would have to wait too long as things are: asked before it is read, a refusal costs next to nothing. */
  wouldWait(): boolean;
  /** Takes `bytes` from the budget; false, and nothing taken, when they do not fit. */
  tryReserve(bytes: number): boolean;
  /** Whether `bytes` would fit now; takes nothing. */
  wouldFit(bytes: number): boolean;
  release(bytes: number): void;
  /**
   * In how many milliseconds a request that is refused now should come back: when what waits is expected to be done at the pace of
   * late, behind those that were refused before. Each call is one request.
   */
  returnMs(): number;
  readonly inFlightBytes: number;
  readonly inFlightBytesMax: number;
  /** What whole bodies lie in. */
  readonly bodies: SlabMemory;
}

export interface AdmissionOptions {
  readonly inFlightBytesMax: number;
  /**
   * A request is refused when, at the pace of late, the work before it would take longer than this. Senders give up after 10 s by
   * default (OTEL_EXPORTER_OTLP_TIMEOUT): what is answered later was work for nothing and comes again. A sender with few
   * requests under way is also slowed by every wait, one that opens more connections is not: the queue is kept short.
   */
  readonly expectedWaitMsMax: number;
  /** So much work is let in whatever the pace of late: a service that had little to do has shown none. */
  readonly workBytesAlways: number;
  /** Milliseconds, monotonic. */
  readonly clock?: () => number;
  /** In [0, 1); `Math.random` unless a test says otherwise. */
  readonly random?: () => number;
}

/** The pace is taken anew after so many milliseconds with work, half from what it was. */
const PACE_WINDOW_MS = 500;
/** How far beyond the bound that requests are held against before they are read the work in progress may grow by what was read. */
const READ_FACTOR = 2;
/** What a request costs beside its bytes, in bytes. */
const REQUEST_BYTES = 4096;
/** What one request counts in the mean size of those of late, by which one is judged that was refused before it was read. */
const SHARE_OF_ONE = 0.05;

/** So much memory of bodies that were answered is kept for those to come. */
const BODIES_KEPT_BYTES_MAX = 32 * 1024 * 1024;

export function createAdmission(options: AdmissionOptions): Admission {
  const { inFlightBytesMax } = options;
  const clock = options.clock ?? (() => performance.now());
  let inFlightBytes = 0;
  let inProgress = 0;
  let workBytes = 0;
  let doneBytes = 0;
  let busyMs = 0;
  let busySince = 0;
  let bytesPerMs = 0;
  // How long there has been work of which none was done.
  let stuckMs = 0;
  let bytesOfLate = 0;
  const returns = createReturnTimes({ clock, ...(options.random === undefined ? {} : { random: options.random }) });

  /** Bytes done per millisecond in which there was work: a silence says nothing about how fast it goes. */
  function takePace(now: number): void {
    if (inProgress > 0) busyMs += now - busySince;
    busySince = now;
    if (busyMs < PACE_WINDOW_MS) return;
    const pace = doneBytes / busyMs;
    stuckMs = doneBytes === 0 ? stuckMs + busyMs : 0;
    bytesPerMs = bytesPerMs === 0 ? pace : (bytesPerMs + pace) / 2;
    doneBytes = 0;
    busyMs = 0;
  }

  function workBytesMax(): number {
    return Math.max(options.workBytesAlways, bytesPerMs * options.expectedWaitMsMax);
  }

  /** Of work that never went anywhere nothing is known, but that it takes longer than it has taken so far. */
  function expectedMs(bytes: number): number {
    if (bytes === 0) return 0;
    const pace = bytesPerMs > 0 ? bytesPerMs : doneBytes / Math.max(1, busyMs);
    return Math.max(stuckMs, pace > 0 ? bytes / pace : 0);
  }

  return {
    inFlightBytesMax,
    bodies: createSlabMemory({ keptBytesMax: BODIES_KEPT_BYTES_MAX }),
    tryEnter(bytes) {
      takePace(clock());
      if (workBytes >= workBytesMax() * READ_FACTOR) return false;
      inProgress += 1;
      workBytes += bytes + REQUEST_BYTES;
      return true;
    },
    leave(bytes) {
      takePace(clock());
      inProgress -= 1;
      workBytes -= bytes + REQUEST_BYTES;
      doneBytes += bytes + REQUEST_BYTES;
      bytesOfLate += (bytes + REQUEST_BYTES - bytesOfLate) * SHARE_OF_ONE;
    },
    returnMs() {
      takePace(clock());
      return returns.next(expectedMs(workBytes), expectedMs(bytesOfLate));
    },
    wouldWait() {
      takePace(clock());
      return workBytes >= workBytesMax();
    },
    tryReserve(bytes) {
      if (inFlightBytes + bytes > inFlightBytesMax) return false;
      inFlightBytes += bytes;
      return true;
    },
    wouldFit: (bytes) => inFlightBytes + bytes <= inFlightBytesMax,
    release(bytes) {
      inFlightBytes -= bytes;
    },
    get inFlightBytes() {
      return inFlightBytes;
    },
  };
}

/** What one request holds of the budget, of the work in progress and of the memory for bodies; given back once, whole. */
export interface Reservation {
  tryGrow(bytes: number): boolean;
  /** Whether a request of so many bytes is worth reading: it would fit, and not wait too long. */
  wouldEnter(bytes: number): boolean;
  /** The request is whole: takes its place among the work in progress, once. False when it would wait too long. */
  tryEnter(): boolean;
  readonly bytes: number;
  /** In how many milliseconds the request should come back when it is refused for want of room or time. */
  returnMs(): number;
  /** The chunks as one body, the request's until `release`. */
  join(chunks: readonly Buffer[], length: number): Buffer;
  release(): void;
}

export function createReservation(admission: Admission): Reservation {
  let held = 0;
  const pieces: Piece[] = [];
  let entered: number | undefined;
  let over = false;
  return {
    tryGrow(bytes) {
      // A chunk that arrives after its request was answered must not take room that nobody gives back.
      if (over || !admission.tryReserve(bytes)) return false;
      held += bytes;
      return true;
    },
    wouldEnter: (bytes) => admission.wouldFit(bytes) && !admission.wouldWait(),
    tryEnter() {
      if (over || !admission.tryEnter(held)) return false;
      entered = held;
      return true;
    },
    get bytes() {
      return held;
    },
    returnMs: () => admission.returnMs(),
    join(chunks, length) {
      const [only] = chunks;
      if (chunks.length === 1 && only !== undefined) return only;
      const piece = admission.bodies.take(length);
      pieces.push(piece);
      let at = 0;
      for (const chunk of chunks) {
        piece.bytes.set(chunk, at);
        at += chunk.length;
      }
      return piece.bytes;
    },
    release() {
      for (const piece of pieces.splice(0)) piece.release();
      admission.release(held);
      held = 0;
      if (entered !== undefined) admission.leave(entered);
      entered = undefined;
      over = true;
    },
  };
}
