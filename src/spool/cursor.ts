import { replaceFile, type SpoolFiles } from './files.ts';
import type { Position } from './segment.ts';

/** How far one consumer is. */
export interface Cursor {
  /** Start of the first frame whose effect is not known to be durable. */
  readonly committed: Position;
  /** End of the batch that was handed over from `committed` on and may have had an effect. */
  readonly inFlightEnd: Position | undefined;
}

const NAME = /^([a-z][a-z0-9-]{0,63})\.json$/;

export function isConsumerName(name: string): boolean {
  return NAME.test(`${name}.json`);
}

/** The cursor of a consumer, or undefined when it has none or its file cannot be understood. */
export async function readCursor(files: SpoolFiles, directory: string, name: string): Promise<Cursor | undefined> {
  const bytes = await files.readFile(`${directory}/${name}.json`);
  if (bytes === undefined) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { committed, inFlightEnd } = parsed as { committed?: unknown; inFlightEnd?: unknown };
  const from = position(committed);
  return from === undefined ? undefined : { committed: from, inFlightEnd: position(inFlightEnd) };
}

/** Durable when it resolves. */
export async function writeCursor(files: SpoolFiles, directory: string, name: string, cursor: Cursor): Promise<void> {
  const text = JSON.stringify({ committed: cursor.committed, inFlightEnd: cursor.inFlightEnd ?? null });
  await replaceFile(files, directory, `${name}.json`, Buffer.from(`${text}\n`));
}

/** Names of the consumers that have a cursor file, attached now or not. */
export async function cursorNames(files: SpoolFiles, directory: string): Promise<string[]> {
  return (await files.list(directory)).flatMap((file) => NAME.exec(file)?.[1] ?? []);
}

function position(value: unknown): Position | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { segment, offset } = value as { segment?: unknown; offset?: unknown };
  if (!Number.isSafeInteger(segment) || !Number.isSafeInteger(offset)) return undefined;
  const found = { segment: Number(segment), offset: Number(offset) };
  return found.segment >= 0 && found.offset >= 0 ? found : undefined;
}
