/** Where a command writes. Text may come from telemetry: what could drive a terminal is taken out on the way. */
export interface Terminal {
  /** The command's answer, to standard output. */
  print(text: string): void;
  /** What went wrong or is going on, to standard error. */
  report(text: string): void;
  /** True when a person watches and progress may be drawn. */
  readonly interactive: boolean;
}

export interface TerminalOptions {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly interactive: boolean;
}

export function createTerminal(options: TerminalOptions): Terminal {
  return {
    print: (text) => options.stdout(`${printable(text)}\n`),
    report: (text) => options.stderr(`${printable(text)}\n`),
    interactive: options.interactive,
  };
}

/** Without control characters (escape sequences, carriage returns) and without marks that reverse reading order. */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}

/** Rows in columns, the last one as wide as it is. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  return rows
    .map((row) =>
      row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  '),
    )
    .join('\n');
}
