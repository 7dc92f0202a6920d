/**
 * An error of ClickHouse or of the way to it. The message holds ClickHouse's code and symbolic name only: its own text may
 * quote values, which are content.
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  /** ClickHouse's error code; null when ClickHouse was not reached. */
  readonly code: number | null;
  readonly kind: EngineErrorKind;

  constructor(code: number | null, symbol: string, kind: EngineErrorKind, cause?: unknown) {
    super(code === null ? `store: ${symbol}` : `store: ClickHouse error ${code} ${symbol}`, { cause });
    this.code = code;
    this.kind = kind;
  }
}

/**
 * `data`: these rows are refused and always will be. `retryable`: anything else; the same statement may succeed later, so
 * nothing is set aside for it.
 */
export type EngineErrorKind = 'data' | 'retryable';

/** Codes that blame the rows (src/Common/ErrorCodes.cpp). Everything not listed is the engine's trouble, not the rows'. */
const DATA_CODES: ReadonlySet<number> = new Set([
  6, // CANNOT_PARSE_TEXT
  25, // CANNOT_PARSE_ESCAPE_SEQUENCE
  26, // CANNOT_PARSE_QUOTED_STRING
  27, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
  33, // CANNOT_READ_ALL_DATA
  38, // CANNOT_PARSE_DATE
  41, // CANNOT_PARSE_DATETIME
  53, // TYPE_MISMATCH
  69, // ARGUMENT_OUT_OF_BOUND
  70, // CANNOT_CONVERT_TYPE
  72, // CANNOT_PARSE_NUMBER
  117, // INCORRECT_DATA
  128, // TOO_LARGE_ARRAY_SIZE
  131, // TOO_LARGE_STRING_SIZE
  190, // SIZES_OF_ARRAYS_DONT_MATCH
  306, // TOO_DEEP_RECURSION
  321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
  349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
  469, // VIOLATED_CONSTRAINT
]);

/** Codes that say the server does not let Docket in as it is configured. */
const CONFIGURATION_CODES: ReadonlySet<number> = new Set([
  81, // UNKNOWN_DATABASE
  192, // UNKNOWN_USER
  193, // WRONG_PASSWORD
  194, // REQUIRED_PASSWORD
  497, // ACCESS_DENIED
  516, // AUTHENTICATION_FAILED
]);

/** Codes of a server that cannot answer now, whoever asks for what. */
const AWAY_CODES: ReadonlySet<number> = new Set([
  159, // TIMEOUT_EXCEEDED
  202, // TOO_MANY_SIMULTANEOUS_QUERIES
  209, // SOCKET_TIMEOUT
  210, // NETWORK_ERROR
  236, // ABORTED
  241, // MEMORY_LIMIT_EXCEEDED
  242, // TABLE_IS_READ_ONLY
  279, // ALL_CONNECTION_TRIES_FAILED
  999, // KEEPER_EXCEPTION
]);

/** Whether ClickHouse was not reached, or cannot answer anybody now. */
export function isStoreAway(error: unknown): boolean {
  return error instanceof EngineError && (error.code === null || AWAY_CODES.has(error.code));
}

/** Whether what failed at the start may pass by itself: a server that is away or busy, not one that refuses who asks. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof EngineError) || error.kind !== 'retryable') return false;
  return error.code === null || !CONFIGURATION_CODES.has(error.code);
}

/** Turns whatever a client threw into an EngineError. */
export function toEngineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const code = codeOf(thrown);
  if (code === null) return new EngineError(null, symbolOf(thrown) ?? 'not reachable', 'retryable', thrown);
  return new EngineError(code, symbolOf(thrown) ?? '', DATA_CODES.has(code) ? 'data' : 'retryable', thrown);
}

function codeOf(thrown: unknown): number | null {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return null;
  const code = Number(thrown.code);
  return Number.isInteger(code) ? code : null;
}

function symbolOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  if ('type' in thrown && typeof thrown.type === 'string') return thrown.type;
  if ('code' in thrown && typeof thrown.code === 'string') return thrown.code;
  return undefined;
}
