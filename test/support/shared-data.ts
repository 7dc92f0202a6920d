import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '..', '..', '..', 'shared', 'data');

/**
 * Real telemetry kept beside the checkout (`../shared/data`). A clone without it passes its tests all the same; the ones
 * that read it say that they were skipped.
 */
export const sharedData = { present: existsSync(folder), path: (...parts: string[]): string => join(folder, ...parts) };

if (!sharedData.present)
  process.stdout.write('skipped: ../shared/data is not there, so tests on recorded telemetry do not run\n');
