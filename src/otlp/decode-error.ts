/**
 * The request's bytes are not what they claim to be. Permanent: the same bytes fail again.
 * The message names structure (field, offset, expectation), never a value from the request, so that it may be shown to
 * the sender and logged.
 */
export class OtlpDecodeError extends Error {
  override readonly name = 'OtlpDecodeError';
}

/** The request is well-formed as far as read, but larger than allowed. */
export class OtlpSizeError extends Error {
  override readonly name = 'OtlpSizeError';
}
