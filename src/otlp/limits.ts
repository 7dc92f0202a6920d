/**
 * Bounds on what a sender may make Docket do. Each one is a number from the OTLP specification where it gives one, and
 * otherwise from the measurements named beside it.
 */

/** Largest request after decompression, in bytes. OTLP 1.11.0 recommends 64 MiB. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Deepest nesting of AnyValue: a scalar is 1, an array or a list of pairs with scalars is 2. Deeper is refused as malformed. 47 is what
 * the Collector leaves arrays in a log body (100 messages); lists of pairs, which cost more messages a level, get as many here.
 */
export const ANY_VALUE_DEPTH_MAX = 47;

/**
 * Deepest nesting of messages that this leaves, the request being 1: nine down to the value of an exemplar's attribute, three for each
 * list of pairs in it (KeyValueList, KeyValue, AnyValue), and an empty pair in the innermost. No message but AnyValue holds itself.
 */
export const MESSAGE_DEPTH_MAX = 9 + 3 * (ANY_VALUE_DEPTH_MAX - 1) + 2;

/** Largest error or partial-success message in a response, in bytes (R7, T20). */
export const RESPONSE_MESSAGE_BYTES_MAX = 1024;
