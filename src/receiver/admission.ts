/**
 * What may be in progress at once, over all connections and transports: bytes in memory, and requests by how long they
 * would have to wait. A request that does not fit is answered as retryable instead of being taken in: backpressure is
 * explicit, memory is bounded (R18), and what is taken is answered while its sender still listens.
 */
export interface Admission {
  /** Takes a place among the requests in progress; false when a request more would wait too long. */
  tryEnter(): boolean;
  leave(): void;
  /** Takes `bytes` from the budget; false, and nothing taken, when they do not fit. */
  tryReserve(bytes: number): boolean;
  /** Whether `bytes` would fit now; takes nothing. */
  wouldFit(bytes: number): boolean;
  release(bytes: number): void;
  readonly inFlightBytes: number;
  readonly inFlightBytesMax: number;
}

export interface AdmissionOptions {
  readonly inFlightBytesMax: number;
  /**
   * A request is refused when, at the pace of late, the ones before it would take longer than this. Senders give up after
   * 10 s by default (OTEL_EXPORTER_OTLP_TIMEOUT): what is answered later was work for nothing and comes again.
   */
  readonly expectedWaitMsMax: number;
  /** So many requests are always let in, whatever the pace of late: a burst after a silence has none. */
  readonly requestsAlways: number;
  /** Milliseconds, monotonic. */
  readonly clock?: () => number;
}

/** The pace is taken anew at most this often, half from what it was. */
const PACE_WINDOW_MS = 500;

export function createAdmission(options: AdmissionOptions): Admission {
  const { inFlightBytesMax } = options;
  const clock = options.clock ?? (() => performance.now());
  let inFlightBytes = 0;
  let inProgress = 0;
  let answered = 0;
  let answeredPerMs = 0;
  let windowBegan = clock();

  function takePace(): void {
    const elapsed = clock() - windowBegan;
    if (elapsed < PACE_WINDOW_MS) return;
    answeredPerMs = (answeredPerMs + answered / elapsed) / 2;
    answered = 0;
    windowBegan += elapsed;
  }

  return {
    inFlightBytesMax,
    tryEnter() {
      takePace();
      if (inProgress >= Math.max(options.requestsAlways, answeredPerMs * options.expectedWaitMsMax)) return false;
      inProgress += 1;
      return true;
    },
    leave() {
      inProgress -= 1;
      answered += 1;
      takePace();
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

/** What one request holds of the budget; given back once, whole. */
export interface Reservation {
  /** Also takes the request's place, the first time. */
  tryGrow(bytes: number): boolean;
  wouldFit(bytes: number): boolean;
  readonly bytes: number;
  release(): void;
}

export function createReservation(admission: Admission): Reservation {
  let held = 0;
  let entered = false;
  let over = false;
  return {
    tryGrow(bytes) {
      // A chunk that arrives after its request was answered must not take a place that nobody gives back.
      if (over) return false;
      if (!entered && !(entered = admission.tryEnter())) return false;
      if (!admission.tryReserve(bytes)) return false;
      held += bytes;
      return true;
    },
    wouldFit: (bytes) => admission.wouldFit(bytes),
    get bytes() {
      return held;
    },
    release() {
      admission.release(held);
      held = 0;
      if (entered) admission.leave();
      entered = false;
      over = true;
    },
  };
}
