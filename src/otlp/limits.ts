/**
 * Bounds on what a sender may make Docket do. Each one is a number from the OTLP specification where it gives one, and
 * otherwise from the measurements named beside it.
 */

/** Largest request after decompression, in bytes. OTLP 1.11.0 recommends 64 MiB. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Deepest nesting of protobuf messages in a request, the outermost being 1. 100 is protobuf's own default recursion
 * limit and what the Collector adopts; an AnyValue list costs two levels (AnyValue + ArrayValue), which leaves 47
 * levels of AnyValue in a log body (see ANY_VALUE_DEPTH_MAX).
 */
export const MESSAGE_DEPTH_MAX = 100;

/** Deepest nesting of AnyValue: a scalar is 1, an array of scalars is 2. Deeper is refused as malformed. */
export const ANY_VALUE_DEPTH_MAX = 47;

/** Largest error or partial-success message in a response, in bytes (R7, T20). */
export const RESPONSE_MESSAGE_BYTES_MAX = 1024;
