import { EXIT } from '../exit-code.ts';
import { columns, type Terminal } from '../terminal.ts';
import { ProofFailed, type CellVerdict, type PolicyTools, type Proof, type ProofRow } from './tools.ts';

export interface ProvePolicyOptions {
  readonly tools: PolicyTools;
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Every position on a line of its own; otherwise only those that are not all clean, and a line for each message. */
  readonly full: boolean;
  readonly dataDirectory: string | undefined;
}

const LETTERS: Readonly<Record<CellVerdict, string>> = { clean: '.', withheld: 'w', over: 'o', leak: 'L' };
const WORST: readonly CellVerdict[] = ['clean', 'withheld', 'over', 'leak'];
const LEAKS_SHOWN = 40;

/** Runs the proof and prints the matrix. 0: no canary was found anywhere; 1: one was, or a place could not be searched. */
export async function provePolicy(options: ProvePolicyOptions, file: string | undefined): Promise<number> {
  const { tools, terminal } = options;
  const verdict = tools.check(file);
  if (verdict.kind !== 'valid') {
    for (const { at, message } of verdict.problems) terminal.report(`${at}: ${message}`);
    return verdict.kind === 'unreadable' ? EXIT.usage : EXIT.no;
  }
  const started = performance.now();
  let proof: Proof;
  try {
    proof = await tools.prove({
      file,
      dataDirectory: options.dataDirectory,
      progress: (step) =>
        terminal.report(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${step}`),
    });
  } catch (error) {
    if (!(error instanceof ProofFailed)) throw error;
    terminal.report(`nothing is proven: ${error.message}`);
    return EXIT.unreachable;
  }
  terminal.print(options.json ? JSON.stringify(proof, null, 2) : described(proof, options.full));
  return proof.leaks.length === 0 && unseen(proof).length === 0 ? EXIT.done : EXIT.no;
}

/** Places where text that stays was not found: their silence proves nothing. */
function unseen(proof: Proof): readonly string[] {
  return proof.sinks.filter((each) => each.expectsControl && !each.seen).map((each) => each.sink);
}

function described(proof: Proof, full: boolean): string {
  const rows = full ? proof.rows : summed(proof.rows);
  const names = proof.columns.map((name, index) => `${letter(index)} ${name}`);
  const lines = [
    columns([
      ['position', proof.columns.map((_, index) => letter(index)).join('')],
      ...rows.map((row) => [
        row.position,
        row.verdicts.map((each) => (each === undefined ? ' ' : LETTERS[each])).join(''),
      ]),
    ]),
    '',
    `. clean   w withheld by the policy   o more taken out than the policy says   L leak`,
    ...inLines(names),
    '',
    columns([
      ['searched', 'bytes', 'text that stays', 'canaries'],
      ...proof.sinks.map((each) => [
        each.sink,
        each.bytes === 0 ? '' : `${each.bytes}`,
        each.seen ? 'found' : each.expectsControl ? 'NOT FOUND' : 'none here',
        each.leaks === 0 ? '0' : `${each.leaks} FOUND`,
      ]),
    ]),
    '',
  ];
  for (const { sink, position, carrier, form } of proof.leaks.slice(0, LEAKS_SHOWN)) {
    lines.push(`LEAK  ${position}, ${carrier}: found in ${sink} (${form})`);
  }
  if (proof.leaks.length > LEAKS_SHOWN) lines.push(`… and ${proof.leaks.length - LEAKS_SHOWN} more`);
  for (const sink of unseen(proof)) lines.push(`NOT PROVEN  ${sink}: text that stays was not found there either`);
  if (proof.mode === 'observe') lines.push('The policy observes only: it redacts nothing.');
  const verdicts = proof.rows.flatMap((row) => row.verdicts);
  const count = (verdict: CellVerdict): number => verdicts.filter((each) => each === verdict).length;
  lines.push(
    `${proof.policyVersion}: ${proof.canaries} canaries, ${count('clean')} clean, ${count('withheld')} withheld, ` +
      `${count('over')} over, ${count('leak')} leaked, in ${proof.seconds.toFixed(0)} s`,
  );
  return lines.join('\n');
}

/** One line for each message of each signal, the worst of its fields in each column; whatever leaks keeps its own line. */
function summed(rows: readonly ProofRow[]): readonly ProofRow[] {
  const groups = new Map<string, (CellVerdict | undefined)[]>();
  const own: ProofRow[] = [];
  for (const row of rows) {
    if (row.verdicts.includes('leak')) {
      own.push(row);
      continue;
    }
    const group = row.position.endsWith('(unknown field)')
      ? 'fields the schema does not know'
      : (/^(traces|logs|metrics) (\w+)/.exec(row.position)?.[0] ?? row.position);
    const verdicts = groups.get(group) ?? row.verdicts.map(() => undefined);
    groups.set(group, verdicts);
    row.verdicts.forEach((each, index) => {
      const before = verdicts[index];
      if (each !== undefined && (before === undefined || WORST.indexOf(each) > WORST.indexOf(before)))
        verdicts[index] = each;
    });
  }
  return [...[...groups].map(([position, verdicts]) => ({ position, verdicts })), ...own];
}

function letter(index: number): string {
  return String.fromCharCode('a'.charCodeAt(0) + index);
}

function inLines(names: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < names.length; at += 4)
    lines.push(
      names
        .slice(at, at + 4)
        .map((name) => name.padEnd(27))
        .join('')
        .trimEnd(),
    );
  return lines;
}
