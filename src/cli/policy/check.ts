import { EXIT, UsageError } from '../exit-code.ts';
import { readJsonLines, readJsonRequests, type JsonRequest } from '../replay/otlp-json.ts';
import { columns, printable, type Terminal } from '../terminal.ts';
import { SampleError, type PolicyTools, type SampleChange } from './tools.ts';

export interface CheckOptions {
  readonly tools: PolicyTools;
  readonly terminal: Terminal;
  /** Standard output as it is: for colours, which `terminal` would take out. */
  readonly write: (text: string) => void;
  readonly colour: boolean;
  readonly json: boolean;
}

/** Sample files are read whole. */
export const SAMPLE_BYTES_MAX = 64 * 1024 * 1024;
/** Characters shown of what stays on either side of a change, and of a changed text. */
const CONTEXT = 40;
const SHOWN_MAX = 600;

/**
 * Checks a policy file and says what it does; with `sample` (OTLP/JSON: a request, a list of them, or one a line) also what it does to
 * that. Originals appear here and nowhere else: on the standard output of the user's own command.
 */
export function checkPolicy(
  options: CheckOptions,
  file: string | undefined,
  sample: { readonly name: string; readonly text: string } | undefined,
): number {
  const { tools, terminal } = options;
  const verdict = tools.check(file);
  if (verdict.kind !== 'valid') {
    if (options.json) terminal.print(JSON.stringify(verdict, null, 2));
    else for (const { at, message } of verdict.problems) terminal.report(`${at}: ${message}`);
    return verdict.kind === 'unreadable' ? EXIT.usage : EXIT.no;
  }
  if (sample === undefined && options.json) {
    terminal.print(JSON.stringify(verdict, null, 2));
    return EXIT.done;
  }
  if (sample === undefined) {
    const { kind: _, ...summary } = verdict;
    terminal.print(
      [
        `${verdict.version}, preset ${verdict.preset}, mode ${verdict.mode}`,
        `sha256 ${verdict.hash}`,
        '',
        columns([['rule pack', 'rules'], ...summary.packs.map((each) => [each.name, `${each.rules}`])]),
        '',
        columns([
          ['content', 'for example', 'treatment'],
          ...summary.classes.map((each) => [each.class, each.example, each.action]),
        ]),
        '',
        columns(
          [
            ['found in any text', 'treatment'],
            ['secret', 'redact'],
            ['pii', 'redact'],
            ...summary.findings.map((each) => [each.name, each.action]),
          ].filter(([name], index) => index === 0 || index > 2 || !summary.findings.some((each) => each.name === name)),
        ),
        '',
        `${summary.allowRules} allow rules, ${summary.overrides} overrides; ` +
          `texts up to ${summary.budgets.valueBytes} bytes, ${summary.budgets.decodeDepth} layers of JSON in strings`,
        ...(verdict.mode === 'observe' ? ['', 'mode observe: receipts are written, NOTHING is redacted'] : []),
      ].join('\n'),
    );
    return EXIT.done;
  }
  return preview(options, file, sample);
}

function preview(
  { tools, terminal, write, colour, json }: CheckOptions,
  file: string | undefined,
  sample: { readonly name: string; readonly text: string },
): number {
  const requests = requestsIn(sample.text);
  if (requests === undefined || requests.length === 0) {
    throw new UsageError(
      `${sample.name} holds no OTLP/JSON export request (resourceSpans, resourceLogs or resourceMetrics)`,
    );
  }
  const changes: SampleChange[] = [];
  for (const [index, { signal, body }] of requests.entries()) {
    const prefix = requests.length === 1 ? '' : `request ${index + 1}: `;
    try {
      for (const change of tools.preview(file, { signal, json: JSON.stringify(body) })) {
        changes.push({ ...change, path: prefix + change.path });
      }
    } catch (error) {
      if (error instanceof SampleError) throw new UsageError(`${sample.name}: ${prefix}${error.message}`);
      throw error;
    }
  }
  if (json) {
    terminal.print(JSON.stringify(changes, null, 2));
    return EXIT.done;
  }
  const paint = (code: string, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  for (const change of changes) {
    const [before, after] = clipped(change);
    write(`${paint('1', printable(change.path))}\n`);
    if (before !== undefined) write(`${paint('31', marked('- ', before))}\n`);
    if (after !== undefined) write(`${paint('32', marked('+ ', after))}\n`);
  }
  const places = changes.length === 1 ? '1 place' : `${changes.length} places`;
  write(
    `${changes.length === 0 ? 'nothing' : places} changed in ${requests.length} request${requests.length === 1 ? '' : 's'}\n`,
  );
  return EXIT.done;
}

function requestsIn(text: string): readonly JsonRequest[] | undefined {
  for (const read of [readJsonRequests, readJsonLines]) {
    try {
      return read(text).requests;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

function marked(sign: string, text: string): string {
  return printable(text)
    .split('\n')
    .map((line) => sign + line)
    .join('\n');
}

/** What both texts begin and end with, but for a little context, is left out. */
function clipped({ before, after }: SampleChange): [string | undefined, string | undefined] {
  if (before === undefined || after === undefined) return [cut(before), cut(after)];
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let tail = 0;
  const most = Math.min(before.length, after.length) - start;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const from = Math.max(0, start - CONTEXT);
  const dropped = Math.max(0, tail - CONTEXT);
  const slice = (text: string): string =>
    `${from > 0 ? '…' : ''}${text.slice(from, text.length - dropped)}${dropped > 0 ? '…' : ''}`;
  return [cut(slice(before)), cut(slice(after))];
}

function cut(text: string | undefined): string | undefined {
  if (text === undefined || text.length <= SHOWN_MAX) return text;
  return `${text.slice(0, SHOWN_MAX)}… (${text.length - SHOWN_MAX} more characters)`;
}
