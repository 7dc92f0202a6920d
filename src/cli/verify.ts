import { readFile, stat } from 'node:fs/promises';
import { verifyBundle, type BundleVerdict, type Verdict } from '../record/verify-bundle.ts';
import { EXIT, UsageError } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

export interface VerifyCommandOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** File with the public key in PEM; without it the key in the bundle is used. */
  readonly publicKeyFile?: string;
  /** File of checkpoints, one JSON object a line: `anchors.jsonl`, or what the webhook received. */
  readonly anchorsFile?: string;
}

const BUNDLE_BYTES_MAX = 1024 * 1024 * 1024;
const KEY_BYTES_MAX = 64 * 1024;

/** Checks a bundle on this machine alone: 0 when it is intact and complete, 1 when not. */
export async function verifyFile(path: string, options: VerifyCommandOptions): Promise<number> {
  const bundle = await read(path, BUNDLE_BYTES_MAX);
  const publicKey =
    options.publicKeyFile === undefined ? undefined : (await read(options.publicKeyFile, KEY_BYTES_MAX)).toString();
  const anchors = options.anchorsFile === undefined ? [] : anchorsOf(await read(options.anchorsFile, BUNDLE_BYTES_MAX));
  let verdict: BundleVerdict;
  try {
    verdict = verifyBundle(bundle, { anchors, ...(publicKey === undefined ? {} : { publicKey }) });
  } catch (error) {
    // Only a key that is none throws: what is wrong with a bundle is a verdict.
    if (options.publicKeyFile === undefined) throw error;
    throw new UsageError(`${options.publicKeyFile} does not hold an Ed25519 public key in PEM`);
  }
  options.terminal.print(options.json ? JSON.stringify(verdict, null, 2) : words(verdict));
  return verdict.integrity.ok && verdict.completeness.ok ? EXIT.done : EXIT.no;
}

function words(verdict: BundleVerdict): string {
  const { ref, entries, evidence, head, checkpoint, keyId } = verdict;
  const lines = [
    ref === null ? 'not a bundle' : `${ref}: ${entries} entries to ${head?.seq ?? 0}, ${evidence} rows of evidence`,
    ...verdictLines('integrity', verdict.integrity, 'nothing in it was changed'),
    ...verdictLines(
      'completeness',
      verdict.completeness,
      `nothing is missing; entry ${checkpoint?.seq ?? 0} was signed at ${checkpoint?.at ?? ''}`,
    ),
    ...(keyId === null ? [] : [`key           ${keyId}`]),
    ...verdict.notes.map((note) => `note          ${note}`),
  ];
  return lines.join('\n');
}

function verdictLines(name: string, verdict: Verdict, good: string): string[] {
  const label = name.padEnd(14);
  return verdict.ok
    ? [`${label}ok: ${good}`]
    : [`${label}FAILED`, ...verdict.problems.map((problem) => `${' '.repeat(14)}${problem}`)];
}

function anchorsOf(file: Buffer): unknown[] {
  return file
    .toString()
    .split('\n')
    .flatMap((line) => {
      if (line === '') return [];
      try {
        return [JSON.parse(line) as unknown];
      } catch {
        // Counts as one that is of nobody.
        return [null];
      }
    });
}

async function read(path: string, bytesMax: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > bytesMax) throw new UsageError(`${path} is larger than ${bytesMax / 1024} KiB`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(`${path} cannot be read (${code})`);
  }
}
