/**
 * The budget of request bytes in memory, over all connections and transports. A request that does not fit is answered
 * as retryable instead of being buffered: backpressure is explicit, memory is bounded (R18).
 */
export interface Admission {
  /** Takes `bytes` from the budget; false, and nothing taken, when they do not fit. */
  tryReserve(bytes: number): boolean;
  /** Whether `bytes` would fit now; takes nothing. */
  wouldFit(bytes: number): boolean;
  release(bytes: number): void;
  readonly inFlightBytes: number;
  readonly inFlightBytesMax: number;
}

export function createAdmission(inFlightBytesMax: number): Admission {
  let inFlightBytes = 0;
  return {
    inFlightBytesMax,
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
  tryGrow(bytes: number): boolean;
  wouldFit(bytes: number): boolean;
  readonly bytes: number;
  release(): void;
}

export function createReservation(admission: Admission): Reservation {
  let held = 0;
  return {
    tryGrow(bytes) {
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
    },
  };
}
