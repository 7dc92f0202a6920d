import { filesHolding } from '../../src/demo/living-folder.ts';

/**
 * Files below `folder` that hold `needle`, as it is or as base64. Compressed column files hide what they hold: tests of
 * the whole ask the tables too.
 */
export function searchFolder(folder: string, needle: string): string[] {
  const encoded = Buffer.from(Buffer.from(needle).toString('base64').slice(2, -4));
  return filesHolding(
    folder,
    [Buffer.from(needle), encoded].filter((form) => form.length > 7),
  );
}
