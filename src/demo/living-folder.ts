import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Every file below a folder that a running service works in: what vanishes between being listed and being looked at is
 * passed over (`readdir` with `recursive` throws then).
 */
export function* filesBelow(folder: string): Generator<string> {
  const folders = [folder];
  for (let current = folders.pop(); current !== undefined; current = folders.pop()) {
    for (const entry of ifThere(() => readdirSync(current ?? folder, { withFileTypes: true })) ?? []) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) yield path;
    }
  }
}

/** Files below `folder` whose bytes hold one of the needles. */
export function filesHolding(folder: string, needles: readonly Buffer[]): string[] {
  const holding: string[] = [];
  for (const path of filesBelow(folder)) {
    const bytes = ifThere(() => readFileSync(path));
    if (bytes !== undefined && needles.some((needle) => bytes.includes(needle))) holding.push(path);
  }
  return holding;
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
