/** An INSERT whose rows come in the request's body, taken apart so that they can come from a file instead. */
export interface BodyInsert {
  /** `INSERT INTO table (columns)` */
  readonly head: string;
  /** `SETTINGS … FORMAT name` */
  readonly tail: string;
}

/** Undefined for any statement that brings its own rows (SELECT, VALUES) or is no INSERT. */
export function bodyInsertOf(query: string): BodyInsert | undefined {
  const start = /^\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?:`[^`]+`|"[^"]+"|[\w.])+\s*/i.exec(query)?.[0];
  if (start === undefined) return undefined;
  const columns = query[start.length] === '(' ? parenthesised(query, start.length) : '';
  const tail = query.slice(start.length + columns.length).trim();
  if (!/^(?:SETTINGS\b[\s\S]*)?FORMAT\s+\w+\s*;?$/i.test(tail)) return undefined;
  if (/FORMAT\s+Values\s*;?$/i.test(tail)) return undefined;
  return { head: `${start.trimEnd()} ${columns}`.trimEnd(), tail: tail.replace(/;$/, '') };
}

/** From the bracket at `from` to the one that closes it; names in back quotes may hold brackets. */
function parenthesised(text: string, from: number): string {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (character === '`') quoted = !quoted;
    else if (!quoted && character === '(') depth += 1;
    else if (!quoted && character === ')') depth -= 1;
    if (depth === 0) return text.slice(from, at + 1);
  }
  return text.slice(from);
}

/** A ClickHouse string literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** The HTTP status ClickHouse answers an exception with (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp). */
export function httpStatusOf(code: number): number {
  if (NOT_FOUND.has(code)) return 404;
  if (BAD_REQUEST.has(code)) return 400;
  return OTHER_STATUS.get(code) ?? 500;
}

// UNKNOWN_FUNCTION, _IDENTIFIER, _TYPE, _STORAGE, _TABLE, _FORMAT, _DATABASE, _SETTING, _AGGREGATE_FUNCTION, …
const NOT_FOUND: ReadonlySet<number> = new Set([46, 47, 50, 56, 60, 63, 73, 81, 106, 115, 336]);
// Everything that cannot be parsed, SYNTAX_ERROR, TYPE_MISMATCH, INCORRECT_DATA, BAD_ARGUMENTS, …
const BAD_REQUEST: ReadonlySet<number> = new Set([
  6, 25, 26, 27, 36, 38, 41, 43, 44, 53, 62, 69, 70, 72, 117, 167, 168, 186, 223, 371, 374, 427, 457,
]);
const OTHER_STATUS: ReadonlyMap<number, number> = new Map([
  [48, 501], // NOT_IMPLEMENTED
  [76, 503], // CANNOT_OPEN_FILE
  [159, 408], // TIMEOUT_EXCEEDED
  [209, 503], // SOCKET_TIMEOUT
  [516, 403], // AUTHENTICATION_FAILED
]);
