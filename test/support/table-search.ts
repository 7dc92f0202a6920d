import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textColumns, valuesWith, type Query, type TextColumn } from '../../src/proof/table-search.ts';

/** `table.column` of every column that holds one of `needles`, and which. */
export async function searchTables(query: Query, needles: readonly string[]): Promise<string[]> {
  const filled = new Set(
    (
      await query<{ table: string }>(
        `SELECT DISTINCT table AS table FROM system.parts WHERE active AND rows > 0 AND database = currentDatabase() LIMIT 1000`,
      )
    ).map((row) => row.table),
  );
  const hits: string[] = [];
  const columns = await textColumns(query);
  for (const table of filled) {
    const own = columns.filter((column) => column.table === table);
    // All columns of a row at once, and one by one only where there is something.
    if (own.length === 0 || !(await anywhere(query, own, needles))) continue;
    for (const column of own) {
      for (const value of await valuesWith(query, column, needles)) {
        for (const needle of needles) if (value.includes(needle)) hits.push(`${table}.${column.column}: ${needle}`);
      }
    }
  }
  return hits;
}

async function anywhere(query: Query, columns: readonly TextColumn[], needles: readonly string[]): Promise<boolean> {
  // One NULL among them would make all of the row NULL.
  const row = columns.map(({ column }) => `ifNull(toString(\`${column}\`), '')`).join(", '\\n', ");
  const text = columns.length === 1 ? row : `concat(${row})`;
  for (let at = 0; at < needles.length; at += 250) {
    const rows = await query<{ found: number }>(
      `SELECT 1 AS found FROM \`${columns[0]?.table ?? ''}\` WHERE multiSearchAny(${text}, {needles:Array(String)}) LIMIT 1`,
      { needles: needles.slice(at, at + 250) },
    );
    if (rows.length > 0) return true;
  }
  return false;
}

/** Finds many needles (each at least 4 bytes long) in one pass over the bytes. */
export function createNeedleSearch(needles: readonly string[]): (bytes: Buffer) => string[] {
  const byStart = new Map<number, Buffer[]>();
  for (const needle of needles) {
    const bytes = Buffer.from(needle);
    if (bytes.length < 4) throw new RangeError('needles have at least 4 bytes');
    const start = bytes.readUInt32LE(0);
    const known = byStart.get(start);
    if (known === undefined) byStart.set(start, [bytes]);
    else known.push(bytes);
  }
  return (bytes) => {
    const found = new Set<string>();
    let window = 0;
    for (let end = 0; end < bytes.length; end += 1) {
      window = ((window >>> 8) | ((bytes[end] ?? 0) << 24)) >>> 0;
      if (end < 3) continue;
      for (const needle of byStart.get(window) ?? []) {
        if (bytes.subarray(end - 3, end - 3 + needle.length).equals(needle)) found.add(needle.toString());
      }
    }
    return [...found];
  };
}

/** Every file below the folder, as bytes. */
export function filesBelow(folder: string): { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const path = join(entry.parentPath, entry.name);
    return [{ path, bytes: readFileSync(path) }];
  });
}
