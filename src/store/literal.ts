/**
 * Values in SQL. Docket's queries carry `{name:Type}` placeholders, as ClickHouse's own query parameters do, and this
 * file is the only place that turns a value into SQL text. ClickHouse's parameters are not used: the embedded engine
 * runs all parameterised queries of a process one after another (chdb 3.4), which would let one slow read hold up every
 * append; and one way for both engines is tested on both.
 */
export type SqlValue = string | number | bigint | boolean | readonly string[];

export type SqlParameters = Readonly<Record<string, SqlValue>>;

const INTEGER_TYPES: ReadonlySet<string> = new Set(['UInt8', 'UInt32', 'UInt64', 'Int32', 'Int64']);

/** Replaces every `{name:Type}` by the value's literal. Throws when a value is missing, unused or not of its type. */
export function bindParameters(sql: string, parameters: SqlParameters): string {
  const values = new Map(Object.entries(parameters));
  const used = new Set<string>();
  const bound = sql.replaceAll(/\{(\w+):([\w()]+)\}/g, (_, name: string, type: string) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`query parameter ${name} has no value`);
    used.add(name);
    return literal(name, type, value);
  });
  for (const name of values.keys()) if (!used.has(name)) throw new Error(`query parameter ${name} is not used`);
  return bound;
}

function literal(name: string, type: string, value: SqlValue): string {
  if (type === 'String' && typeof value === 'string') return stringLiteral(value);
  if (type === 'Array(String)' && Array.isArray(value)) return `[${value.map(stringLiteral).join(',')}]`;
  if (type === 'Float64' && typeof value === 'number' && Number.isFinite(value)) return `toFloat64(${value})`;
  if (type === 'Bool' && typeof value === 'boolean') return value ? 'true' : 'false';
  if (INTEGER_TYPES.has(type) && (typeof value === 'bigint' || Number.isSafeInteger(value))) {
    return `to${type}('${String(value)}')`;
  }
  throw new Error(`query parameter ${name} is not of type ${type}`);
}

/** Backslash and quote are all that can end or bend a ClickHouse string literal; NUL is written out for C-string paths. */
export function stringLiteral(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`;
}
