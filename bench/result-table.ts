export interface Column<Row> {
  readonly title: string;
  cell(row: Row): string;
}

export const fixed = (value: number | undefined, digits: number): string =>
  value === undefined ? '' : value.toFixed(digits);

/** Prints the head of a Markdown table. */
export function printHeader(columns: readonly { readonly title: string }[]): void {
  printLine(columns.map(({ title }) => title));
  printLine(columns.map(() => '---'));
}

/** Prints a row at once: a run that is cut short has shown what it saw. */
export function printRow<Row>(columns: readonly Column<Row>[], row: Row): void {
  printLine(columns.map((column) => column.cell(row)));
}

function printLine(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
