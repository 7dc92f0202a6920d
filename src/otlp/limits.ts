/**
 * Bounds on what a sender may make Docket do. Each one is a number from the OTLP specification where it gives one, and
 * otherwise from the measurements named beside it.
 */

/** Largest request after decompression, in bytes. OTLP 1.11.0 recommends 64 MiB. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Most spans, log records or data points of one request. One that says nothing is two bytes, so that 32 million fit a request; a million
 * of them are 70 bytes each in a full one.
 */
export const REQUEST_ITEMS_MAX = 1_000_000;

/**
 * Largest request when what holds for several items (resource, scope, metric) is said with each of them, as rows say it, in bytes. A
 * resource of 3 KB may have 87,000 items in one request.
 */
export const SPREAD_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Most stretches taken out of one request: ids of log records, or items that do not lie side by side. Each has the length of every
 * message around it written anew: a million of them took four seconds and a gigabyte.
 */
export const REMOVALS_MAX = 100_000;

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
