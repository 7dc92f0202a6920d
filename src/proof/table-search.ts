/** Rows of a SELECT; the embedded engine's and a server's answer alike. */
export type Query = <Row>(sql: string, parameters?: Readonly<Record<string, readonly string[]>>) => Promise<Row[]>;

export interface TextColumn {
  readonly table: string;
  readonly column: string;
}

const COLUMNS_MAX = 5_000;
const VALUES_MAX = 500;
const NEIGHBOURS_MAX = 100_000;

/** Every column of every table of the database that can hold text, at any depth of its type. */
export async function textColumns(query: Query): Promise<readonly TextColumn[]> {
  return query<TextColumn>(
    `SELECT table AS table, name AS column FROM system.columns
WHERE database = currentDatabase() AND (type LIKE '%String%' OR type LIKE '%JSON%' OR type LIKE '%Dynamic%')
AND default_kind NOT IN ('ALIAS', 'EPHEMERAL')
AND table NOT IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%View%')
ORDER BY table, position LIMIT ${COLUMNS_MAX}`,
  );
}

/** Values of the column that hold one of `needles`, as text; at most 500. Dead versions of rows are searched too. */
export async function valuesWith(
  query: Query,
  { table, column }: TextColumn,
  needles: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  // The engine takes at most 255 needles at once.
  for (let at = 0; at < needles.length; at += 250) {
    const rows = await query<{ value: string }>(
      `SELECT toString(\`${column}\`) AS value FROM \`${table}\`
WHERE multiSearchAny(toString(\`${column}\`), {needles:Array(String)}) LIMIT ${VALUES_MAX}`,
      { needles: needles.slice(at, at + 250) },
    );
    found.push(...rows.map((row) => row.value));
  }
  return found;
}

/** Cells whose neighbours the column holds. */
export async function neighboursIn(query: Query, { table, column }: TextColumn): Promise<readonly number[]> {
  const rows = await query<{ cell: string }>(
    `SELECT DISTINCT arrayJoin(extractAll(toString(\`${column}\`), 'cell-([0-9]{6})-kept')) AS cell FROM \`${table}\`
LIMIT ${NEIGHBOURS_MAX}`,
  );
  return rows.map((row) => Number(row.cell));
}
