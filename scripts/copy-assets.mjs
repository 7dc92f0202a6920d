// After tsc: copies what the program reads at run time and tsc does not emit (SQL) from src/ to the same place in dist/.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './ensure-installed.mjs';

const from = join(root, 'src');
const to = join(root, 'dist');
for (const file of readdirSync(from, { recursive: true })) {
  if (file.endsWith('.sql')) cpSync(join(from, file), join(to, file));
}
