/** The query, asked for one of its rows only. */
export function narrowed(query: string, columns: Readonly<Record<string, string>>): string {
  const conditions = Object.entries(columns).map(([name, value]) => `${name} = ${quoted(value)}`);
  return `SELECT * FROM (\n${query}\n) WHERE ${conditions.join(' AND ')}`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
